"""The sampling of gauges: shared by all who look, off the event loop, and put on record when jobs end."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

from runner.api.seen import Told
from runner.executors.usage import Place
from runner.gpus import Gpus
from runner.models import (
    GpuProcess,
    GpuStats,
    Hint,
    HostStats,
    Job,
    JobState,
    JobStats,
    Limits,
    UtilizationPolicy,
    decode,
)
from runner.settings import Settings
from runner.telemetry.counters import Counters, Rates, rates, read_counters
from runner.telemetry.record import RECORD_FILE, read_record
from runner.telemetry.sampling import Telemetry
from runner.telemetry.watch import Running
from tests.support.wait import wait_for

JOB = Job("ada", "p", 1, JobState.RUNNING, "x", 0.0, devices=("GPU-a",), limits=Limits(memory=1 << 40))


class PlayedGpus(Gpus):
    """One GPU that tells what it was asked for, and answers once it may, as a driver does that blocks its thread."""

    def __init__(self, use: float = 50.0) -> None:
        super().__init__()
        self.use = use
        self.asked: list[Any] = []
        self.may = threading.Event()
        self.may.set()

    def sample(self, holders: Any, only: Any = None, *, anew: bool = False) -> tuple[tuple[GpuStats, ...], str]:
        """The GPU, once it may."""
        self.asked.append(only)
        assert self.may.wait(20), "nobody could let it go on"
        return (GpuStats(0, "GPU-a", "A", self.use, 1, 2),), ""


def running_in(folder: Path, ends: asyncio.Queue[str]) -> Running:
    async def end(reason: str) -> None:
        ends.put_nowait(reason)

    return Running(JOB, folder, JOB.limits, Place(os.getpid()), end)


async def none_running() -> list[Running]:
    return []


async def test_gauges_of_a_host_without_gpus_are_shared_for_a_second(tmp_path: Path) -> None:
    gpus = PlayedGpus()
    telemetry = Telemetry(Settings(tmp_path), gpus, dict, none_running)
    first, second = await asyncio.gather(telemetry.sample(), telemetry.sample())
    assert first is second
    assert await telemetry.sample() is first
    assert gpus.asked == [None]
    assert 0 <= first.cpu_percent <= 100
    assert 0 < first.memory_used < first.memory_total
    assert 0 < first.disk_used < first.disk_total
    assert first.jobs == ()


async def test_a_driver_that_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    gpus = PlayedGpus()
    gpus.may.clear()
    sampling = asyncio.create_task(Telemetry(Settings(tmp_path), gpus, dict, none_running).sample())
    await asyncio.to_thread(wait_for, lambda: gpus.asked, "the question")
    # The loop is free, or this would not be reached before the driver gives up.
    gpus.may.set()
    assert (await sampling).gpus[0].utilization == 50.0


async def test_a_job_is_looked_at_without_anybody_asking_and_kept_when_it_ends(tmp_path: Path) -> None:
    ends: asyncio.Queue[str] = asyncio.Queue()
    running = [running_in(tmp_path, ends)]
    policy = UtilizationPolicy(10, 1)
    gpus = PlayedGpus(use=3.0)

    async def now() -> list[Running]:
        return running

    telemetry = Telemetry(Settings(tmp_path, utilization_policy=policy), gpus, dict, now)
    telemetry.start()
    assert await ends.get() == "Its GPU was used below 10 % for 1 second (utilization_policy)."
    # Only its own GPU is asked, and none once nothing runs.
    assert set(gpus.asked) == {frozenset({"GPU-a"})}
    live = await telemetry.usage(JOB)
    assert live.points[-1].gpus == (3.0,)
    running.clear()
    await asyncio.to_thread(wait_for, (tmp_path / RECORD_FILE).exists, "the record")
    asked = len(gpus.asked)
    found = read_record(tmp_path / RECORD_FILE, JOB.name)
    assert found is not None
    assert found.points[-1].gpus == (3.0,)
    await telemetry.close()
    assert len(gpus.asked) == asked


def test_rates_are_of_the_time_between_two_looks() -> None:
    before = Counters(10.0, 100, 1000, 0, 500, 7, 7)
    now = Counters(12.0, 150, 1200, 4096, 400, 7, 1007)
    assert rates(before, now) == Rates(25.0, 2048.0, 0.0, 0.0, 500.0)
    assert rates(before, before) == Rates(0.0)


def test_the_hosts_counters_only_grow() -> None:
    first = read_counters(1.0)
    assert sum(i for i in range(2_000_000)) > 0
    second = read_counters(2.0)
    assert second.ticks >= first.ticks
    assert second.busy >= first.busy
    assert min(first.read, first.written, first.received, first.sent) >= 0


def test_gauges_are_written_once_for_each_person_and_hold_nobody_elses_jobs() -> None:
    def stats(at: float) -> HostStats:
        hints = tuple(Hint("memory", "info", "x", "y", job) for job in ("ada/projects/p/1", "bob/projects/p/1", ""))
        processes = (GpuProcess(1, 2, "bob/projects/p/1"), GpuProcess(3, 4))
        gpu = GpuStats(0, "GPU-a", "A", jobs=("ada/projects/p/1", "bob/projects/p/1"), processes=processes)
        return HostStats(at, 1.0, 2, 0.1, 3, 4, 5, 6, (gpu,), jobs=(JobStats("bob/projects/p/1"),), hints=hints)

    told, first = Told(), stats(1.0)
    ada, bob = told.to("ada", first), told.to("bob", first)
    assert told.to("ada", first) is ada
    seen = decode(ada, HostStats)
    assert (seen.gpus[0].jobs, seen.jobs) == (("ada/projects/p/1", "bob"), ())
    assert [one.job for one in seen.gpus[0].processes or ()] == ["bob", ""]
    assert [hint.job for hint in seen.hints] == ["ada/projects/p/1", ""]
    assert [one.job for one in decode(bob, HostStats).jobs] == ["bob/projects/p/1"]
    assert decode(told.to("ada", stats(2.0)), HostStats).time == 2.0
