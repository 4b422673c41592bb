"""Jobs outlive their runner: it is killed as by a crash, started again, and has to find everything as it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from runner.models import JobState
from tests.support.api import Api, json_line
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

# Prints metrics, waits in the middle for the file `go`, and prints the rest.
COUNT = """
for i in $(seq 1 30); do
  echo '{"metric": "n", "value": '$i'}'
  while [ $i = 15 ] && [ ! -e go ]; do sleep 0.02; done
done
"""
# Moments of a job's start and end at which the runner is killed.
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "queued": lambda folder: True,
    "preparing": lambda folder: folder.exists(),
    "starting": lambda folder: (folder / "log").exists(),
    "running": lambda folder: (folder / "log").exists() and (folder / "log").stat().st_size > 0,
    "settling": lambda folder: (folder / "output.json").exists(),
}


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunnerProcess]:
    """A real runner with each executor."""
    image = request.getfixturevalue("docker_image") if request.param == "docker" else None
    with RunnerProcess(tmp_path / "runner", executor=request.param, image=image) as process:
        yield process


def test_a_running_job_is_followed_again_and_no_metric_counts_twice(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch(f"{COUNT} echo done >result; exit 7")
        wait_for(lambda: len(api.metrics("p/1")) == 15, "the first metrics")
        before = api.job("p/1")
    server.kill()
    server.start()
    with server.http() as http:
        api = Api(http)
        again = api.job("p/1")
        assert (again.state, again.started_at) == (JobState.RUNNING, before.started_at)
        (server.data_dir / "jobs/root/p/1/home/go").touch()
        text, end = api.follow("p/1")
        job = api.ended("p/1")
        assert (job.state, job.exit_code, end.size) == (JobState.FAILED, 7, len(text))
        assert text.count(b"metric") == 30
        assert [m.value for m in api.metrics("p/1")] == [float(n) for n in range(1, 31)]
        assert api.content("p/1", "result") == b"done\n"


def test_a_job_that_ended_meanwhile_has_its_true_exit_code_and_its_whole_log(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch(
            f"echo up; until [ -e go ]; do sleep 0.02; done; seq 1 5000; {json_line(metric='m', value=1)}; exit 4"
        )
        api.prints("p/1", b"up")
    server.kill()
    home = server.data_dir / "jobs/root/p/1/home"
    (home / "go").touch()
    log = home.parent / "log"
    wait_for(lambda: log.read_bytes().endswith(b"}\n"), "the job to end alone")
    server.start()
    with server.http() as http:
        api = Api(http)
        job = api.ended("p/1")
        assert (job.state, job.exit_code, job.metrics) == (JobState.FAILED, 4, {"m": 1.0})
        assert api.log("p/1").count(b"\n") == 5002
        assert job.log_size == log.stat().st_size


def test_a_job_that_vanished_is_lost_and_its_output_kept(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch("echo partial >part; echo up; sleep 600")
        api.prints("p/1", b"up")
    server.kill()
    for pid in server.processes():
        os.kill(pid, signal.SIGKILL)
    if found := server.containers():
        subprocess.run(["/usr/bin/docker", "rm", "-f", *found], check=True, capture_output=True)
    server.start()
    with server.http() as http:
        api = Api(http)
        job = api.ended("p/1")
        assert (job.state, job.exit_code) == (JobState.LOST, None)
        assert job.reason
        assert list(api.files("p/1")) == ["part"]


def test_a_stop_that_was_asked_for_is_not_forgotten(server: RunnerProcess) -> None:
    with server.http() as http:
        api = Api(http)
        api.launch("trap 'echo trapped' TERM; echo up; while :; do sleep 0.05; done")
        api.prints("p/1", b"up")
        api.stop("p/1")
    server.kill()
    server.start()
    with server.http() as http:
        assert Api(http).ended("p/1").state is JobState.STOPPED


def test_jobs_cut_off_at_any_moment_run_exactly_once_and_nothing_is_left(server: RunnerProcess) -> None:
    folders = server.data_dir / "jobs/root/cut"
    for number, reached in enumerate(MOMENTS.values(), start=1):
        with server.http() as http:
            Api(http).launch("echo once; echo 1 >result", project="cut")
            wait_for(partial(reached, folders / str(number)), "the moment")
        server.kill()
        server.start()
    with server.http() as http:
        api = Api(http)
        for number in range(1, len(MOMENTS) + 1):
            job = api.ended(f"cut/{number}")
            assert (job.state, job.exit_code) == (JobState.SUCCEEDED, 0), job.reason
            assert api.log(f"cut/{number}") == b"once\n"
            assert api.content(f"cut/{number}", "result") == b"1\n"
        wait_for(lambda: not list(folders.glob("*/home")), "the homes to be cleared away")
        wait_for(lambda: not server.containers(), "the containers to be removed")
        wait_for(lambda: not server.processes(), "the processes to be gone")


def test_a_waiting_job_still_waits(server: RunnerProcess) -> None:
    server.stop()
    settings = server.data_dir / "runner.yml"
    settings.write_text(settings.read_text().replace("{", '{"max_running": 1, ', 1))
    server.start()
    with server.http() as http:
        api = Api(http)
        api.launch("echo up; until [ -e go ]; do sleep 0.02; done")
        api.launch("echo next")
        api.prints("p/1", b"up")
    server.kill()
    server.start()
    with server.http() as http:
        api = Api(http)
        assert api.job("p/2").state is JobState.QUEUED
        (server.data_dir / "jobs/root/p/1/home/go").touch()
        assert api.ended("p/2").state is JobState.SUCCEEDED
        assert api.job("p/1").state is JobState.SUCCEEDED


@pytest.mark.docker
def test_a_job_of_root_is_stopped_and_given_back_after_a_restart(
    docker_runner: RunnerProcess, docker_image: str
) -> None:
    own = {"rooted": {"image": docker_image, "user": "root"}}
    (docker_runner.data_dir / "environments.yml").write_text(json.dumps(own))
    with docker_runner.http() as http:
        api = Api(http)
        api.launch("echo 1 >f; chown 4321 f; echo up; sleep 600", environment="rooted")
        api.prints("p/1", b"up")
    docker_runner.kill()
    docker_runner.start()
    with docker_runner.http() as http:
        api = Api(http)
        assert api.files("p/1").keys() == {"f"}
        api.stop("p/1")
        wait_for(lambda: (docker_runner.data_dir / "jobs/root/p/1/output.json").exists(), "the output to be stored")
        assert (api.ended("p/1").state, api.job("p/1").exit_code) == (JobState.STOPPED, 143)
        assert api.content("p/1", "f") == b"1\n"
