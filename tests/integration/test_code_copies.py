"""Copies of a job's code that are broken off: the one a person fetches, and the one the host makes for a job."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.models import JobState, TreeEntry, manifest_of
from tests.support.api import Api
from tests.support.line import Line
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.tapped import tapped_shell

LARGE = 8 << 20
# What is on its way to a client that is interrupted, and what asking costs.
COMING = 3 << 20


@pytest.fixture
def tap(tmp_path: Path, runner: RunnerProcess) -> Iterator[tuple[Line, Shell]]:
    with tapped_shell(tmp_path, runner) as both:
        yield both


def test_ctrl_c_breaks_off_the_fetch_of_a_jobs_code_which_is_gone_on_with(
    runner: RunnerProcess, tap: tuple[Line, Shell]
) -> None:
    line, shell = tap
    code = {"weights": os.urandom(LARGE), **{f"src/{number}.py": b"# %d" % number for number in range(20)}}
    with runner.http() as http:
        api = Api(http)
        api.launch("true", code=api.upload(code))
        api.ended("p/1")
    begun: list[subprocess.Popen[str]] = []
    line.at_byte("down", LARGE // 2, lambda: begun[0].send_signal(signal.SIGINT))
    begun.append(shell.start("clone", "p/1", "got"))
    _, said = begun[0].communicate(timeout=60)
    assert begun[0].returncode == 130, said
    assert "Traceback" not in said
    here = files_below(shell.folder / "got")
    assert {name: data for name, data in here.items() if not name.endswith(".floyd-part")}.items() <= code.items()
    before = line.crossed["down"]
    shell("clone", "p/1", "got")
    assert files_below(shell.folder / "got").items() >= code.items()
    assert line.crossed["down"] - before < LARGE // 2 + COMING, "what had come did not come again"


def test_a_job_that_is_stopped_while_its_code_is_copied_leaves_nothing(runner: RunnerProcess) -> None:
    content = b"the same everywhere"
    digest = hashlib.sha256(content).hexdigest()
    entries = [TreeEntry(f"{n % 100}/{n}", "file", len(content), digest) for n in range(10_000)]
    tree, text = manifest_of(entries)
    with runner.http() as http:
        api = Api(http)
        api.upload({"one": content})
        assert http.put(f"/v1/trees/{tree}", content=text).json()["missing"] == []
        job = api.launch("echo never >> ran", code=tree)
        api.reaches("p/1", JobState.PREPARING)
        api.stop("p/1")
        stopped = api.ended("p/1")
        assert (stopped.state, stopped.started_at) == (JobState.STOPPED, None)
        assert api.log("p/1") == b""
        assert len(files_below(runner.data_dir / "jobs" / job.owner / "p/1" / "home")) == 0


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
