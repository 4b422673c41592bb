"""Curves laid out for a number of cells: axes, braille dots, the curves' signs, and what could not be drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from floyd_tui.metrics.axes import Axis, Span, XAxis, log_axis, number_axis, roomy, time_axis
from floyd_tui.metrics.runs import Series
from floyd_tui.metrics.trace import Trace
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.plot import BEHIND, DOTS_X, DOTS_Y, Canvas

LABEL_EVERY = 12
# Cells between a curve's signs.
MARK_EVERY = 18


@dataclass(frozen=True, slots=True)
class View:
    """How curves are looked at: what x means, whether y is logarithmic, the part of x that is seen (None: all of it),
    and the room for values where it is not their own. With `gaps`, what is no number is a time that
    nobody looked, and time is counted back from now."""

    x: XAxis = "step"
    logarithmic: bool = False
    window: Span | None = None
    room: Span | None = None
    gaps: bool = False


@dataclass(slots=True)
class Plotted:
    """Curves laid out: dots of `canvas`, by the place of their curve in the list; signs by cell, likewise."""

    x: Axis
    y: Axis
    canvas: Canvas
    marks: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)

    def column(self, x: float) -> int | None:
        """The column of cells that shows `x`; None where it is out of sight."""
        span = self.x.span
        return self.across(x) if span.low <= x <= span.high else None

    def across(self, x: float) -> int:
        """The column of cells with the dots of `x`; the nearest where that is out of sight."""
        return self.x.span.place(x, self.canvas.width * DOTS_X) // DOTS_X

    def row(self, y: float) -> int:
        """The row of cells with the dots of `y`, from above."""
        dots = self.canvas.height * DOTS_Y
        return (dots - 1 - self.y.span.place(y, dots)) // DOTS_Y

    def at(self, column: int) -> float:
        """The x that a column of cells stands for."""
        span = self.x.span
        return span.low + (span.high - span.low) * column / max(1, self.canvas.width - 1)


def breadth(series: Sequence[Series]) -> Span | None:
    """From the first x of any curve to the last; None without points."""
    spans = [span for one in series if (span := one.trace.breadth)]
    return roomy(Span(min(s.low for s in spans), max(s.high for s in spans))) if spans else None


def plot(series: Sequence[Series], view: View, size: Callable[[int], tuple[int, int]]) -> Plotted | None:
    """Lay `series` out; `size` says how many cells there are beside labels of so many. None: nothing can be drawn."""
    x = view.window or breadth(series)
    curves = [(_drawn(one.trace, view), _drawn(one.raw, view) if one.raw else None) for one in series]
    y = _height([trace for pair in curves for trace in pair if trace], x, view) if x else None
    if x is None or y is None:
        return None
    ticks = max(3, size(0)[1] // 2 + 1)
    y_axis = log_axis(y, ticks) if view.logarithmic else number_axis(y, ticks)
    width, height = size(max((len(label) for _, label in y_axis.ticks), default=0))
    if width < 5 or height < 2:
        return None
    columns = max(2, width // LABEL_EVERY)
    x_axis = time_axis(x, columns) if view.x == "time" else number_axis(x, columns, whole=True)
    made = Plotted(x_axis, y_axis, Canvas(width, height))
    for _, raw in curves:
        if raw:
            made.canvas.draw(raw.columns(x, width * DOTS_X), y, BEHIND)
    # The first series is the one that matters most: it is drawn last, over the others.
    for place in reversed(range(len(series))):
        made.canvas.draw(curves[place][0].columns(x, width * DOTS_X), y, place)
    _mark(made, [replace(one, trace=trace) for one, (trace, _) in zip(series, curves, strict=True)])
    return made


def undrawn(series: Sequence[Series], view: View) -> str:
    """What of `series` cannot be drawn, in a few words; empty where all can."""
    traces = [one.raw or one.trace for one in series]
    odd = sum(trace.odd for trace in traces)
    if odd and not view.gaps:
        return f"{odd:,} not a number"
    low = sum(trace.logarithm().odd for trace in traces) - odd if view.logarithmic else 0
    return f"{low:,} not above 0" if low else ""


def _drawn(trace: Trace, view: View) -> Trace:
    return trace.logarithm() if view.logarithmic else trace


def _height(traces: Sequence[Trace], x: Span, view: View) -> Span | None:
    spans = [span for trace in traces if (span := trace.extent(x))]
    if not spans:
        return None
    if view.room and not view.logarithmic:
        return view.room
    return roomy(Span(min(s.low for s in spans), max(s.high for s in spans)), 0.04)


def _mark(made: Plotted, series: Sequence[Series]) -> None:
    """Put each curve's sign on it now and then, none where another's is."""
    for place, one in enumerate(series):
        for column in range(3 + 4 * place, made.canvas.width, MARK_EVERY) if one.mark else ():
            point = one.trace.nearest(made.at(column))
            if point and math.isfinite(point[1]) and (at := made.column(point[0])) is not None:
                made.marks.setdefault((at, made.row(point[1])), (place, one.mark))


@dataclass(frozen=True, slots=True)
class Entry:
    """A curve in the legend: the place of its curve, its name, the cells it takes with any value."""

    place: int
    label: str
    cells: int


# Cells for a value, and for where the cursor is.
VALUE, WHERE = 9, 13


def legend(series: Sequence[Series], title: str, width: int, rows: int) -> tuple[list[list[Entry]], int]:
    """The legend's rows, the first beside the title with a place under the cursor; and how many found no room."""
    found: list[list[Entry]] = [[]]
    left = width - len(title) - 2 - WHERE
    for place, one in enumerate(series):
        label = "" if one.name == title and len(series) == 1 else fmt.clip(fmt.plain(one.name), 24) + " "
        entry = Entry(place, label, 2 + len(label) + VALUE)
        if entry.cells > left and found[-1]:
            if len(found) == rows:
                return found, len(series) - place
            found.append([])
            left = width
        found[-1].append(entry)
        left -= entry.cells
    return found, 0
