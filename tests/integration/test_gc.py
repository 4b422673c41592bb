"""Garbage collection of a real runner: beside uploads and jobs, killed in the middle, cancelled, at night."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import pty
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest

from floyd_tui.config import Config, HostConfig
from runner.errand import Course
from runner.models import FsckStep, GcStep, decode
from runner.store.db import Database
from runner.store.fsck import Check
from tests.support.api import Api, Refused, mount
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.shell import PROGRAM, Shell
from tests.support.wait import wait_for

KILLS = 10


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[RunnerProcess]:
    """A runner that keeps uploads for a minute only."""
    with RunnerProcess(tmp_path / "runner", settings={"gc_grace": 60}) as process:
        yield process


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    Config.load(tmp_path / "config").with_host(HostConfig("local", data_dir=str(runner.data_dir)))
    return Shell(tmp_path, tmp_path / "config")


def blobs_of(runner: RunnerProcess) -> set[str]:
    return {path.name for path in (runner.data_dir / "blobs").glob("*/*")}


def check_all(api: Api) -> set[str]:
    """Read every file of every dataset, and of the code and output of every job; returns their digests."""
    sources = [
        f"{d['owner']}/datasets/{d['name']}/{v['version']}"
        for d in api.ask("GET", "/v1/datasets")
        for v in d["versions"]
    ]
    for job in api.ask("GET", "/v1/jobs"):
        name = f"{job['owner']}/projects/{job['project']}/{job['number']}"
        sources += [f"{name}/code", f"{name}/output"]
    read = set()
    for source in sources:
        for path, file in api.files(source).items():
            assert hashlib.sha256(api.content(source, path)).hexdigest() == file.digest, f"{source}: {path}"
            read.add(file.digest)
    return read


def collect(runner: RunnerProcess) -> dict[str, int]:
    with runner.http() as http:
        report = Api(http).ask("POST", "/v1/gc")
    return {kind["kind"]: kind["free_count"] for kind in report["kinds"] if kind["free_count"]}


class Bustle:
    """People who upload, launch, delete and collect at random, through every end of the runner."""

    def __init__(self, runner: RunnerProcess, seed: int) -> None:
        self._runner, self._seed = runner, seed
        self._ended = threading.Event()
        self._failures: list[BaseException] = []
        self.done: dict[str, int] = {}

    def __enter__(self) -> Bustle:
        works = (self._upload, self._upload, self._launch, self._collect)
        self._threads = [threading.Thread(target=self._run, args=work) for work in enumerate(works)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)
        assert not self._failures, (self._seed, self._failures)

    def _run(self, number: int, work: Callable[[Api, random.Random, str], None]) -> None:
        chance = random.Random(self._seed + number)
        name = work.__name__.strip("_")
        while not self._ended.is_set():
            try:
                self._go_on(work, chance, f"{name}{number}")
            except (httpx.TransportError, OSError):  # noqa: PERF203  (the runner was killed: it comes again)
                self._ended.wait(0.01)
            except BaseException as error:
                self._failures.append(error)
                return

    def _go_on(self, work: Callable[[Api, random.Random, str], None], chance: random.Random, name: str) -> None:
        with self._runner.http() as http:
            while not self._ended.is_set():
                work(Api(http), chance, name)
                self.done[work.__name__] = self.done.get(work.__name__, 0) + 1
                self._ended.wait(chance.random() * 0.06)

    @staticmethod
    def _upload(api: Api, chance: random.Random, name: str) -> None:
        """Versions come and go; some of their content is always the same, and everybody's."""
        files = {f"{i}": chance.randbytes(chance.randrange(600)) for i in range(chance.randrange(40))}
        try:
            short = api.dataset(name, {**files, "same": b"same", "run": b"#!/bin/sh\n"})
        except Refused as refused:
            if "Send it again" not in str(refused):
                raise
            return  # another version of just this content was removed at this moment, and collected
        if chance.random() < 0.5:
            with contextlib.suppress(Refused):  # gone already: the answer to the first try was lost
                api.ask("DELETE", "/v1/dataset", name=short if chance.random() < 0.8 else name)

    @staticmethod
    def _launch(api: Api, chance: random.Random, name: str) -> None:
        """Jobs that need what they mount, and what their code holds."""
        code = api.upload({"same": b"same", "n": chance.randbytes(8)})
        reads = "I=${FLOYD_INPUT:-/floyd/input}; cat $I/in/x same >out"
        job = api.launch(reads, name, code=code, mounts=(mount("in", "in"),))
        ended = api.ended(job.name)
        assert ended.exit_code == 0, (ended.reason, api.log(job.name))
        assert api.content(f"{job.name}/output", "out") == b"inputsame"
        if chance.random() < 0.5:
            api.ask("DELETE", "/v1/job", name=job.name)

    @staticmethod
    def _collect(api: Api, chance: random.Random, _: str) -> None:
        with contextlib.suppress(httpx.ReadTimeout):
            api.http.post("/v1/gc", timeout=chance.choice((0.05, 60)))  # some do not wait for the end
        if chance.random() < 0.2:
            api.ask("DELETE", "/v1/gc")


