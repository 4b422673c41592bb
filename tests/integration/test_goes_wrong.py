"""What goes wrong beside a job: no way to start it, a second runner on its folder, a clock that is set back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner.models import Attempt, Job, JobState, Retry
from runner.retrying import delay_before, seconds_left
from tests.support.api import Api
from tests.support.nvml import FakeDriver, FakeGpu
from tests.support.require import FAKETIME
from tests.support.runner import RunnerProcess, path_without
from tests.support.wait import wait_for


@pytest.mark.docker
@pytest.mark.gcc
def test_an_engine_without_a_runtime_for_gpus(tmp_path: Path, docker_image: str) -> None:
    # It makes the container (201) and refuses to start it (500).
    driver = FakeDriver(tmp_path / "driver")
    driver.set(FakeGpu("GPU-aaaa"))
    with RunnerProcess(tmp_path / "runner", "docker", docker_image, env=driver.env) as server:
        with server.http() as http:
            api = Api(http)
            for number in (1, 2):  # the first one gives the GPU back
                api.launch("echo never", gpus=1)
                job = api.ended(f"p/{number}")
                assert (job.state, job.exit_code, job.started_at) == (JobState.FAILED, None, None)
                assert "Docker cannot give the job a GPU: could not select device driver" in job.reason
                assert "Install the NVIDIA Container Toolkit on the host" in job.reason
            wait_for(lambda: not server.jobs_have("home"), "the homes to be cleared away")
            assert api.log("p/1") == b""
        assert server.containers() == []


class Registry(BaseHTTPRequestHandler):
    """A registry that names an image and breaks off in the middle of its layer."""

    server: Server
    layer = "sha256:" + "1" * 64
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": 100,
                "digest": "sha256:" + "2" * 64,
            },
            "layers": [
                {
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                    "size": 1 << 20,
                    "digest": layer,
                }
            ],
        }
    ).encode()

    def do_HEAD(self) -> None:
        """As GET."""
        self.do_GET()

    def do_GET(self) -> None:
        """The manifest; of blobs the first KiB."""
        self.send_response(200)
        if "/manifests/" in self.path:
            self.send_header("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
            self.send_header("Content-Length", str(len(self.manifest)))
            self.end_headers()
            self.wfile.write(self.manifest if self.command == "GET" else b"")
            return
        blob = "/blobs/" in self.path
        self.send_header("Content-Length", str(1 << 20) if blob else "0")
        self.end_headers()
        if blob:
            self.wfile.write(bytes(1024))
            self.server.go_on.wait(60)
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One that breaks off when `go_on` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Registry)
        self.go_on = threading.Event()


@contextmanager
def registry() -> Iterator[tuple[str, threading.Event]]:
    """Its address, and what makes it break off. Docker takes 127.0.0.0/8 without TLS."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", server.go_on
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.mark.docker
def test_an_image_whose_pull_breaks_off(docker_runner: RunnerProcess) -> None:
    with registry() as (address, go_on), docker_runner.http() as http:
        api = Api(http)
        api.launch("true", environment=f"{address}/broken:1")
        api.launch("true", environment=f"{address}/broken:1")
        wait_for(lambda: "pulling" in api.job("p/1").progress or api.job("p/1").state.ended, "the pull")
        api.stop("p/2")
        assert api.ended("p/2").state is JobState.STOPPED
        go_on.set()
        job = api.reaches("p/1", JobState.FAILED)
        assert job.reason.startswith(f"Image {address}/broken:1 could not be pulled: ")
        assert "docker save" in job.reason
        assert docker_runner.containers() == []


def test_a_second_runner_on_one_data_folder_refuses(runner: RunnerProcess) -> None:
    with runner.http() as http:
        Api(http).launch("echo up; sleep 600")
        Api(http).prints("p/1", b"up")
    command = [sys.executable, "-m", "runner", "serve", "--data-dir", str(runner.data_dir)]
    second = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in second:
        _, said = process.communicate(timeout=30)
        assert process.returncode != 0
        assert f"A runner (process {runner.pid}) serves {runner.data_dir} already." in said
        assert "Traceback" not in said
    with runner.http() as http:
        assert Api(http).job("p/1").state is JobState.RUNNING


def set_clock(place: Path, offset: str) -> dict[str, str]:
    """Set the clock on the wall, by seconds from the true one, of the programs that have the answered environment."""
    fresh = place.with_suffix(".new")
    fresh.write_text(offset + "\n")
    fresh.replace(place)
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(place),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.faketime
def test_a_clock_that_is_set_back_changes_no_duration(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    env = set_clock(clock, "+86400")
    # The library finds in no sandbox what its processes share.
    path = path_without("bwrap", tmp_path / "bin")
    with RunnerProcess(tmp_path / "runner", env={**env, "PATH": path}) as server:
        with server.http() as http:
            api = Api(http)
            # What stands over a job has its environment, and so that clock.
            api.launch("echo up; sleep 600", max_runtime=4, env=env)
            api.launch("echo up; until [ -e go ]; do sleep 0.2; done", env=env)
            for number in (1, 2):
                api.prints(f"p/{number}", b"up")
                api.reaches(f"p/{number}", JobState.RUNNING)
            began = time.monotonic()
            set_clock(clock, "+0")
            assert api.job("p/2").created_at > time.time() + 80_000
            assert api.launch("true", env=env).created_at < time.time() + 5
            limited = api.ended("p/1")
            assert limited.state is JobState.TIMED_OUT
            assert time.monotonic() - began < 60
        server.kill()
        set_clock(clock, "-3600")
        server.start()
        with server.http() as http:
            api = Api(http)
            (next(server.data_dir.glob("jobs/*/p/2/home")) / "go").touch()
            other, later = api.ended("p/2"), api.ended("p/3")
        for job in (limited, other, later):
            assert job.started_at is not None
            assert job.ended_at is not None
            assert 0 <= job.ended_at - job.started_at < time.monotonic() - began + 5, job
        assert (limited.ended_at or 0) - (limited.started_at or 0) >= 3


def test_a_retry_waits_no_longer_because_the_clock_was_set_back() -> None:
    attempts = (Attempt(JobState.LOST, 0.0, 1.0, 0),)
    job = Job("ada", "p", 1, JobState.QUEUED, "x", 0.0, retry=Retry(3), retry_at=time.time() + 86400, attempts=attempts)
    assert seconds_left(job, 10) == 10
    assert [delay_before(attempt, 10) for attempt in (2, 3, 4, 7, 50)] == [10, 20, 40, 300, 300]
    assert delay_before(2, 600) == delay_before(9, 600) == 600
