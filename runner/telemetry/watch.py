"""One running job under watch: what goes by in a second, its last minutes, its record, its policy."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.executors.usage import Place, Usage, usage_of
from runner.models import GpuStats, Hint, Job, JobStats, JobUsage, Limits, UsagePoint
from runner.settings import Settings
from runner.telemetry.counters import read_memory
from runner.telemetry.hints import HintRules, job_hints
from runner.telemetry.idle import IdleWatch
from runner.telemetry.readings import Reading, Window
from runner.telemetry.record import RECORD_FILE, Record


@dataclass(frozen=True, slots=True)
class Running:
    """A running job: its folder, its limits with the host's defaults, where its processes are (None: not known just
    now), and how to end it for a reason."""

    job: Job
    folder: Path
    limits: Limits
    place: Place | None
    end: Callable[[str], Awaitable[None]]


class Watch:
    """Looks at one job again and again; its methods block. `hints` are those of now, `idle` the reason to stop it."""

    def __init__(self, running: Running, settings: Settings) -> None:
        job = running.job
        self._rules = settings.hints
        self._window = Window(settings.hints.seconds)
        fresh = JobUsage(job.name, cpu_limit=running.limits.cpus or os.cpu_count() or 1, memory_limit=_memory(running))
        self._record = Record.open(running.folder / RECORD_FILE, fresh)
        policy = job.utilization_policy or settings.utilization_policy
        self._policy = IdleWatch(policy) if policy is not None and job.devices else None
        self._before: tuple[float, Usage] | None = None
        self.hints: tuple[Hint, ...] = ()
        self.idle = ""

    def look(self, running: Running, gpus: Sequence[GpuStats]) -> JobStats:
        """What the job uses now; `gpus` are those that were looked at, its own among them."""
        now, wall = time.monotonic(), time.time()
        own = sorted((gpu for gpu in gpus if gpu.uuid in running.job.devices), key=lambda gpu: gpu.index)
        stats = self._stats(running, now, own)
        reading = Reading.of(now, stats, own)
        self._window.add(reading)
        self.hints = job_hints(running.job.name, self._window, self._rules)
        self._record.limit(tuple(gpu.memory_total for gpu in own))
        self._record.note(self.hints)
        self._record.add(_point(wall, stats, own))
        if self._policy is not None and not self.idle:
            self.idle = self._policy.see(now, {gpu.uuid: gpu.use for gpu in reading.gpus})
        return stats

    @property
    def record(self) -> JobUsage:
        """The record so far."""
        return self._record.now()

    def usage(self) -> JobUsage:
        """The record so far, with the hints of now."""
        return replace(self.record, hints=self.hints)

    def end(self) -> None:
        """The job runs no more."""
        self._record.end()

    def _stats(self, running: Running, now: float, own: Sequence[GpuStats]) -> JobStats:
        usage = usage_of(running.place) if running.place is not None else Usage()
        before, self._before = self._before, (now, usage)
        rate = _Rate(before, now)
        memory = [one.memory for gpu in own for one in gpu.processes or () if one.job == running.job.name]
        cpu = rate(lambda one: one.cpu_seconds, usage)
        return JobStats(
            running.job.name,
            None if cpu is None else round(100 * cpu, 1),
            usage.memory,
            running.limits.memory,
            self._record.usage.cpu_limit,
            rate(lambda one: one.disk_read, usage),
            rate(lambda one: one.disk_written, usage),
            sum(one for one in memory if one is not None) if any(one is not None for one in memory) else None,
            rate(lambda one: one.received, usage),
            rate(lambda one: one.sent, usage),
        )


class _Rate:
    """What goes by in a second, of a counter that may have begun anew."""

    def __init__(self, before: tuple[float, Usage] | None, now: float) -> None:
        self._before, self._now = before, now

    def __call__(self, read: Callable[[Usage], float | None], usage: Usage) -> float | None:
        if self._before is None or self._now <= self._before[0]:
            return None
        old, new = read(self._before[1]), read(usage)
        return None if old is None or new is None else max(0.0, new - old) / (self._now - self._before[0])


def hints_at_the_end(usage: JobUsage, devices: Sequence[str], rules: HintRules) -> tuple[Hint, ...]:
    """What is worth a word about a job that has ended: by its record, and what was noted meanwhile."""
    readings = (Reading.of_point(point, usage.cpu_limit, usage.memory_limit, devices) for point in usage.points)
    return (*job_hints(usage.job, readings, rules, ended=True), *usage.hints)


def _point(wall: float, stats: JobStats, own: Sequence[GpuStats]) -> UsagePoint:
    return UsagePoint(
        wall,
        stats.cpu_percent,
        stats.memory_used,
        stats.disk_read,
        stats.disk_written,
        tuple(gpu.utilization for gpu in own),
        tuple(gpu.memory_used for gpu in own),
        stats.received,
        stats.sent,
    )


def _memory(running: Running) -> int:
    return running.limits.memory or read_memory()["MemTotal"]
