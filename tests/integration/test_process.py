"""What is the process executor's alone: the sandbox, the bare way without one, supervisors, leftovers."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from pathlib import Path

import pytest

from runner.models import JobState, Limits, Mount, Retry
from tests.support.api import Api
from tests.support.runner import RunnerProcess, path_without
from tests.support.small_disk import takes_root
from tests.support.wait import wait_for


@pytest.fixture
def bare(tmp_path: Path) -> RunnerProcess:
    """A runner that finds no bubblewrap."""
    return RunnerProcess(tmp_path / "runner", env={"PATH": path_without("bwrap", tmp_path / "bin")})


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
        # A shell in the background, which waits for a child of its own.
        api.launch("setsid sh -c 'echo $$ >pid; sleep 600; :' & until [ -s pid ]; do sleep 0.02; done; cat pid")
        text, end = api.follow("p/1")
        assert end.state is JobState.SUCCEEDED
        left = int(text)
        wait_for(lambda: not Path(f"/proc/{left}").exists(), "the leftover to be gone")


# Takes so many MiB for itself.
TAKE = "import os, time; x = bytearray(os.urandom(1 << 20)) * {}; "


def test_a_job_over_its_memory_is_ended_and_told_from_one_that_was_killed(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        limits = Limits(memory=150 << 20)
        api.launch(f"echo part >out; python3 -c '{TAKE.format(400)}time.sleep(60)'; sleep 60", limits=limits)
        # None of its processes is too large by itself.
        api.launch(f"for i in 1 2 3 4; do python3 -c '{TAKE.format(60)}time.sleep(60)' & done; wait", limits=limits)
        # What they share counts once.
        fork = TAKE.format(90) + "[os.fork() for _ in range(3)]; time.sleep(0.5)"
        api.launch(f"python3 -c '{fork}'", limits=limits)
        api.launch("kill -KILL $$", limits=limits, retry=Retry(1))
        for number in (1, 2):
            job = api.ended(f"p/{number}")
            assert (job.state, job.exit_code) == (JobState.FAILED, 137)
            assert job.reason == "It ran out of memory: its limit is 150.0 MiB."
        assert list(api.files("p/1")) == ["out"]
        assert api.ended("p/3").state is JobState.SUCCEEDED
        killed = api.ended("p/4")
        assert (killed.exit_code, killed.reason, killed.attempts) == (137, "It was ended by SIGKILL.", ())


@takes_root
def test_a_pid_that_is_anothers_after_a_restart_of_the_machine_is_left_alone(tmp_path: Path) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("first\n")
    place = "/proc/sys/kernel/random/boot_id"
    under = ("unshare", "--mount", "sh", "-c", f'mount --bind {boot} {place} && exec "$0" "$@"')
    with RunnerProcess(tmp_path / "runner", under=under) as server:
        with server.http() as http:
            api = Api(http)
            api.launch("echo part >out; echo up; sleep 600")
            api.prints("p/1", b"up")
            api.reaches("p/1", JobState.RUNNING)
        note = server.data_dir / f"jobs/{getpass.getuser()}/p/1/process/pid"
        server.kill()
        for pid in server.processes():
            os.kill(pid, signal.SIGKILL)
        # Another process has the pid now, and began just as many ticks after the machine's start.
        with subprocess.Popen(["sleep", "60"]) as other:
            started = Path(f"/proc/{other.pid}/stat").read_text().rpartition(") ")[2].split()[19]
            note.write_text(f"{other.pid} {started} first")
            boot.write_text("second\n")
            server.start()
            with server.http() as http:
                job = Api(http).ended("p/1")
                assert (job.state, job.exit_code) == (JobState.LOST, None)
                assert list(Api(http).files("p/1")) == ["out"]
                wait_for(lambda: not note.exists(), "the job's folder to be cleared up")
            assert other.poll() is None
            other.kill()


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
