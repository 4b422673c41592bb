"""Garbage collection of a real runner: beside uploads and jobs, and killed in the middle."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.api import Api, Refused, mount
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[RunnerProcess]:
    """A runner that keeps uploads for a minute only."""
    with RunnerProcess(tmp_path / "runner", settings={"gc_grace": 60}) as process:
        yield process


def blobs_of(runner: RunnerProcess) -> set[str]:
    return {path.name for path in (runner.data_dir / "blobs").glob("*/*")}


def check_all(api: Api, runner: RunnerProcess) -> int:
    """Read every file of every dataset, and of the code and output of every job; returns how many there were."""
    sources = [
        f"{d['owner']}/datasets/{d['name']}/{v['version']}"
        for d in api.ask("GET", "/v1/datasets")
        for v in d["versions"]
    ]
    for job in api.ask("GET", "/v1/jobs"):
        name = f"{job['owner']}/projects/{job['project']}/{job['number']}"
        sources += [f"{name}/code", f"{name}/output"]
    read = 0
    for source in sources:
        for path, file in api.files(source).items():
            assert hashlib.sha256(api.content(source, path)).hexdigest() == file.digest, f"{source}: {path}"
            read += 1
    return read


def collect(runner: RunnerProcess) -> dict[str, int]:
    with runner.http() as http:
        report = Api(http).ask("POST", "/v1/gc")
    return {kind["kind"]: kind["free_count"] for kind in report["kinds"] if kind["free_count"]}


def test_uploads_jobs_and_the_collector_at_once(runner: RunnerProcess) -> None:
    ended, failures = threading.Event(), list[BaseException]()

    def beside(work: Callable[[Api], object]) -> threading.Thread:
        def run() -> None:
            try:
                with runner.http() as http:
                    while not ended.is_set():
                        work(Api(http))
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def upload(api: Api) -> None:
        # Versions come and go; some of their content is always the same.
        short = api.dataset("d", {f"{i}": os.urandom(200) for i in range(40)} | {"same": b"same", "run": b"#!/bin/sh"})
        if short.endswith("3"):
            api.ask("DELETE", "/v1/dataset", name=short)

    def collecting(api: Api) -> None:
        api.ask("POST", "/v1/gc")

    with runner.http() as http:
        api = Api(http)
        api.dataset("in", {"same": b"same", "x": b"input"})
        threads = [beside(upload), beside(collecting)]
        try:
            for number in range(1, 9):
                code = api.upload(
                    {"same": b"same", "go.sh": b"#!/bin/sh\ncat $FLOYD_INPUT/in/x >out", "n": b"%d" % number}
                )
                api.launch(
                    "I=${FLOYD_INPUT:-/floyd/input}; cat $I/in/x same >out", code=code, mounts=(mount("in", "in"),)
                )
                job = api.ended(f"p/{number}")
                assert job.exit_code == 0, api.log(job.name)
                if number % 2:
                    api.ask("DELETE", "/v1/job", name=job.name)
        finally:
            ended.set()
            for thread in threads:
                thread.join(60)
        assert not failures, failures
        assert check_all(api, runner) > 40
        # Now that all is quiet: what is gone is gone, what is there is wanted.
        collect(runner)
        assert collect(runner) == {}
        assert api.content("p/8/output", "out") == b"inputsame"


def ask_for_a_pass(runner: RunnerProcess) -> None:
    """Ask, and wait until it is done or the runner is gone."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(runner.socket))
        asking.sendall(b"POST /v1/gc HTTP/1.1\r\nHost: runner\r\nContent-Length: 0\r\n\r\n")
        asking.recv(1)


def fewer_blobs(runner: RunnerProcess, before: int, asking: threading.Thread) -> bool:
    return len(blobs_of(runner)) < before or not asking.is_alive()


def test_a_collector_killed_at_any_moment_loses_nothing_and_the_next_goes_on(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        kept = {f"{i}": b"kept %d" % i for i in range(300)}
        api.dataset("kept", kept)
        for number in range(2):
            api.dataset("gone", {f"{i}": b"%d gone %d" % (number, i) for i in range(1500)} | kept)
        api.ask("DELETE", "/v1/dataset", name="gone")
    assert len(blobs_of(runner)) == 300 + 2 * 1200
    for turn in range(4):
        before = len(blobs_of(runner))
        asking = threading.Thread(target=ask_for_a_pass, args=(runner,))
        asking.start()
        if turn:  # the first is killed at its very beginning, the others while they take away
            wait_for(partial(fewer_blobs, runner, before, asking), "it to take something away")
        runner.kill()
        asking.join()
        runner.start()
    with runner.http() as http:
        assert check_all(Api(http), runner) == 300
    collect(runner)
    assert blobs_of(runner) == {hashlib.sha256(data).hexdigest() for data in kept.values()}
    assert not list((runner.data_dir / "trash").iterdir())
    with runner.http() as http:
        assert check_all(Api(http), runner) == 300


def test_a_young_upload_waits_for_its_launch(runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        code = api.upload({"train": b"soon"})
        assert collect(runner) == {}
        assert api.launch("cat train", code=code).code == code
        assert api.follow("p/1")[0] == b"soon"
        api.ended("p/1")
        api.ask("DELETE", "/v1/job", name="p/1")
        assert collect(runner) == {"unused": 2}
        with pytest.raises(Refused, match="no tree"):
            api.launch("cat train", code=code)


@pytest.mark.docker
def test_containers_that_no_job_has_go_and_those_of_jobs_stay(docker_runner: RunnerProcess) -> None:
    with docker_runner.http() as http:
        api = Api(http)
        running = api.launch("echo up; sleep 60")
        api.prints(running.name, b"up")
        image = running.image
        labels = [f"--label=floyd.data-dir={docker_runner.data_dir}", "--label=floyd.job=ann/projects/gone/1"]
        made = subprocess.run(
            ["/usr/bin/docker", "create", *labels, image, "true"], capture_output=True, text=True, check=True
        ).stdout.strip()
        report = {kind["kind"]: kind for kind in api.ask("GET", "/v1/gc")["kinds"]}
        assert report["containers"]["free_count"] == 1
        assert collect(docker_runner)["containers"] == 1
        assert subprocess.run(["/usr/bin/docker", "inspect", made], capture_output=True, check=False).returncode != 0
        assert not api.job(running.name).state.ended
        api.stop(running.name)
        api.ended(running.name)
