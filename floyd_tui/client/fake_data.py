"""What the fake hosts hold: a week of a person's work, the same each time."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache

from floyd_tui.client.fake_host import NOW, FakeFile, FakeHost
from floyd_tui.client.fake_jobs import (
    DAY,
    DIGITS_JOBS,
    GIB,
    HOUR,
    MIB,
    OTHER_JOBS,
    OWNER,
    S,
    all_metrics,
    code_files,
    digest,
    last_values,
    make_job,
    output_files,
)
from floyd_tui.client.fake_logs import oom_log, short_log, training_log
from floyd_tui.client.fake_usage import usage_of
from runner.models import (
    Dataset,
    DatasetVersion,
    Environment,
    GpuStats,
    HostStats,
    Job,
    JobStats,
    Project,
    RunnerInfo,
    manifest_of,
)

GPU_NAMES = ("NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB")


def _version(
    dataset: str, version: int, files: int, size: int, age: float, message: str, source: str | None = None
) -> DatasetVersion:
    tree = digest(f"{dataset}/{version}")
    return DatasetVersion(OWNER, dataset, version, tree, files, size, NOW - age, message, source)


def _datasets() -> list[Dataset]:
    digits = (
        _version("digits", 2, 4, 1_221_632, 6 * DAY, "deskewed, 1797 scans"),
        _version("digits", 1, 3, 1_187_328, 12 * DAY, "as scanned"),
    )
    voice = (_version("voices-nl", 1, 18_442, 41 * GIB, 16 * DAY, "Common Voice, Dutch, clips over 2 s"),)
    best = (_version("digits-best", 1, 3, 2_971_512, 8 * HOUR, "checkpoints of digits/6", "ada/projects/digits/6"),)
    return [
        Dataset(OWNER, "digits", NOW - 12 * DAY, "Handwritten digits, 8 by 8", versions=digits),
        Dataset(OWNER, "digits-best", NOW - 8 * HOUR, "Checkpoints to start from", versions=best),
        Dataset(OWNER, "voices-nl", NOW - 16 * DAY, "Dutch speech with transcripts", public=True, versions=voice),
    ]


def _dataset_files() -> dict[str, list[FakeFile]]:
    digits = [
        FakeFile("LICENSE", b"CC0: no rights reserved.\n", 0, NOW - 12 * DAY),
        FakeFile("images.npy", b"", 920_192, NOW - 6 * DAY),
        FakeFile("labels.npy", b"", 14_504, NOW - 6 * DAY),
        FakeFile("meta/classes.json", b'["zero", "one", "two", "three", "four"]', 0, NOW - 6 * DAY),
    ]
    clips = [FakeFile(f"clips/{i:05}.opus", b"", 24_000 + i * 37, NOW - 16 * DAY) for i in range(40)]
    return {
        "ada/datasets/digits/2": digits,
        "ada/datasets/digits/1": digits[:3],
        "ada/datasets/voices-nl/1": [
            *clips,
            FakeFile("transcripts.tsv", b"00000\tgoedemorgen\n" * 200, 0, NOW - 16 * DAY),
        ],
        "ada/datasets/digits-best/1": [FakeFile("checkpoints/best.pt", b"", 1_482_752, NOW - 8 * HOUR)],
    }


def _environments() -> list[Environment]:
    return [
        Environment(
            "jax-0.7", "docker.io/library/jax:0.7", "JAX 0.7 with Flax and Optax", "jax:0.7-cuda12", present=False
        ),
        Environment("python-3.12", "docker.io/library/python:3.12-slim", "Python alone, small and quick", present=True),
        Environment(
            "pytorch-2.8",
            "docker.io/pytorch/pytorch:2.8",
            "PyTorch 2.8, torchvision",
            "pytorch:2.8-cuda12",
            present=True,
        ),
        Environment(
            "tensorflow-2.20",
            "docker.io/tensorflow/tensorflow:2.20",
            "TensorFlow 2.20, Keras 3",
            "tensorflow:2.20-gpu",
            "root",
        ),
    ]


def _gpu_stats(count: int) -> list[HostStats]:
    noise = random.Random(11)
    history = []
    for i in range(count):
        wave = math.sin(i / 6)
        busy = GpuStats(
            0,
            "GPU-5c2f61d8-0a3e-4c5e-9b0e-6d1c6b1f2a01",
            GPU_NAMES[0],
            min(99.0, 91 + 6 * wave + noise.gauss(0, 2)),
            int((61.2 + wave) * GIB),
            80 * GIB,
            67 + 2 * wave,
            312 + 25 * wave,
            400,
            ("ada/projects/digits/7",),
        )
        idle = GpuStats(
            1, "GPU-91d0a7c4-77b1-4f0b-8a54-0c9e5d2b7f02", GPU_NAMES[1], 0.0, 442 * MIB, 80 * GIB, 34, 58, 400
        )
        use = JobStats("ada/projects/digits/7", 412 + 40 * wave, int(9.4 * GIB), 32 * GIB)
        history.append(
            HostStats(
                NOW - count + 1 + i,
                31 + 5 * wave + noise.random(),
                32,
                6.4,
                int((74 + wave) * GIB),
                256 * GIB,
                1180 * GIB,
                1863 * GIB,
                (busy, idle),
                "",
                (use,),
                GIB,
            )
        )
    return history


# The long ones are the same in each demo, and made once.
_metrics, _training = cache(all_metrics), cache(training_log)


def _fill(host: FakeHost, job: Job) -> None:
    """Give `job` the code, log, metrics and output that one in its state has."""
    code = code_files()
    host.sources[f"{job.name}/code"] = code
    since = job.started_at or job.created_at
    ran = (job.ended_at or NOW) - since if job.started_at else 0
    points = list(_metrics(since, min(240, int(ran / 12)))) if job.project == "digits" and ran > 600 else []
    log, times = {
        S.QUEUED: (b"", []),
        S.PREPARING: (b"", []),
        S.FAILED: oom_log(since),
    }.get(job.state) or (_training(since, int(ran)) if job.project == "digits" else short_log(since))
    output = output_files(points, since) if job.started_at else []
    host.sources[f"{job.name}/output"] = output
    host.metrics[job.name], host.logs[job.name], host.log_times[job.name] = points, bytearray(log), list(times)
    host.usages[job.name] = usage_of(job, job.ended_at or NOW)
    tree = manifest_of(file.entry() for file in output)[0] if output and job.state.ended else None
    host.add_job(
        replace(
            job,
            code=manifest_of(file.entry() for file in code)[0],
            output=tree,
            output_files=len(output),
            output_size=sum(file.length for file in output),
            log_size=len(log),
            metrics=last_values(points) or job.metrics,
        )
    )


def gpu_host() -> FakeHost:
    """A shared machine with two GPUs and Docker."""
    info = RunnerInfo(
        "0.1.0", 1, OWNER, "gauss", "docker", "Docker Engine 28.5", "/srv/floyd-runner", 2114, NOW - 19 * DAY
    )
    host = FakeHost(info, _gpu_stats(60))
    for job in (*DIGITS_JOBS, *OTHER_JOBS):
        _fill(host, job)
    host.projects["scratch"] = Project(OWNER, "scratch", NOW - 40 * DAY, "Nothing here yet", updated_at=NOW - 40 * DAY)
    host.datasets = {dataset.name: dataset for dataset in _datasets()}
    host.sources.update(_dataset_files())
    host.environments = _environments()
    return host


def laptop_host() -> FakeHost:
    """This machine: no GPU, no Docker."""
    note = "No Docker Engine answers at /var/run/docker.sock, so jobs run as plain processes (with bubblewrap)."
    info = RunnerInfo(
        "0.1.0", 1, OWNER, "ada-laptop", "process", note, "/home/ada/.local/share/floyd-runner", 3310, NOW - HOUR
    )
    stats = [
        HostStats(
            NOW - 59 + i,
            12 + 4 * math.sin(i / 5),
            8,
            0.9,
            int(9.1 * GIB),
            32 * GIB,
            211 * GIB,
            512 * GIB,
            gpu_note="No GPU here: the NVIDIA driver is not loaded.",
            disk_reserve=GIB,
        )
        for i in range(60)
    ]
    host = FakeHost(info, stats, environments=[Environment("host", "", "This machine's own Python", present=True)])
    job = make_job(
        1,
        S.SUCCEEDED,
        "hello",
        command="echo hello",
        created_at=NOW - 3 * HOUR,
        started_at=NOW - 3 * HOUR + 1,
        ended_at=NOW - 3 * HOUR + 2,
        exit_code=0,
        gpus=0,
        inputs=(),
        environment="host",
        image="",
        executor="process",
    )
    _fill(host, job)
    return host
