"""The host's gauges, read only while somebody looks at them; followers share one sample a second."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.gpus import Gpus
from runner.models import HostStats, JobStats

INTERVAL = 1.0
# The first reading of the CPU needs two looks; this far apart, in seconds.
_FIRST_LOOK = 0.1


@dataclass(frozen=True, slots=True)
class _Cpu:
    busy: int
    total: int


class Telemetry:
    """Samples the host: CPU and memory from /proc, the disk that `folder` lies on, GPUs, and what jobs use.

    `holders` tells which jobs hold which GPU, `jobs` what each running job uses; `reserve` is what of the disk is to
    stay free, in bytes.
    """

    def __init__(
        self,
        folder: Path,
        gpus: Gpus,
        holders: Callable[[], Mapping[str, tuple[str, ...]]],
        jobs: Callable[[], Awaitable[tuple[JobStats, ...]]],
        reserve: int = 0,
    ) -> None:
        self._folder = folder
        self._gpus = gpus
        self._holders = holders
        self._jobs = jobs
        self._reserve = reserve
        self._cpu: _Cpu | None = None
        self._last: HostStats | None = None
        self._lock = asyncio.Lock()

    async def sample(self) -> HostStats:
        """The gauges, at most a second old."""
        async with self._lock:
            if self._last is None or time.time() - self._last.time >= INTERVAL * 0.9:
                self._last = await self._read()
            return self._last

    async def follow(self) -> AsyncIterator[HostStats]:
        """The gauges once a second."""
        while True:
            began = time.monotonic()
            yield await self.sample()
            await asyncio.sleep(max(0.0, INTERVAL - (time.monotonic() - began)))

    async def _read(self) -> HostStats:
        stale = self._last is None or time.time() - self._last.time > 10 * INTERVAL
        if self._cpu is None or stale:
            self._cpu = read_cpu()
            await asyncio.sleep(_FIRST_LOOK)
        before, self._cpu = self._cpu, read_cpu()
        jobs = await self._jobs()
        gpus, note = await asyncio.to_thread(self._gpus.sample, self._holders())
        memory = read_memory()
        disk = shutil.disk_usage(self._folder)
        return HostStats(
            time.time(),
            _percent(before, self._cpu),
            os.cpu_count() or 1,
            os.getloadavg()[0],
            memory["MemTotal"] - memory["MemAvailable"],
            memory["MemTotal"],
            disk.used,
            # What a person may fill: root's reserve is neither used nor to be had.
            disk.used + disk.free,
            gpus,
            note,
            jobs,
            self._reserve,
        )


def read_cpu() -> _Cpu:
    """All CPUs' ticks since boot: busy ones, and all."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    # user nice system idle iowait irq softirq steal; guests are counted within user.
    return _Cpu(sum(ticks) - ticks[3] - ticks[4], sum(ticks))


def read_memory() -> dict[str, int]:
    """``/proc/meminfo`` in bytes."""
    found = {}
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * 1024
    return found


def _percent(before: _Cpu, now: _Cpu) -> float:
    passed = now.total - before.total
    return round(100 * (now.busy - before.busy) / passed, 1) if passed > 0 else 0.0
