"""One whole life through a real sshd and a real Docker Engine: data up, launch, log, output, and the next job."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from floyd_tui.client.protocol import Link
from floyd_tui.client.transfer import download
from floyd_tui.project.run import submit, upload_dataset
from runner.models import Job, JobState, Launch, Mount
from tests.support.road import road
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd
from tests.support.wait import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.sshd]

LINES = 20_000
TRAIN = f"""
import hashlib, json, os, pathlib
data = pathlib.Path("/floyd/input/noise")
for path in sorted(p for p in data.rglob("*") if p.is_file()):
    print("read", path.relative_to(data), hashlib.sha256(path.read_bytes()).hexdigest())
for number in range({LINES}):
    print("line", number)
old = pathlib.Path("/floyd/input/previous/output/model.bin")
model = old.read_bytes() + b"+" if old.exists() else os.urandom(3_000_001)
pathlib.Path("output/deep/er").mkdir(parents=True)
pathlib.Path("output/model.bin").write_bytes(model)
pathlib.Path("output/deep/er/empty").touch()
pathlib.Path("output/last").symlink_to("model.bin")
print(json.dumps({{"metric": "size", "value": len(model), "step": 1}}))
print("wrote", hashlib.sha256(model).hexdigest(), "as", os.getuid())
"""


async def whole_log(link: Link, job: Job) -> tuple[bytes, JobState]:
    """Follow the job's log to its end; every chunk must begin where the last one ended."""
    log = bytearray()
    async for chunk in link.client.logs(job.name, follow=True):
        if chunk.end is not None:
            assert chunk.end.size == len(log)
            return bytes(log), chunk.end.state
        assert chunk.offset == len(log)
        log += chunk.data
    raise AssertionError("the log ended without saying so")


def sums(log: bytes) -> dict[str, str]:
    """What the job says of what it read and wrote."""
    found: dict[str, str] = {}
    for row in map(str.split, log.decode().splitlines()):
        match row:
            case ["read", path, digest]:
                found[path] = digest
            case ["wrote", digest, *_]:
                found["wrote"] = digest
    return found


async def test_upload_launch_log_output_and_relaunch_from_output(
    tmp_path: Path, sshd: Sshd, docker_runner: RunnerProcess
) -> None:
    data, code = tmp_path / "data", tmp_path / "code"
    (data / "sub").mkdir(parents=True)
    (data / "a.bin").write_bytes(random.Random(1).randbytes(2_500_000))
    (data / "sub" / "b.txt").write_text("b\n")
    code.mkdir()
    (code / "train.py").write_text(TRAIN)
    told: list[str] = []

    async with road(tmp_path / "config", sshd, docker_runner) as link:
        first = await upload_dataset(link, data, "noise")
        again = await upload_dataset(link, data, "noise")
        assert (first.created, again.created) == (True, False)
        assert again.version == first.version

        launch = Launch("life", "python3 train.py && ls /noise >&2", mounts=(Mount("noise", "noise"),))
        job = await submit(link, code, launch, lambda stage: told.append(stage.phase))
        log, state = await whole_log(link, job)
        job = await link.client.job(job.name)
        assert (job.state, state, job.exit_code) == (JobState.SUCCEEDED, JobState.SUCCEEDED, 0), log[-2000:].decode()
        assert told[-1] == "launching"
        assert log.count(b"\nline ") + log.startswith(b"line ") == LINES
        assert log.endswith(b"a.bin\nsub\n")
        read = sums(log)
        assert read["a.bin"] == hashlib.sha256((data / "a.bin").read_bytes()).hexdigest()
        assert job.inputs[0].source.endswith("/datasets/noise/1")
        assert job.metrics == {"size": 3_000_001}
        assert job.image.startswith("sha256:")

        names = {file.path for file in await link.client.files(f"{job.name}/output", recursive=True)}
        assert {"output/model.bin", "output/deep/er/empty", "output/last"} <= names
        assert "train.py" not in names
        await download(link, f"{job.name}/output", "output", tmp_path / "here")
        model = (tmp_path / "here" / "output" / "model.bin").read_bytes()
        assert hashlib.sha256(model).hexdigest() == read["wrote"]
        assert (tmp_path / "here" / "output" / "last").readlink() == Path("model.bin")

        relaunch = job.relaunch()
        mounts = (*relaunch.mounts, Mount(f"{job.name}/output", "previous"))
        next_job = await link.client.launch(
            Launch("life", relaunch.command, code_from=relaunch.code_from, mounts=mounts, relaunched_from=job.name)
        )
        log, state = await whole_log(link, next_job)
        next_job = await link.client.job(next_job.name)
        assert state is JobState.SUCCEEDED, log[-2000:].decode()
        assert sums(log)["wrote"] == hashlib.sha256(model + b"+").hexdigest()
        assert next_job.code == job.code
        assert next_job.relaunched_from == job.name
        assert next_job.inputs[1].tree == job.output
    wait_for(lambda: not docker_runner.jobs_have("home"), "the ended jobs' folders to be cleared")
