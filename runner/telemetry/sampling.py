"""The gauges: of the host while somebody looks at them, of each running job all the time; one look a second for all."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from runner.executors.usage import with_jobs
from runner.gpus import Gpus
from runner.models import GpuStats, HostStats, Job, JobStats, JobUsage
from runner.settings import Settings
from runner.telemetry.counters import Counters, Rates, rates, read_counters, read_memory
from runner.telemetry.hints import host_hints
from runner.telemetry.record import RECORD_FILE, read_record
from runner.telemetry.watch import Running, Watch, hints_at_the_end

log = logging.getLogger(__name__)
INTERVAL = 1.0
# The first reading of the CPU needs two looks; this far apart, in seconds.
_FIRST_LOOK = 0.1
# Who has not asked for the gauges for so many intervals does not look at them any more.
_ATTENTION = 2.5


@dataclass(frozen=True, slots=True)
class _Look:
    """What a thread read: the GPUs asked for, and the host's counters where somebody looks at them."""

    gpus: tuple[GpuStats, ...]
    note: str
    jobs: tuple[JobStats, ...]
    counters: Counters | None


class Telemetry:
    """Samples the host: CPU and memory from /proc, the disk of the data folder, GPUs, and what jobs use.

    `holders` tells which jobs hold which GPU, `running` what runs; `reserve` is what of the disk is to stay free, in
    bytes. Between `start` and `close` each running job is looked at once a second, and what it used is kept.
    """

    def __init__(
        self,
        settings: Settings,
        gpus: Gpus,
        holders: Callable[[], Mapping[str, tuple[str, ...]]],
        running: Callable[[], Awaitable[list[Running]]],
        reserve: int = 0,
    ) -> None:
        self._settings = settings
        self._gpus = gpus
        self._holders = holders
        self._running = running
        self._reserve = reserve
        self._watches: dict[str, Watch] = {}
        self._counters: Counters | None = None
        self._last: HostStats | None = None
        self._asked = self._looked = -INTERVAL * 10
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch jobs."""
        self._task = asyncio.create_task(self._watch_jobs())

    async def close(self) -> None:
        """Stop, with what was measured on the disk."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await asyncio.to_thread(self._drop, set())

    # What the API asks

    async def sample(self) -> HostStats:
        """The gauges, at most a second old."""
        self._asked = time.monotonic()
        async with self._lock:
            if self._last is None or time.monotonic() - self._looked >= INTERVAL * 0.9:
                self._last = await self._look_at_all()
            return self._last

    async def follow(self) -> AsyncIterator[HostStats]:
        """The gauges once a second."""
        while True:
            began = time.monotonic()
            yield await self.sample()
            await asyncio.sleep(max(0.0, INTERVAL - (time.monotonic() - began)))

    async def usage(self, job: Job) -> JobUsage:
        """What `job` has used, whether it runs or has ended; without points where nothing was measured."""
        watch = self._watches.get(job.name)
        if watch is not None and not job.state.ended:
            return watch.usage()
        path = self._settings.job_dir(job.owner, job.project, job.number) / RECORD_FILE
        found = watch.record if watch is not None else await asyncio.to_thread(read_record, path, job.name)
        found = found or JobUsage(job.name)
        return replace(found, hints=hints_at_the_end(found, job.devices, self._settings.hints))

    # The looks

    async def _watch_jobs(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                if time.monotonic() - self._asked < _ATTENTION * INTERVAL:
                    continue  # who looks at the host looks at its jobs
                async with self._lock:
                    running = await self._running()
                    if running or self._watches:
                        await self._look(running, frozenset(gpu for one in running for gpu in one.job.devices))
            except Exception:
                log.exception("looking at the jobs")

    async def _look(self, running: list[Running], only: frozenset[str] | None) -> _Look:
        """One look, by a thread, and what follows from it."""
        look = await asyncio.to_thread(self._read, running, only)
        for one in running:
            if reason := self._watches[one.job.name].idle:
                await one.end(reason)
        return look

    def _read(self, running: list[Running], only: frozenset[str] | None) -> _Look:
        self._drop({one.job.name for one in running})
        if only is None or only:
            gpus, note = self._gpus.sample(self._holders(), only)
        else:
            gpus, note = (), ""
        places = {one.job.name: one.place for one in running if one.place is not None}
        gpus = tuple(with_jobs(gpu, places) for gpu in gpus)
        for one in running:
            if one.job.name not in self._watches:
                self._watches[one.job.name] = Watch(one, self._settings)
        jobs = tuple(self._watches[one.job.name].look(one, gpus) for one in running)
        return _Look(gpus, note, jobs, read_counters(time.monotonic()) if only is None else None)

    def _drop(self, still: set[str]) -> None:
        """Jobs that run no more are put on record."""
        for name in self._watches.keys() - still:
            self._watches.pop(name).end()

    async def _look_at_all(self) -> HostStats:
        before = self._counters
        if before is None or time.monotonic() - before.time > 10 * INTERVAL:
            before = await asyncio.to_thread(read_counters, time.monotonic())
            await asyncio.sleep(_FIRST_LOOK)
        look = await self._look(await self._running(), None)
        assert look.counters is not None, "all was asked for"
        self._counters = look.counters
        stats = await asyncio.to_thread(self._stats, look, rates(before, look.counters))
        self._looked = time.monotonic()
        return stats

    def _stats(self, look: _Look, going_by: Rates) -> HostStats:
        memory, disk = read_memory(), shutil.disk_usage(self._settings.data_dir)
        stats = HostStats(
            time.time(),
            going_by.cpu_percent,
            os.cpu_count() or 1,
            os.getloadavg()[0],
            memory["MemTotal"] - memory["MemAvailable"],
            memory["MemTotal"],
            disk.used,
            # What a person may fill: root's reserve is neither used nor to be had.
            disk.used + disk.free,
            look.gpus,
            look.note,
            look.jobs,
            self._reserve,
            going_by.read,
            going_by.written,
            going_by.received,
            going_by.sent,
        )
        of_jobs = (hint for use in look.jobs for hint in self._watches[use.job].hints)
        return replace(stats, hints=(*host_hints(stats, self._settings.hints), *of_jobs))
