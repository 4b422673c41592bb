"""GPU gauges: the real nvidia-ml-py in a real runner, over a played driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.models import HostStats, JobState, from_dict
from tests.support.nvml import VERSION_MISMATCH, FakeDriver, FakeGpu
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for

A100 = FakeGpu("GPU-aaaa", "NVIDIA A100", 87, 64_000_000_000, 80_000_000_000, 66, 302_500, 400_000)


def gauges(runner: RunnerProcess) -> HostStats:
    with runner.http() as http:
        return from_dict(http.get("/v1/stats").raise_for_status().json(), HostStats)


@pytest.mark.gcc
def test_gauges_are_what_the_driver_says_and_empty_where_it_does_not_say(tmp_path: Path) -> None:
    driver = FakeDriver(tmp_path / "driver")
    driver.set(A100, FakeGpu("GPU-bbbb", "NVIDIA T4", None, 1, 2, None, None, None))
    with RunnerProcess(tmp_path / "runner", env=driver.env) as runner:
        first, second = gauges(runner).gpus
        assert (first.name, first.uuid, first.utilization) == ("NVIDIA A100", "GPU-aaaa", 87)
        assert (first.memory_used, first.memory_total) == (64_000_000_000, 80_000_000_000)
        assert (first.temperature, first.power, first.power_limit) == (66, 302.5, 400)
        assert (second.name, second.memory_used) == ("NVIDIA T4", 1)
        assert (second.utilization, second.temperature, second.power, second.power_limit) == (None,) * 4

        driver.set(replace(A100, lost=True), FakeGpu("GPU-bbbb", "NVIDIA T4", 5))
        stats = wait_for(lambda: s if (s := gauges(runner)).gpus[1].utilization == 5 else None, "the new reading")
        assert stats.gpus[0].utilization is None


def test_a_host_without_a_driver_says_so(runner: RunnerProcess) -> None:
    stats = gauges(runner)
    assert stats.gpus == ()
    assert stats.gpu_note == "No GPU here: the NVIDIA driver's library (libnvidia-ml.so.1) was not found."
    assert 0 < stats.memory_used < stats.memory_total
    assert 0 < stats.disk_used < stats.disk_total
    assert stats.cpu_count > 0


@pytest.mark.gcc
def test_a_driver_that_is_not_loaded_says_so(tmp_path: Path) -> None:
    driver = FakeDriver(tmp_path / "driver")
    with RunnerProcess(tmp_path / "runner", env=driver.env) as runner:
        assert gauges(runner).gpu_note == "No GPU here: the NVIDIA driver says Driver Not Loaded."


@pytest.mark.gcc
def test_a_driver_of_another_version_than_its_library_says_so(tmp_path: Path) -> None:
    driver = FakeDriver(tmp_path / "driver")
    driver.refuse(VERSION_MISMATCH)
    with RunnerProcess(tmp_path / "runner", env=driver.env) as runner:
        assert (
            gauges(runner).gpu_note
            == "No GPU here: the NVIDIA driver says RM has detected an NVML/RM version mismatch."
        )


@pytest.mark.gcc
def test_jobs_that_want_gpus_get_different_ones(tmp_path: Path) -> None:
    driver = FakeDriver(tmp_path / "driver")
    driver.set(A100, replace(A100, uuid="GPU-bbbb"))
    with RunnerProcess(tmp_path / "runner", env=driver.env) as runner, runner.http() as http:
        launch = {"project": "g", "command": "echo $CUDA_VISIBLE_DEVICES; sleep 60", "gpus": 1}
        for _ in range(3):
            assert http.post("/v1/jobs", json=launch).status_code == 201

        def states() -> list[str]:
            return [job["state"] for job in http.get("/v1/jobs").json()]

        wait_for(lambda: states() == ["queued", "running", "running"], "two jobs to run and one to wait")
        jobs = http.get("/v1/jobs").json()
        assert {tuple(job["devices"]) for job in jobs[1:]} == {("GPU-aaaa",), ("GPU-bbbb",)}
        held = {gpu.uuid: gpu.jobs for gpu in gauges(runner).gpus}
        assert sorted(held) == ["GPU-aaaa", "GPU-bbbb"]
        assert all(len(each) == 1 for each in held.values())
        http.post("/v1/job/stop", params={"name": "g/1"})
        wait_for(lambda: states()[0] == "running", "the third job to get the freed GPU")
        answer = http.post("/v1/jobs", json={**launch, "gpus": 3})
        assert answer.status_code >= 400
        assert "2" in answer.json()["detail"]


@pytest.mark.docker
@pytest.mark.gcc
def test_an_engine_without_a_gpu_runtime_is_named_and_leaves_no_container(tmp_path: Path, docker_image: str) -> None:
    driver = FakeDriver(tmp_path / "driver")
    driver.set(A100)
    with (
        RunnerProcess(tmp_path / "runner", "docker", docker_image, env=driver.env) as runner,
        runner.http() as http,
    ):
        assert http.post("/v1/jobs", json={"project": "g", "command": "true", "gpus": 1}).status_code == 201
        job = wait_for(lambda: ended(http), "the job to end")
        assert job["state"] == "failed"
        assert "GPU" in job["reason"]
        assert "nvidia-container-toolkit" in job["reason"].lower().replace(" ", "-")
        assert runner.containers() == []


def ended(http: httpx.Client) -> dict[str, Any] | None:
    """The only job, once it has ended."""
    [job] = http.get("/v1/jobs").json()
    return job if JobState(job["state"]).ended else None
