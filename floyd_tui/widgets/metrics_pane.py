"""A job's metrics as charts: what belongs together (`loss` and `val_loss`) shares one; Enter enlarges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import var

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart import COLORS, Chart, Series, XAxis
from floyd_tui.widgets.chart_grid import ChartGrid
from floyd_tui.widgets.plot import Point
from runner.models import Metric

AXES: tuple[XAxis, ...] = ("step", "epoch", "time")
_SPLIT = re.compile(r"^(?:train(?:ing)?|val(?:id|idation)?|test|eval)[_/.\-](.+)$", re.IGNORECASE)
_SUFFIX = re.compile(r"^(.+)[_/.\-](?:train(?:ing)?|val(?:id|idation)?|test|eval)$", re.IGNORECASE)


def stem(name: str) -> str:
    """What a metric measures, without the part of the data it was measured on: ``val_loss`` → ``loss``."""
    match = _SPLIT.match(name) or _SUFFIX.match(name)
    return match[1] if match else name


def usual_axis(points: Iterable[Metric]) -> XAxis:
    """What all of the points carry: steps, else epochs, else the time."""
    every = list(points)
    if all(point.step is not None for point in every):
        return "step"
    return "epoch" if all(point.epoch is not None for point in every) else "time"


def points_over(points: Iterable[Metric], axis: XAxis, start: float) -> list[Point]:
    """A metric's points over an axis, by their x; `start` is the job's, in epoch seconds."""
    found: list[Point] = []
    for i, metric in enumerate(points):
        own = {"step": metric.step, "epoch": metric.epoch}.get(axis, metric.time - start)
        found.append((float(i if own is None else own), metric.value))
    # A job that began anew counts from 0 again; the chart needs its points by x.
    return sorted(found, key=lambda point: point[0])


class MetricsPane(ChartGrid):
    """Charts of metrics. `extend` adds points; the x axis is what the metrics carry, `x` changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "next_axis", "x axis", id="metrics.axis", tooltip="Draw over steps, epochs or time"),
    ]
    AWAITED = "Reading the metrics"

    axis: var[XAxis] = var("step")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._points: dict[str, list[Metric]] = {}
        self._start = 0.0
        self._chosen = False

    @property
    def count(self) -> int:
        """How many points there are."""
        return sum(map(len, self._points.values()))

    def extend(self, points: Iterable[Metric], start: float) -> None:
        """Add `points`, in the order they came; `start` is the job's, in epoch seconds."""
        self._start = start
        changed = set()
        for point in points:
            self._points.setdefault(point.name, []).append(point)
            changed.add(stem(point.name))
        if not changed:
            return
        if not self._chosen:
            self.axis = usual_axis(point for points in self._points.values() for point in points[:50])
        self._draw(changed)

    def _draw(self, stems: Iterable[str] | None = None) -> None:
        groups: dict[str, list[str]] = {}
        for name in self._points:
            groups.setdefault(stem(name), []).append(name)
        for title, names in groups.items():
            if stems is None or title in stems:
                self._show(self.chart(title), names)
        self.fit()
        self._draw_status()

    def _show(self, chart: Chart, names: Sequence[str]) -> None:
        ordered = sorted(names, key=lambda name: (name != chart.title, name))
        curves = [points_over(self._points[name], self.axis, self._start) for name in ordered]
        chart.show([Series(ordered[i], curve, i % COLORS) for i, curve in enumerate(curves)], self.axis)

    def _draw_status(self) -> None:
        points = f"{fmt.count(len(self._points), 'metric')}, {fmt.count(self.count, 'point')} over {self.axis}"
        self.tell(points)

    # Keys

    def watch_axis(self) -> None:
        """Draw all anew over the other axis."""
        if self._points:
            self._draw()

    def action_next_axis(self) -> None:
        """Over steps, epochs, time, in turn."""
        self._chosen = True
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