def settled(runner: RunnerProcess) -> None:
    """All that is referred to is whole, nothing else is left, and a check agrees."""
    with runner.http() as http:
        api = Api(http)
        for job in api.ask("GET", "/v1/jobs"):
            api.ended(f"{job['owner']}/projects/{job['project']}/{job['number']}")
        with sqlite3.connect(runner.data_dir / "runner.db") as rows:
            rows.execute("UPDATE trees SET created_at = 0")  # as if their minute had passed
        rows.close()
        collect(runner)  # perhaps one that was under way, and had looked at the trees before
        collect(runner)
        assert collect(runner) == {}, "what can go is gone"
        wanted = check_all(api)
    assert {name.partition(".")[0] for name in blobs_of(runner)} == wanted
    assert not list((runner.data_dir / "trash").iterdir())
    fsck = [sys.executable, "-m", "runner", "fsck", "--data-dir", str(runner.data_dir)]
    assert "none is damaged" in subprocess.run(fsck, capture_output=True, text=True, check=True).stdout


def test_uploads_jobs_and_collections_all_at_once(runner: RunnerProcess) -> None:
    with runner.http() as http:
        Api(http).dataset("in", {"same": b"same", "x": b"input"})
    with Bustle(runner, random.randrange(1 << 30)) as bustle:
        wait_for(lambda: min(bustle.done.get(one, 0) for one in ("_launch", "_collect")) >= 5, "much to happen", 60)
    settled(runner)


# A socket that could not be connected is left by httpcore to Python's own collector, which says so.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_killed_at_random_moments_nothing_that_is_referred_to_is_lost(runner: RunnerProcess) -> None:
    with runner.http() as http:
        Api(http).dataset("in", {"same": b"same", "x": b"input"})
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    with Bustle(runner, seed):
        for _ in range(KILLS):
            # Not until something: any moment at all is meant.
            time.sleep(chance.random() * 0.3)
            runner.kill()
            assert checked(runner.data_dir) == (), seed
            runner.start()
    settled(runner)


def checked(data_dir: Path) -> tuple[object, ...]:
    """What a check of a store finds whose runner is gone."""
    db = Database(data_dir / "runner.db")
    try:
        return asyncio.run(Check(data_dir, db, Course(FsckStep())).run()).damage
    finally:
        db.close()


