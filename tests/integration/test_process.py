"""What is the process executor's alone: the sandbox, the bare way without one, supervisors, leftovers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.models import JobState, Limits, Mount
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for


@pytest.fixture
def bare(tmp_path: Path) -> RunnerProcess:
    """A runner that finds no bubblewrap."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for program in os.scandir(folder):
            if program.name != "bwrap" and not (tools / program.name).is_symlink():
                (tools / program.name).symlink_to(program.path)
    return RunnerProcess(tmp_path / "runner", env={"PATH": str(tools)})


@pytest.mark.bwrap
def test_in_the_sandbox_the_paths_are_a_containers(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        assert "bubblewrap" in api.ask("GET", "/v1/info")["executor_note"]
        data = api.dataset("d", {"f": b"1"})
        api.launch(
            f"pwd; echo $HOME; ls /floyd/input /d; ls {runner.data_dir} 2>/dev/null; touch /output/o; touch /usr/x; "
            "ps ax | wc -l",
            mounts=(Mount(data, "d"),),
        )
        lines = api.follow("p/1")[0].decode().splitlines()
        assert lines[:2] == ["/floyd/home", "/floyd/home"]
        assert lines[2:7] == ["/d:", "f", "", "/floyd/input:", "d"]
        assert "Read-only file system" in lines[7]
        # Its own processes only: bubblewrap, the shell, ps, wc, and ps's headline.
        assert int(lines[8]) < 7
        assert list(api.files("p/1")) == ["output/o"]


def test_without_a_sandbox_variables_tell_the_places(bare: RunnerProcess) -> None:
    with bare, bare.http() as http:
        api = Api(http)
        assert "without a sandbox" in api.ask("GET", "/v1/info")["executor_note"]
        data = api.dataset("d", {"deep/f": b"data"})
        command = 'cat "$FLOYD_INPUT/d/deep/f"; echo; [ "$PWD" = "$FLOYD_HOME" ] && echo >"$FLOYD_OUTPUT/o"; exit 6'
        api.launch(command, mounts=(Mount(data, "d"),))
        assert api.follow("p/1")[0] == b"data\n"
        job = api.ended("p/1")
        assert (job.exit_code, job.environment, job.executor) == (6, "host", "process")
        assert list(api.files("p/1")) == ["output/o"]


def test_what_a_job_leaves_in_the_background_ends_with_it(bare: RunnerProcess) -> None:
    with bare, bare.http() as http:
        api = Api(http)
        api.launch("(setsid sleep 600 & echo $! >pid); cat pid; true")
        text, end = api.follow("p/1")
        assert end.state is JobState.SUCCEEDED
        left = int(text)
        wait_for(lambda: not Path(f"/proc/{left}").exists(), "the leftover to be gone")


def test_memory_is_limited(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        api.launch("python3 -c 'x = bytearray(400 << 20)'", limits=Limits(memory=100 << 20))
        assert b"MemoryError" in api.follow("p/1")[0]
        assert api.ended("p/1").state is JobState.FAILED


def test_the_use_of_a_job_is_shown(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        api.launch("echo up; while [ ! -e go ]; do :; done")
        api.prints("p/1", b"up")

        def busy() -> bool:
            (stats,) = api.ask("GET", "/v1/stats")["jobs"]
            return bool(stats["memory_used"] > 0 and (stats["cpu_percent"] or 0) > 5)

        wait_for(busy, "the job's CPU use to show")
        api.stop("p/1")
