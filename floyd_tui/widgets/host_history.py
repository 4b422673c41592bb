"""What a host did over the last minutes, as curves: a GPU's use, memory, heat and power, and the host's own."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from floyd_tui.metrics.axes import Span
from floyd_tui.metrics.runs import MARKS, Series
from floyd_tui.metrics.trace import Point, Trace
from floyd_tui.widgets.chart import COLORS
from floyd_tui.widgets.gauge_line import share
from runner.models import GpuStats, HostStats

# Looks, about one a second.
LENGTH = 600
# From so many seconds without a look on, nobody knows what was.
_GAP = 5.0
_MIB = float(1 << 20)

Read = Callable[[HostStats], float | None]


@dataclass(frozen=True, slots=True)
class HistoryChart:
    """What one chart shows: curves over seconds before now, and the room for values where it is known."""

    title: str
    series: tuple[Series, ...]
    room: Span | None


class HostHistory(deque[HostStats]):
    """A host's last looks, kept while nobody looks at them."""

    def __init__(self) -> None:
        super().__init__(maxlen=LENGTH)

    def add(self, stats: HostStats) -> None:
        """One more look; one that is told again, as after a broken line, is none. A clock set back begins anew."""
        if self and stats.time <= self[-1].time:
            if any(stats.time == known.time for known in self):
                return
            self.clear()
        self.append(stats)

    def charts(self, gpu: str = "") -> list[HistoryChart]:
        """Charts of all that is known of the host and of the GPU of that UUID; none before the first look."""
        return [chart for chart in _charts(self, gpu) if any(len(one.trace) for one in chart.series)] if self else []

    def past(self, gpu: str, read: Callable[[GpuStats], float | None]) -> list[float | None]:
        """What `read` tells of a GPU at each look."""
        look = _of_gpu(gpu, read)
        return [look(stats) for stats in self]


def _charts(history: HostHistory, uuid: str) -> Iterator[HistoryChart]:
    gpu = next((gpu for gpu in history[-1].gpus if gpu.uuid == uuid and not gpu.lost), None)
    if gpu is not None:
        name = name_of(gpu)
        both: list[tuple[str, Read]] = [(f"{name} use", _of_gpu(uuid, lambda one: one.utilization)),
                                        ("memory", _of_gpu(uuid, memory_share))]  # fmt: skip
        yield _chart(history, "GPU, %", both, 100.0)
        yield _chart(history, "GPU heat, °C", [(name, _of_gpu(uuid, lambda one: one.temperature))], 100.0)
        yield _chart(history, "GPU power, W", [(name, _of_gpu(uuid, lambda one: one.power))], gpu.power_limit or 0.0)
    yield _chart(history, "Host, %", _HOST, 100.0)
    for title, names in _RATES.items():
        yield _chart(history, title, [(name, _rate(field)) for name, field in names.items()], 0.0)


def memory_share(gpu: GpuStats) -> float | None:
    """How full a GPU's memory is, in percent."""
    return share(gpu.memory_used, gpu.memory_total)[0]


_HOST: Sequence[tuple[str, Read]] = (
    ("CPU", lambda stats: stats.cpu_percent),
    ("memory", lambda stats: share(stats.memory_used, stats.memory_total)[0]),
    ("disk", lambda stats: share(stats.disk_used, stats.disk_total)[0]),
)
_RATES = {
    "Disk, MiB/s": {"read": "disk_read", "written": "disk_written"},
    "Net, MiB/s": {"received": "received", "sent": "sent"},
}


def _chart(history: HostHistory, title: str, named: Sequence[tuple[str, Read]], full: float) -> HistoryChart:
    series = []
    for place, (name, read) in enumerate(named):
        mark = MARKS[place % len(MARKS)] if len(named) > 1 else ""
        series.append(Series(name, Trace(_points(history, read)), place % COLORS, mark))
    highest = max((one.trace.extent(Span(-math.inf, 0.0)) or Span(0, 0) for one in series), default=Span(0, 0),
                  key=lambda span: span.high).high  # fmt: skip
    return HistoryChart(title, tuple(series), Span(0.0, full or max(highest * 1.15, 0.01)))


def _points(history: HostHistory, read: Read) -> Iterator[Point]:
    """Values by seconds before the last look; a break where there was no look for a while."""
    end = history[-1].time
    first = read(history[0])
    if first is not None:
        yield history[0].time - end, first
    for before, stats in pairwise(history):
        value = read(stats)
        if stats.time - before.time > _GAP:
            yield (before.time + stats.time) / 2 - end, math.nan
        if value is not None:
            yield stats.time - end, value


def name_of(gpu: GpuStats) -> str:
    """What a GPU or a part of one is called."""
    return f"GPU {gpu.index}" if not gpu.part_of else f"MIG {gpu.uuid[-4:]}"


def _of_gpu(uuid: str, read: Callable[[GpuStats], float | None]) -> Read:
    def find(stats: HostStats) -> float | None:
        return next((read(gpu) for gpu in stats.gpus if gpu.uuid == uuid), None)

    return find


def _rate(field: str) -> Read:
    def read(stats: HostStats) -> float | None:
        value = getattr(stats, field)
        return None if value is None else value / _MIB

    return read
