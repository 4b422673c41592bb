"""The fake GPU host's jobs: one in every state, with code, output and metrics."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import replace

from floyd_tui.client.fake_host import NOW, FakeFile
from runner.models import (
    Input,
    Job,
    JobState,
    Limits,
    Metric,
)

OWNER = "ada"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
GIB, MIB = 2**30, 2**20
GPU_NAMES = ("NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB")
S = JobState

TRAIN = b'''"""Train a small network on scanned digits and keep its best checkpoint."""

import argparse
import json
from pathlib import Path

import numpy as np


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path, default=Path("/floyd/input/digits"))
    options.add_argument("--epochs", type=int, default=30)
    options.add_argument("--lr", type=float, default=0.05)
    arguments = options.parse_args()
    images = np.load(arguments.data / "images.npy") / 16.0
    labels = np.load(arguments.data / "labels.npy")
    for epoch in range(arguments.epochs):
        loss, accuracy = step(images, labels, arguments.lr)
        print(json.dumps({"metric": "loss", "value": loss, "epoch": epoch}))
        print(json.dumps({"metric": "accuracy", "value": accuracy, "epoch": epoch}))


if __name__ == "__main__":
    main()
'''


def has_words(job: Job, words: list[str]) -> bool:
    """Whether each of `words`, in lower case, is in what a search looks through."""
    inputs = " ".join(f"{one.source} {one.destination}" for one in job.inputs)
    text = f"{job.short} {job.message} {job.command} {job.environment} {inputs} {' '.join(job.tags)}".lower()
    return all(word in text for word in words)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def code_files() -> list[FakeFile]:
    return [
        FakeFile(
            "README.md", b"# Digits\n\nTrain on scanned digits, then go on from the checkpoint.\n", 0, NOW - 9 * DAY
        ),
        FakeFile("data.py", b"import numpy as np\n" * 40, 0, NOW - 6 * DAY),
        FakeFile("floyd.yml", b"env: pytorch-2.8\ninput:\n  - ada/datasets/digits/2:digits\n", 0, NOW - 6 * DAY),
        FakeFile("models/__init__.py", b"\n", 0, NOW - 9 * DAY),
        FakeFile("models/convnet.py", b"import torch\n" * 120, 0, NOW - 2 * DAY),
        FakeFile("run.sh", b'#!/bin/sh\nexec python train.py "$@"\n', 0, NOW - 9 * DAY, executable=True),
        FakeFile("train.py", TRAIN, 0, NOW - 3 * HOUR),
    ]


def output_files(points: list[Metric], since: float) -> list[FakeFile]:
    rows = ["epoch,loss,accuracy,lr,seconds"]
    rows += [
        f"{i},{1.9 * math.exp(-i / 7) + 0.06:.4f},{1 - 0.8 * math.exp(-i / 6):.4f},0.0500,{41 + i % 3}"
        for i in range(24)
    ]
    config = (
        b'{"model": "convnet", "layers": [64, 128, 256], "lr": 0.05, "augment": {"shift": 2, "noise": 0.1}, "seed": 7}'
    )
    log = "\n".join(f"{p.step}\t{p.name}\t{p.value:.5f}" for p in points[:400]).encode()
    checkpoints = [
        FakeFile(f"checkpoints/epoch-{i:03}.pt", b"", 1_482_752 + i * 512, since + i * 80) for i in (8, 12, 16, 20)
    ]
    return [
        *checkpoints,
        FakeFile("checkpoints/best.pt", b"", 1_482_752, since + 1500),
        FakeFile("runs/events.tsv", log, 0, since + 1560),
        FakeFile("samples/confusion.csv", b"digit,0,1,2,3\n0,178,0,0,1\n1,0,181,1,0\n2,1,0,175,1\n", 0, since + 1200),
        FakeFile("config.json", config, 0, since + 3),
        FakeFile("history.csv", "\n".join(rows).encode() + b"\n", 0, since + 1560),
        FakeFile("notes.md", b"# Run notes\n\nBatch of 128 fits; 256 runs out of memory on one card.\n", 0, since + 40),
    ]


def schedule(steps: int, since: float) -> list[Metric]:
    """A learning rate that falls along a cosine."""
    rates = [0.001 + 0.0245 * (1 + math.cos(math.pi * i / max(1, steps))) for i in range(steps)]
    return [Metric("lr", rate, since + i * 120.0, i * 200, i) for i, rate in enumerate(rates)]


def curve(name: str, start: float, floor: float, steps: int, since: float, seed: int, every: int = 20) -> list[Metric]:
    """A training curve: from `start` towards `floor`, with the noise that such curves have."""
    noise = random.Random(seed)
    points = []
    for i in range(steps):
        value = floor + (start - floor) * math.exp(-3.2 * i / steps) * (1 + noise.gauss(0, 0.06))
        points.append(Metric(name, value + noise.gauss(0, 0.004), since + i * every * 0.6, i * every, i * every // 200))
    return points


def all_metrics(since: float, steps: int) -> list[Metric]:
    series = [
        curve("loss", 2.30, 0.08, steps, since, 1),
        curve("val_loss", 2.34, 0.31, steps // 10, since, 2, 200),
        curve("accuracy", 0.11, 0.985, steps, since, 3),
        curve("val_accuracy", 0.10, 0.93, steps // 10, since, 4, 200),
        schedule(steps // 10, since),
    ]
    return sorted((point for one in series for point in one), key=lambda p: p.step or 0)


def last_values(points: list[Metric]) -> dict[str, float]:
    return {point.name: round(point.value, 4) for point in points}


def make_job(number: int, state: JobState, project: str = "digits", **more: object) -> Job:
    job = Job(
        owner=OWNER,
        project=project,
        number=number,
        state=state,
        command="python train.py --epochs 30 --lr 0.05",
        created_at=NOW - DAY,
        environment="pytorch-2.8",
        executor="docker",
        gpus=1,
        image=f"sha256:{digest('pytorch-2.8')}",
        code=digest(project + str(number)),
        inputs=(Input(f"{OWNER}/datasets/digits/2", "digits", digest("digits/2")),),
    )
    return replace(job, **more)  # type: ignore[arg-type]


DIGITS_JOBS = (
    make_job(
        1,
        S.SUCCEEDED,
        created_at=NOW - 6 * DAY,
        started_at=NOW - 6 * DAY + 14,
        ended_at=NOW - 6 * DAY + 1460,
        message="first light",
        exit_code=0,
        metrics={"loss": 0.3121, "accuracy": 0.9137},
    ),
    make_job(
        2,
        S.FAILED,
        created_at=NOW - 5 * DAY,
        started_at=NOW - 5 * DAY + 9,
        ended_at=NOW - 5 * DAY + 74,
        message="batch 512",
        exit_code=137,
        limits=Limits(memory=8 * GIB),
        reason="Killed for memory: the job went over its limit of 8.0 GiB.",
    ),
    make_job(
        3,
        S.STOPPED,
        created_at=NOW - 4 * DAY,
        started_at=NOW - 4 * DAY + 11,
        ended_at=NOW - 4 * DAY + 340,
        message="wrong dataset version",
        exit_code=143,
        reason="Stopped by ada.",
    ),
    make_job(
        4,
        S.SUCCEEDED,
        created_at=NOW - 3 * DAY,
        started_at=NOW - 3 * DAY + 8,
        ended_at=NOW - 3 * DAY + 2215,
        message="augmentation on",
        exit_code=0,
        metrics={"loss": 0.1408, "accuracy": 0.9582},
    ),
    make_job(
        5,
        S.TIMED_OUT,
        created_at=NOW - 2 * DAY,
        started_at=NOW - 2 * DAY + 7,
        max_runtime=3600,
        ended_at=NOW - 2 * DAY + 3607,
        message="200 epochs",
        exit_code=143,
        command="python train.py --epochs 200",
        reason="Went over its maximum runtime of 1 h.",
        metrics={"loss": 0.0977, "accuracy": 0.9701},
    ),
    make_job(
        6,
        S.SUCCEEDED,
        created_at=NOW - 9 * HOUR,
        started_at=NOW - 9 * HOUR + 6,
        ended_at=NOW - 8 * HOUR,
        message="cosine schedule",
        exit_code=0,
        metrics={"loss": 0.0891, "accuracy": 0.9733},
    ),
    make_job(
        7,
        S.RUNNING,
        created_at=NOW - 27 * MINUTE,
        started_at=NOW - 26 * MINUTE,
        message="go on from 6, lower lr",
        command="python train.py --epochs 30 --lr 0.01 --resume /floyd/input/previous/checkpoints/best.pt",
        devices=("GPU-5c2f61d8-0a3e-4c5e-9b0e-6d1c6b1f2a01",),
        max_runtime=4 * 3600,
        tags=("sweep", "cosine"),
        env={"OMP_NUM_THREADS": "8", "WANDB_MODE": "offline"},
        limits=Limits(memory=32 * GIB, cpus=8, shm_size=4 * GIB),
        relaunched_from="ada/projects/digits/6",
        inputs=(
            Input("ada/datasets/digits/2", "digits", digest("digits/2")),
            Input("ada/projects/digits/6/output", "previous", digest("digits/6/output")),
        ),
    ),
)
WHISPER = "python finetune.py --config small.yaml"
OTHER_JOBS = (
    make_job(
        11,
        S.FAILED,
        "whisper-nl",
        command=WHISPER,
        created_at=NOW - 30 * HOUR,
        started_at=NOW - 30 * HOUR + 31,
        ended_at=NOW - 29.2 * HOUR,
        exit_code=1,
        message="bf16",
        environment="pytorch-2.8",
        gpus=2,
        inputs=(),
        reason="The command ended with exit code 1.",
        metrics={"wer": 0.412},
    ),
    make_job(
        12,
        S.LOST,
        "whisper-nl",
        command=WHISPER,
        created_at=NOW - 20 * HOUR,
        started_at=NOW - 20 * HOUR + 25,
        ended_at=NOW - 14 * HOUR,
        message="bf16, again",
        gpus=2,
        inputs=(),
        reason="The host restarted and the container was gone afterwards.",
    ),
    make_job(
        13,
        S.PREPARING,
        "whisper-nl",
        command=WHISPER,
        created_at=NOW - 70,
        message="fp32 for safety",
        gpus=1,
        inputs=(),
        progress="Pulling pytorch-2.8: 1.9 of 3.4 GB",
    ),
    make_job(
        14,
        S.QUEUED,
        "whisper-nl",
        command=WHISPER + " --beams 5",
        created_at=NOW - 25,
        message="beam search",
        gpus=2,
        inputs=(),
        progress="waits for 2 GPUs, 1 free",
        position=1,
        starts_by=NOW + 2.5 * HOUR,
    ),
    make_job(
        3,
        S.SUCCEEDED,
        "protein-fold",
        command="./fold.sh T1104",
        created_at=NOW - 11 * DAY,
        gpus=1,
        exit_code=0,
        started_at=NOW - 11 * DAY + 40,
        ended_at=NOW - 11 * DAY + 5.4 * HOUR,
        message="CASP target T1104",
        inputs=(),
        environment="jax-0.7",
        metrics={"lddt": 0.871},
    ),
)
