"""What jobs use, in a real runner: measured by cgroups and /proc, kept after their end, and acted on."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.models import HostStats, JobState, JobUsage, from_dict
from tests.support.nvml import GIB, FakeDriver, FakeGpu
from tests.support.require import DOCKER
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.wait import wait_for

# Keeps a core busy (as far as it gets one beside other tests) and holds 100 MiB.
BUSY = "import os\nblock = bytearray(100 << 20)\nfor i in range(0, len(block), 4096): block[i] = 1\nwhile True: pass\n"
GPU = FakeGpu("GPU-aaaa", use=3, used=2 * GIB)


def stats_of(http: httpx.Client) -> HostStats:
    return from_dict(http.get("/v1/stats").raise_for_status().json(), HostStats)


def usage_of(http: httpx.Client, job: str, **params: int) -> JobUsage:
    return from_dict(http.get("/v1/job/usage", params={"name": job, **params}).raise_for_status().json(), JobUsage)


def ended(http: httpx.Client, name: str) -> dict[str, Any] | None:
    job = http.get("/v1/job", params={"name": name}).raise_for_status().json()
    return job if JobState(job["state"]).ended else None


def launch(http: httpx.Client, command: str, **more: object) -> None:
    http.post("/v1/jobs", json={"project": "p", "command": command, **more}).raise_for_status()


@pytest.mark.parametrize("executor", [pytest.param("docker", marks=pytest.mark.docker), "process"])
def test_what_a_job_uses_is_measured_while_it_runs_and_kept_after_its_end(
    executor: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    image = request.getfixturevalue("docker_image") if executor == "docker" else None
    with RunnerProcess(tmp_path / "runner", executor, image) as runner, runner.http() as http:
        launch(http, f"python3 -c '{BUSY}'", limits={"memory": 400 << 20})

        def busy() -> HostStats | None:
            stats = stats_of(http)
            return stats if any((one.cpu_percent or 0) > 5 and one.memory_used for one in stats.jobs) else None

        [use] = wait_for(busy, "the job's use").jobs
        assert (use.job, use.memory_limit) == ("root/projects/p/1", 400 << 20)
        # Nobody asks for the gauges from here on, and what the job uses is looked at all the same.
        points = wait_for(lambda: p if len(p := usage_of(http, "p/1").points) > 3 else None, "a record")
        assert 80 << 20 < (points[-1].memory or 0) < 300 << 20
        http.post("/v1/job/stop", params={"name": "p/1"})
        wait_for(lambda: ended(http, "p/1"), "the job's end")
        runner.stop()
        runner.start()
        kept = usage_of(http, "p/1")
        assert kept.points[: len(points) - 1] == points[:-1]
        assert (kept.step, kept.memory_limit) == (1, 400 << 20)
        assert any((point.cpu_percent or 0) > 5 for point in kept.points)
        # A plain process has the host's network, and none to count of its own.
        assert (kept.points[-1].received is None) is (executor == "process")
        assert len(usage_of(http, "p/1", points=2).points) <= 2
        assert http.get("/v1/job/usage", params={"name": "p/1", "points": 0}).status_code == 400


@pytest.mark.gcc
@pytest.mark.docker
def test_a_process_on_a_gpu_is_told_to_be_the_jobs_in_whose_container_it_is(tmp_path: Path, docker_image: str) -> None:
    driver = FakeDriver(tmp_path / "driver")
    driver.set(GPU)
    with RunnerProcess(tmp_path / "runner", "docker", docker_image, env=driver.env) as runner, runner.http() as http:
        launch(http, "sleep 600")
        wait_for(lambda: http.get("/v1/jobs").json()[0]["state"] == "running", "the job to run")
        [container] = runner.containers()
        inspect = [DOCKER, "inspect", "-f", "{{.State.Pid}}", container]
        pid = int(subprocess.run(inspect, capture_output=True, check=True).stdout)
        driver.set(replace(GPU, processes=((pid, GIB), (os.getpid(), 1))))

        def told() -> dict[int, str] | None:
            [gpu] = stats_of(http).gpus
            return {one.pid: one.job for one in gpu.processes} if gpu.processes else None

        assert wait_for(told, "the processes") == {pid: "root/projects/p/1", os.getpid(): ""}


@pytest.mark.gcc
def test_a_job_whose_gpu_idles_is_stopped_gently_and_says_why(tmp_path: Path, home: Path) -> None:
    driver = FakeDriver(tmp_path / "driver")
    driver.set(GPU)
    policy = {"min_gpu_utilization": 10, "time_window": 2}
    settings: dict[str, object] = {"hints": {"seconds": 1.0}, "utilization_policy": policy}
    (tmp_path / "config").mkdir()
    shell = Shell(tmp_path, tmp_path / "config")
    with RunnerProcess(tmp_path / "runner", settings=settings, env=driver.env) as runner, runner.http() as http:
        hosts = {"hosts": {"local": {"data_dir": str(runner.data_dir)}}}
        (tmp_path / "config" / "config.yaml").write_text(json.dumps(hosts))
        launch(http, "trap 'echo saved > out.txt; exit 0' TERM; while :; do sleep 0.1; done", gpus=1)
        job = wait_for(lambda: ended(http, "p/1"), "the job to be stopped")
        assert (job["state"], job["exit_code"]) == ("stopped", 0)
        assert job["reason"] == "Its GPU was used below 10 % for 2 seconds (utilization_policy)."
        assert [one["path"] for one in http.get("/v1/files", params={"source": "p/1"}).json()] == ["out.txt"]
        usage = from_dict(shell.json("usage", "p/1"), JobUsage)
        assert (usage.points[-1].gpus, usage.gpu_memory_limit) == ((3.0,), (80 * GIB,))
        told = shell("usage", "p/1")
        assert "! Its GPU was 3 % busy on average.\n  Try a larger batch" in told.stderr
        assert ["GPU", "3", "%", "3", "%", "100", "%"] in [line.split()[:7] for line in told.stdout.splitlines()]

        # Its own policy goes over the host's.
        driver.set(replace(GPU, uncorrected=2))
        launch(http, "sleep 600", gpus=1, utilization_policy={"min_gpu_utilization": 2, "time_window": 1})
        stats = wait_for(lambda: s if (s := stats_of(http)).jobs and any(h.job for h in s.hints) else None, "hints")
        assert stats.gpus[0].jobs == ("root/projects/p/2",)
        assert "ecc" in {hint.kind for hint in stats.hints if hint.job == "root/projects/p/2"}
        checked = shell("host", "check").stdout
        assert "! p/2: GPU 0 has had 2 memory errors that it could not correct: results may be wrong." in checked
        driver.set(replace(GPU, use=1))
        reason = wait_for(lambda: ended(http, "p/2"), "the second to be stopped")["reason"]
        assert reason == "Its GPU was used below 2 % for 1 second (utilization_policy)."
        bad = {"project": "p", "command": "x", "utilization_policy": {"min_gpu_utilization": 0, "time_window": 1}}
        answer = http.post("/v1/jobs", json=bad)
        assert (answer.status_code, answer.json()["hint"]) == (400, "Correct `utilization_policy`.")