def test_a_young_upload_waits_for_its_launch(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        code = api.upload({"train": b"soon"})
        assert collect(runner) == {}
        assert api.launch("cat train", code=code).code == code
        assert api.follow("p/1")[0] == b"soon"
        api.ended("p/1")
        api.ask("DELETE", "/v1/job", name="p/1")
        assert collect(runner) == {"trash": 3}
        with pytest.raises(Refused, match="no tree"):
            api.launch("cat train", code=code)


@pytest.mark.docker
def test_containers_and_images_that_no_job_needs_go_and_others_stay(docker_runner: RunnerProcess) -> None:
    label = f"floyd.data-dir={docker_runner.data_dir}"
    made: list[str] = []

    def docker(*words: str) -> str:
        return subprocess.run([DOCKER, *words], capture_output=True, text=True, check=True).stdout.strip()

    def derived(name: str) -> str:
        """An image as the runner will make them: the test image, with 2 MB more and the runner's label."""
        box = docker("run", "-d", default, "head", "-c", "2000000", "/dev/urandom")
        docker("wait", box)
        docker("cp", str(docker_runner.data_dir / "runner.db"), f"{box}:/{name}")
        made.append(docker("commit", "--change", f"LABEL {label}", box, f"floyd-test-derived:{name}"))
        docker("rm", box)
        return made[-1]

    with docker_runner.http() as http:
        api = Api(http)
        first = api.launch("true")
        default = api.ended(first.name).image
        used, spare = derived(f"used-{os.getpid()}"), derived(f"spare-{os.getpid()}")
        try:
            running = api.launch("echo up; sleep 60", environment=f"floyd-test-derived:used-{os.getpid()}")
            api.prints(running.name, b"up")
            left = docker("create", f"--label={label}", "--label=floyd.job=ann/projects/gone/1", default, "true")
            assert figures(api, "containers") == (2, 1)
            assert figures(api, "images") == (2, 0), "both are younger than a day"
            settings = json.loads((docker_runner.data_dir / "runner.yml").read_text())
            docker_runner.stop()
            (docker_runner.data_dir / "runner.yml").write_text(json.dumps({**settings, "gc_grace": 0}))
            docker_runner.start()
        except BaseException:
            docker("rmi", "-f", *made)
            raise
    with docker_runner.http() as http:
        api = Api(http)
        try:
            assert figures(api, "images") == (2, 1)
            freed = {kind["kind"]: kind for kind in api.ask("POST", "/v1/gc")["kinds"]}
            assert freed["images"]["free_count"] == 1
            assert freed["images"]["free_size"] > 0
            assert (freed["images"]["count"], freed["containers"]["count"]) == (1, 1)
            assert left not in docker("ps", "-aq", "--no-trunc")
            assert spare not in docker("images", "-q", "--no-trunc")
            assert not api.job(running.name).state.ended
            api.stop(running.name)
            api.ended(running.name)
            wait_for(lambda: figures(api, "containers")[0] == 0, "the container, which needs its image, to be removed")
            assert collect(docker_runner)["images"] == 1
            assert used not in docker("images", "-q", "--no-trunc")
        finally:
            subprocess.run([DOCKER, "rmi", "-f", *made], capture_output=True, check=False)


def figures(api: Api, kind: str) -> tuple[int, int]:
    """How many of a kind there are, and how many can go."""
    (found,) = (one for one in api.ask("GET", "/v1/gc")["kinds"] if one["kind"] == kind)
    return found["count"], found["free_count"]


@contextlib.contextmanager
def written_by_another(runner: RunnerProcess) -> Iterator[None]:
    """The database is held by somebody else: a collection comes to its first change, and waits there."""
    other = sqlite3.connect(runner.data_dir / "runner.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


def test_a_pass_is_followed_joined_found_again_and_cancelled(runner: RunnerProcess) -> None:
    with runner.http() as http, runner.http() as another:
        api = Api(http)
        api.dataset("gone", {f"{i}": b"%d" % i for i in range(50)})
        api.ask("DELETE", "/v1/dataset", name="gone")
        ask = {"follow": "1", "key": "mine"}
        with (
            written_by_another(runner),
            http.stream("POST", "/v1/gc", params=ask) as following,
            another.stream("POST", "/v1/gc", params=ask) as joined,
            runner.http() as third,
        ):
            for lines in (following.iter_lines(), joined.iter_lines()):
                assert decode(next(lines), GcStep).report is None
            assert Api(third).ask("DELETE", "/v1/gc") == {"cancelled": True}
        with another.stream("POST", "/v1/gc", params=ask) as again:
            report = decode(list(again.iter_lines())[-1], GcStep).report
        assert report is not None
        assert (report.stopped, report.free_count) == (True, 0), "the end of what was begun, though the line was lost"
        assert len(blobs_of(runner)) == 50
        with another.stream("POST", "/v1/gc", params={**ask, "key": "other"}) as anew:
            report = decode(list(anew.iter_lines())[-1], GcStep).report
        assert report is not None
        assert (report.stopped, report.free_count) == (False, 51)
        assert api.ask("DELETE", "/v1/gc") == {"cancelled": False}


@contextlib.contextmanager
def at_a_terminal(shell: Shell, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command at a terminal, and our end of that."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *words], cwd=shell.folder, env=shell.env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, words: str) -> str:
    """What comes from a terminal up to `words`; fails where it ends before."""
    said = b""
    while words.encode() not in said:
        said += os.read(terminal, 4096)
    return said.decode(errors="replace")


def test_ctrl_c_stops_a_collection_on_the_host(runner: RunnerProcess, shell: Shell) -> None:
    with runner.http() as http:
        api = Api(http)
        api.dataset("gone", {f"{i}": b"%d" % i for i in range(50)})
        api.ask("DELETE", "/v1/dataset", name="gone")
    with at_a_terminal(shell, "gc", "--yes") as (process, terminal):
        with written_by_another(runner):
            assert "deleted, can be restored" in read_until(terminal, "Beginning")
            process.send_signal(signal.SIGINT)
            read_until(terminal, "Stopping …")
        read_until(terminal, "Stopped: Nothing was freed")
        assert process.wait(30) == 130
    assert len(blobs_of(runner)) == 50
    assert "freed; " in shell("gc", "--yes").stderr
    assert not blobs_of(runner)


def test_ctrl_c_stops_a_check_on_the_host(runner: RunnerProcess, shell: Shell) -> None:
    assert "none is damaged" in shell("fsck").stderr
    endless = runner.data_dir / "blobs" / "ff" / ("ff" * 32)
    with endless.open("wb") as file:
        file.truncate(1 << 40)  # sparse: a TiB that takes no room and an hour to read
    with at_a_terminal(shell, "fsck") as (process, terminal):
        read_until(terminal, "of 1.0 TiB")
        process.send_signal(signal.SIGINT)
        read_until(terminal, "Nothing that was not read is judged.")
        assert process.wait(30) == 130
    assert endless.exists()
    with endless.open("wb") as file:
        file.truncate(5)
    assert "f" * 12 + " is damaged; it touches nothing that is in use." in shell("fsck", code=1).stdout
    assert shell.json("fsck")["damage"] == [], "it is set aside"


def test_it_collects_at_the_hour_that_is_set(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    at = f"{(now.hour + 12) % 24:02d}:30"
    settings: dict[str, object] = {"gc_at": at, "gc_grace": 60, "trash_keep": 0}
    began = time.monotonic()
    with RunnerProcess(tmp_path / "runner", settings=settings) as runner:
        boot = time.monotonic() - began
        with runner.http() as http:
            Api(http).dataset("gone", {"a": b"gone"})
            Api(http).ask("DELETE", "/v1/dataset", name="gone")
        runner.stop()
        assert len(blobs_of(runner)) == 1
        # The host's clock is put to just before that hour.
        runner.env["TZ"] = zone_where(at, 2 + 3 * boot)
        runner.start()
        wait_for(lambda: not blobs_of(runner), "the nightly collection", 30)


def zone_where(clock: str, seconds: float) -> str:
    """A time zone in which it is `clock` in so many seconds, as TZ has it."""
    hour, minute = map(int, clock.split(":"))
    now = datetime.now(timezone.utc)
    shift = (hour * 3600 + minute * 60) - (now.hour * 3600 + now.minute * 60 + now.second) - round(seconds)
    shift = (shift + 43200) % 86400 - 43200
    sign, shift = ("-" if shift >= 0 else "+"), abs(shift)  # POSIX counts westwards
    return f"AtGc{sign}{shift // 3600:02d}:{shift // 60 % 60:02d}:{shift % 60:02d}"
