"""One look at a running job, and the last minutes of such looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.models import GpuStats, JobStats, UsagePoint

_LOOKS = 60
# Looks further apart than this say nothing about the seconds between them: the host slept, or the runner was away.
BLIND = 30.0


@dataclass(frozen=True, slots=True)
class GpuReading:
    """A GPU of a job: percent in use, its clock as a share of the highest one, and what is wrong with it."""

    uuid: str
    index: int
    use: float | None = None
    clock: float | None = None
    throttled: tuple[str, ...] = ()
    ecc_uncorrected: int = 0
    lost: bool = False

    @classmethod
    def of(cls, gpu: GpuStats) -> GpuReading:
        """What of a GPU's gauges is worth keeping."""
        clock = gpu.clock / gpu.clock_max if gpu.clock is not None and gpu.clock_max else None
        return cls(gpu.uuid, gpu.index, gpu.utilization, clock, gpu.throttled or (), gpu.ecc_uncorrected or 0, gpu.lost)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a job used at `time` (seconds by any one clock): percent of its CPUs and of its memory, and its GPUs."""

    time: float
    cpu: float | None = None
    memory: float | None = None
    gpus: tuple[GpuReading, ...] = ()

    @classmethod
    def of(cls, time: float, stats: JobStats, gpus: Sequence[GpuStats]) -> Reading:
        """What of a job's gauges is worth keeping."""
        shares = cpu_share(stats.cpu_percent, stats.cpu_limit), memory_share(stats.memory_used, stats.memory_limit)
        return cls(time, *shares, tuple(map(GpuReading.of, gpus)))

    @classmethod
    def of_point(
        cls, point: UsagePoint, cpu_limit: float | None, memory_limit: int | None, devices: Sequence[str]
    ) -> Reading:
        """What is kept of a job that has ended. GPUs are numbered by their place among its own."""
        uses = zip(devices, point.gpus, strict=False)
        gpus = tuple(GpuReading(uuid, place, use) for place, (uuid, use) in enumerate(uses))
        shares = cpu_share(point.cpu_percent, cpu_limit), memory_share(point.memory, memory_limit)
        return cls(point.time, *shares, gpus)


def cpu_share(percent: float | None, limit: float | None) -> float | None:
    """Of `limit` cores, the percentage that `percent` is, which counts 100 a core."""
    return None if percent is None or not limit else percent / limit


def memory_share(used: float | None, limit: int | None) -> float | None:
    """Of `limit` bytes, the percentage that is used."""
    return None if used is None or not limit else 100 * used / limit


class Window:
    """The last `seconds` of readings, thinned to about sixty: for hints, an even choice of looks is as good as all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._readings: deque[Reading] = deque()

    def add(self, reading: Reading) -> None:
        """The newest one; after a time without looks the window begins anew."""
        last = self._readings[-1] if self._readings else None
        if last is not None and reading.time - last.time > BLIND:
            self._readings.clear()
        if len(self._readings) > 1 and reading.time - self._readings[-2].time < self._seconds / _LOOKS:
            self._readings.pop()
        self._readings.append(reading)
        # The one before the window's beginning stays: it shows that the window is whole.
        while len(self._readings) > 1 and self._readings[1].time <= reading.time - self._seconds:
            self._readings.popleft()

    def __iter__(self) -> Iterator[Reading]:
        return iter(self._readings)
