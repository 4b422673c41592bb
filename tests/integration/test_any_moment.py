"""The runner is killed at random moments of its jobs' lives: each job runs once, ends as it ends, and nothing is left.

A seed makes the moments: FLOYD_KILL_SEED=N repeats the run that a failure names, FLOYD_KILLS=N kills so often.
"""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from runner.models import Job, JobState
from tests.support.api import Api
from tests.support.nvml import FakeDriver, FakeGpu
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

SEED = int(os.environ.get("FLOYD_KILL_SEED") or int.from_bytes(os.urandom(4), "big"))
KILLS = int(os.environ.get("FLOYD_KILLS") or 18)
# So often at most where a state was not met yet.
MANY = 60
LINES = "".join(f"{number}\n" for number in range(1, 501)).encode()


@dataclass(frozen=True, slots=True)
class Kind:
    """A job to launch: its command, how it is to end, and what it is to print and to leave."""

    command: str
    state: JobState
    exit_code: int | None = None
    log: bytes = LINES
    files: tuple[str, ...] = ()
    max_runtime: int | None = None
    stop: bool = False


KINDS = (
    Kind("seq 1 500; echo 1 >out", JobState.SUCCEEDED, 0, files=("out",)),
    Kind("seq 1 250; sleep 0.5; seq 251 500; exit 3", JobState.FAILED, 3),
    Kind("seq 1 500; for i in $(seq 1 300); do echo $i >$i; done", JobState.SUCCEEDED, 0, files=tuple("123")),
    Kind("seq 1 500; echo 1 >out; sleep 600", JobState.TIMED_OUT, files=("out",), max_runtime=4),
    Kind("seq 1 500; echo 1 >out; sleep 600", JobState.STOPPED, files=("out",), stop=True),
    Kind("trap '' TERM; seq 1 500; echo 1 >out; while :; do sleep 0.1; done", JobState.STOPPED, 137, files=("out",),
         stop=True),
)  # fmt: skip


def in_state(state: JobState, api: Api, job: Job, folder: Path) -> bool:
    """The job is in `state`, or past it."""
    return list(JobState).index(api.job(job.name).state) >= list(JobState).index(state)


# What is waited for before a kill; after it comes a random moment more.
SEAMS: dict[str, Callable[[Api, Job, Path], bool]] = {
    "at once": lambda api, job, folder: True,
    "preparing": partial(in_state, JobState.PREPARING),
    "folder made": lambda api, job, folder: folder.exists(),
    "log made": lambda api, job, folder: (folder / "log").exists(),
    "about to begin": lambda api, job, folder: any((folder / name).exists() for name in ("container", "process/pid")),
    "running": partial(in_state, JobState.RUNNING),
    "printing": lambda api, job, folder: (folder / "log").exists() and (folder / "log").stat().st_size > 0,
    "all printed": lambda api, job, folder: (folder / "log").exists() and (folder / "log").read_bytes() == LINES,
    "storing": lambda api, job, folder: (folder / "output.json").exists() or api.job(job.name).state.ended,
}


class Starts:
    """Counts how often each job was begun, from outside: nothing that a job or a runner does can undo it."""

    def __init__(self, server: RunnerProcess, docker: bool) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        # Bash's own way to send a datagram; containers have a network of their own, and an engine that tells.
        self.command = "" if docker else f"echo $FLOYD_JOB >/dev/udp/127.0.0.1/{self._socket.getsockname()[1]}; "
        words = [DOCKER, "events", "--filter", "event=start", "--filter", f"label=floyd.data-dir={server.data_dir}"]
        words += ["--format", '{{index .Actor.Attributes "floyd.job"}}']
        self._events = subprocess.Popen(words, stdout=subprocess.PIPE, text=True) if docker else None

    def close(self) -> Counter[str]:
        """What was counted."""
        with self._socket:
            if self._events is None:
                return Counter(_datagrams(self._socket))
        with self._events as events:
            events.terminate()
            assert events.stdout is not None
            return Counter(events.stdout.read().split())


