"""Jobs' metrics as curves: one job's points by metric, over steps, epochs or time; which belong together."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from floyd_tui.metrics.axes import XAxis
from floyd_tui.metrics.trace import Trace
from runner.models import Metric

_SPLIT = re.compile(r"^(?:train(?:ing)?|val(?:id|idation)?|test|eval)[_/.\-](.+)$", re.IGNORECASE)
_SUFFIX = re.compile(r"^(.+)[_/.\-](?:train(?:ing)?|val(?:id|idation)?|test|eval)$", re.IGNORECASE)
# Signs that tell curves apart without colours.
MARKS = "●◆▲■○◇△□"


@dataclass(frozen=True, slots=True)
class Series:
    """A named curve. `color` is one of the chart's colours; `mark` a sign on it, for all eyes.

    `raw` is what a smoothed curve was made of, to be seen faintly behind it.
    """

    name: str
    trace: Trace
    color: int = 0
    mark: str = ""
    raw: Trace | None = None


def stem(name: str) -> str:
    """What a metric measures, without the part of the data it was measured on: ``val_loss`` → ``loss``."""
    match = _SPLIT.match(name) or _SUFFIX.match(name)
    return match[1] if match else name


@dataclass(slots=True)
class _Points:
    """A metric's points in the order they came, in columns: a million of them in 32 MB; nan is not known."""

    value: array[float] = field(default_factory=lambda: array("d"))
    time: array[float] = field(default_factory=lambda: array("d"))
    step: array[float] = field(default_factory=lambda: array("d"))
    epoch: array[float] = field(default_factory=lambda: array("d"))

    def add(self, point: Metric) -> None:
        self.value.append(point.value)
        self.time.append(point.time)
        self.step.append(math.nan if point.step is None else point.step)
        self.epoch.append(math.nan if point.epoch is None else point.epoch)


class Run:
    """One job's metrics. `name` and `sign` are how it is told from others; `start` is when it began, epoch seconds."""

    def __init__(self, name: str, start: float = 0.0, sign: str = "") -> None:
        self.name, self.start, self.sign = name, start, sign
        self.count = 0
        self._points: dict[str, _Points] = {}
        self._traces: dict[tuple[str, XAxis], Trace] = {}

    @property
    def metrics(self) -> Sequence[str]:
        """Names of its metrics, in the order of their first points."""
        return tuple(self._points)

    def extend(self, points: Iterable[Metric]) -> set[str]:
        """Add points in the order they came; returns the names of the metrics that they are of."""
        changed = set()
        for point in points:
            if point.name not in self._points:
                self._points[point.name] = _Points()
            self._points[point.name].add(point)
            changed.add(point.name)
            self.count += 1
        return changed

    def points(self, several: bool = False) -> Iterator[Metric]:
        """All points, metric by metric; named with the run's name before theirs where it is one of `several`."""
        for name, held in self._points.items():
            said = f"{self.name} {name}" if several else name
            for value, time, step, epoch in zip(held.value, held.time, held.step, held.epoch, strict=True):
                yield Metric(said, value, time, _whole(step), _whole(epoch))

    def usual_axis(self) -> XAxis:
        """What all of the metrics carry as they begin: steps, else epochs, else the time."""
        begun = [points for points in self._points.values() if points.value]
        if not any(math.isnan(step) for points in begun for step in points.step[:50]):
            return "step"
        return "time" if any(math.isnan(epoch) for points in begun for epoch in points.epoch[:50]) else "epoch"

    def trace(self, metric: str, axis: XAxis) -> Trace:
        """A metric's curve over `axis`, with all points so far; empty where the job has no such metric."""
        points = self._points.get(metric)
        if points is None:
            return Trace()
        trace = self._traces.setdefault((metric, axis), Trace())
        known = len(trace)
        if known < len(points.value):
            trace.add(self._places(points, axis, known), points.value[known:])
        return trace

    def _places(self, points: _Points, axis: XAxis, known: int) -> Sequence[float]:
        if axis == "time":
            return [time - self.start for time in points.time[known:]]
        held = points.step if axis == "step" else points.epoch
        # What has no number of its own is counted.
        return [known + i if math.isnan(x) else x for i, x in enumerate(held[known:])]


def series_of(runs: Sequence[Run], metrics: Sequence[str], axis: XAxis, smoothing: float, colors: int) -> list[Series]:
    """The curves of a chart of `metrics` of `runs`: by metric of one run; else each run has its sign and colour."""
    found = []
    for place, run in enumerate(runs):
        for number, metric in enumerate(one for one in metrics if one in run.metrics):
            several = len(runs) > 1
            raw = run.trace(metric, axis)
            name = metric if not several else run.name if len(metrics) == 1 else f"{run.name} {metric}"
            at = place * len(metrics) + number if several else number
            mark = run.sign if several and len(metrics) == 1 else MARKS[at % len(MARKS)] if len(metrics) > 1 else ""
            smooth = raw.smoothed(smoothing)
            found.append(Series(name, smooth, at % colors, mark, raw if smoothing else None))
    return found


def charts_of(runs: Sequence[Run], together: bool) -> dict[str, list[str]]:
    """Which metrics share a chart, by its title: those of one stem where `together`, else each has its own."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(metric for run in runs for metric in run.metrics):
        groups.setdefault(stem(name) if together else name, []).append(name)
    return {title: sorted(names, key=lambda name: (name != title, name)) for title, names in groups.items()}


def _whole(number: float) -> int | None:
    return None if math.isnan(number) else int(number)
