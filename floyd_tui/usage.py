"""A job's use as curves: the same for the command line and the UI."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from runner.models import JobUsage, UsagePoint

Unit = Literal["%", "cores", "B", "B/s"]
BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Curve:
    """One thing that a job used: points of epoch seconds and values in `unit`. `group` is what it is drawn with,
    `full` the most that it can be, None where nobody knows."""

    group: str
    name: str
    unit: Unit
    points: tuple[tuple[float, float], ...]
    full: float | None = None


def curves(usage: JobUsage) -> list[Curve]:
    """What is known of a job's use: its GPUs first, for they are what is dear. Empty where nothing is."""
    return [curve for curve in _all(usage) if curve.points]


def _all(usage: JobUsage) -> Iterator[Curve]:
    gpus = max((len(point.gpus) for point in usage.points), default=0)

    def curve(
        group: str, name: str, unit: Unit, read: Callable[[UsagePoint], float | None], full: float | None
    ) -> Curve:
        values = ((point.time, read(point)) for point in usage.points)
        return Curve(group, name, unit, tuple((time, value) for time, value in values if value is not None), full)

    names = [f"GPU {place}" for place in range(gpus)] if gpus > 1 else ["GPU"] * gpus
    for place, name in enumerate(names):
        yield curve("GPU", name, "%", partial(_gpu, place), 100.0)
    for place, name in enumerate(names):
        full = _at(usage.gpu_memory_limit, place)
        yield curve("GPU memory", f"{name} memory", "B", partial(_gpu_memory, place), full)
    yield curve("CPU", "CPU", "cores", _cores, usage.cpu_limit)
    yield curve("Memory", "Memory", "B", lambda point: point.memory, usage.memory_limit)
    yield curve("Disk", "Disk read", "B/s", lambda point: point.disk_read, None)
    yield curve("Disk", "Disk written", "B/s", lambda point: point.disk_written, None)
    yield curve("Net", "Net received", "B/s", lambda point: point.received, None)
    yield curve("Net", "Net sent", "B/s", lambda point: point.sent, None)


def _gpu(place: int, point: UsagePoint) -> float | None:
    return _at(point.gpus, place)


def _gpu_memory(place: int, point: UsagePoint) -> float | None:
    return _at(point.gpu_memory, place)


def _cores(point: UsagePoint) -> float | None:
    return None if point.cpu_percent is None else point.cpu_percent / 100


def _at(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if place < len(values) else None


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values, 0 to 100, as blocks; what is not known is a gap."""
    last = list(values)[-width:]
    blocks = (" " if v is None else BLOCKS[max(1, min(8, round(v / 100 * 8)))] for v in last)
    return "".join(blocks).rjust(width)