def _datagrams(receiver: socket.socket) -> Iterator[str]:
    with suppress(BlockingIOError):
        while True:
            yield receiver.recv(200).decode().strip()


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def executor(request: pytest.FixtureRequest) -> Literal["docker", "process"]:
    """Each executor."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path: Path, executor: Literal["docker", "process"]
) -> Iterator[RunnerProcess]:
    """A real runner with two played GPUs, and room for three jobs at once."""
    image = request.getfixturevalue("docker_image") if executor == "docker" else None
    driver = FakeDriver(tmp_path / "driver")
    driver.set(FakeGpu("GPU-aaaa"), FakeGpu("GPU-bbbb"))
    settings: dict[str, object] = {"max_running": 3, "stop_grace": 0.5}
    with RunnerProcess(tmp_path / "runner", executor, image, settings, driver.env) as process:
        yield process


def folder_of(server: RunnerProcess, job: Job) -> Path:
    return server.data_dir / "jobs" / job.owner / job.project / str(job.number)


def one_more(server: RunnerProcess, turn: int, command: str, dice: random.Random) -> tuple[Job, Kind]:
    """Launch a job and come to the moment before a kill."""
    kind, (seam, reached) = KINDS[turn % len(KINDS)], list(SEAMS.items())[turn % len(SEAMS)]
    # An engine without NVIDIA's parts cannot give the played GPUs.
    gpus = dice.randrange(2) if command else 0
    with server.http() as http:
        api = Api(http)
        job = api.launch(command + kind.command, max_runtime=kind.max_runtime, gpus=gpus)
        if kind.stop:
            api.prints(job.name, b"500\n")
            api.stop(job.name)
        else:
            wait_for(partial(reached, api, job, folder_of(server, job)), f"{seam} (seed {SEED}, turn {turn})")
    time.sleep(dice.choice((0.0, 0.05, 0.4)) * dice.random())
    return job, kind


def states(server: RunnerProcess) -> Counter[str]:
    """How the jobs stand in the database just now."""
    with closing(sqlite3.connect(server.database)) as connection:
        return Counter(row[0] for row in connection.execute("SELECT state FROM jobs"))


@pytest.mark.gcc
def test_a_runner_that_is_killed_at_any_moment(server: RunnerProcess, executor: str) -> None:
    dice, jobs, met = random.Random(SEED), {}, Counter[str]()
    starts = Starts(server, executor == "docker")
    for turn in range(max(KILLS, MANY)):
        if turn >= KILLS and met["preparing"] and met["running"]:
            break
        job, kind = one_more(server, turn, starts.command, dice)
        jobs[job.name] = kind
        server.kill()
        met += states(server)
        server.start()
    with server.http() as http:
        api = Api(http)
        for name, kind in jobs.items():
            true_to(api, name, kind, f"{name}: {kind.command} (seed {SEED})")
        with suppress(AssertionError):
            wait_for(lambda: not left(server), "nothing to be left")
        assert left(server) == [], f"seed {SEED}"
        assert all(gpu["jobs"] == [] for gpu in api.ask("GET", "/v1/stats")["gpus"])
    assert starts.close() == dict.fromkeys(jobs, 1), f"seed {SEED}"
    assert met["preparing"], f"seed {SEED}: {met}"
    assert met["running"], f"seed {SEED}: {met}"


def true_to(api: Api, name: str, kind: Kind, what: str) -> None:
    """The job ended as its kind does."""
    job = api.ended(name)
    assert job.state is kind.state, f"{what}: {job.state} {job.exit_code} {job.reason}"
    assert kind.exit_code in (None, job.exit_code), what
    assert api.log(name) == kind.log, what
    assert set(kind.files) <= set(api.files(name)), what
    assert job.created_at <= (job.started_at or 0) <= (job.ended_at or 0), what


def left(server: RunnerProcess) -> list[str]:
    """What is there of jobs that have all ended, beside their logs and what is stored: nothing, it is hoped."""
    names = ("home", "input", "process", "container", "began")
    folders = [str(path) for name in names for path in server.jobs_have(name)]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(server.data_dir) in line]
    return [*folders, *mounts, *server.containers(), *map(str, server.processes())]
