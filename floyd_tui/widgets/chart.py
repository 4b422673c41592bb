"""A chart of a few curves: axes with round numbers, a legend with the last values, a cursor that reads them off."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Leave, MouseMove, Resize
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from floyd_tui.widgets.format import clip, duration, number
from floyd_tui.widgets.plot import Axis, Canvas, Point, Span, number_axis, span_of, time_axis

COLORS = 6
XAxis = Literal["step", "epoch", "time"]
LABEL_EVERY = 12
# Cells between a curve's signs.
MARK_EVERY = 18


@dataclass(frozen=True, slots=True)
class Series:
    """A named curve: points sorted by x. `color` is one of the chart's `COLORS`; `mark` a sign on it, for all eyes."""

    name: str
    points: Sequence[Point]
    color: int = 0
    mark: str = ""


class Chart(Widget, can_focus=True):
    """Curves over a common x: `show` gives it data."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--axis", "chart--grid", "chart--cursor", "chart--title", *(f"chart--series-{i}" for i in range(COLORS))
    }  # fmt: skip
    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        min-height: 6;
        padding: 0 1;
        background: $background;
        & > .chart--axis { color: $dim; }
        & > .chart--grid { color: $faint; }
        & > .chart--cursor { color: $foreground; }
        & > .chart--title { color: $foreground; text-style: bold; }
        & > .chart--series-0 { color: $running; }
        & > .chart--series-1 { color: $warn; }
        & > .chart--series-2 { color: $good; }
        & > .chart--series-3 { color: $busy; }
        & > .chart--series-4 { color: $bad; }
        & > .chart--series-5 { color: $key; }
        &:focus > .chart--title { color: $key; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(-1)", "Cursor", show=False, id="chart.left", tooltip="Read the value to the left"),
        Binding("right", "cursor(1)", "Cursor", show=False, id="chart.right", tooltip="Read the value to the right"),
        Binding("shift+left", "cursor(-10)", "Cursor", show=False, id="chart.far-left", tooltip="Ten columns left"),
        Binding("shift+right", "cursor(10)", "Cursor", show=False, id="chart.far-right", tooltip="Ten columns right"),
        Binding("l", "toggle('logarithmic')", "Log scale", id="chart.log", tooltip="Logarithmic y, or linear"),
    ]

    cursor: reactive[int | None] = reactive(None)
    logarithmic: reactive[bool] = reactive(False)

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.title = title
        self._series: tuple[Series, ...] = ()
        self._x: XAxis = "step"
        self._y: Span | None = None
        self._canvas: Canvas | None = None
        self._marks: dict[tuple[int, int], tuple[str, str]] = {}
        self._x_axis: Axis | None = None
        self._y_axis: Axis | None = None

    def show(self, series: Sequence[Series], x: XAxis, y: Span | None = None) -> None:
        """Draw `series` from now on; `x` says what their x means, `y` is the room for values if not theirs."""
        self._series, self._x, self._y = tuple(series), x, y
        self._redraw()

    def on_resize(self, event: Resize) -> None:
        """Draw for the new size."""
        self._redraw()

    def watch_logarithmic(self) -> None:
        """Another y axis."""
        self._redraw()

    # Geometry

    @property
    def _left(self) -> int:
        labels = self._y_axis.ticks if self._y_axis else ()
        return max((len(label) for _, label in labels), default=0) + 2

    @property
    def _plot_size(self) -> tuple[int, int]:
        # Legend above, axis and numbers below.
        return self.size.width - self._left, self.size.height - 3

    def _value(self, y: float) -> float:
        if not self.logarithmic:
            return y
        return math.log10(y) if y > 0 else math.nan

    def _redraw(self) -> None:
        """Axes and curves for the data and size there are; done once, not a row."""
        self._canvas = self._x_axis = self._y_axis = None
        self._marks = {}
        curves = [[(x, self._value(y)) for x, y in one.points] for one in self._series]
        x_span, y_span = _span(curves, 0, 0.0), _span(curves, 1, 0.04)
        if self._y and y_span and not self.logarithmic:
            y_span = self._y
        if x_span and y_span and self.size.height > 4:
            rows = self.size.height - 3
            self._y_axis = _logarithmic(y_span) if self.logarithmic else number_axis(y_span, max(3, rows // 2))
            width, height = self._plot_size
            if width > 4:
                ticks = max(2, width // LABEL_EVERY)
                self._x_axis = time_axis(x_span, ticks) if self._x == "time" else number_axis(x_span, ticks, whole=True)
                self._canvas = Canvas(width, height)
                # The first series is the one that matters most: it is drawn last, over the others.
                for one, curve in reversed([*zip(self._series, curves, strict=True)]):
                    self._canvas.draw(curve, x_span, y_span, one.color)
                self._mark(curves, x_span, y_span)
        self.refresh()

    def _mark(self, curves: Sequence[Sequence[Point]], x: Span, y: Span) -> None:
        """Put each curve's sign on it now and then, none where another's is."""
        width, height = self._plot_size
        self._marks = {}
        for place, (one, curve) in enumerate(zip(self._series, curves, strict=True)):
            points = [point for point in curve if math.isfinite(point[1])] if one.mark else []
            for column in range(3 + 4 * place, width, MARK_EVERY) if points else ():
                at, value = nearest(points, x.low + (x.high - x.low) * column / max(1, width - 1)) or points[0]
                cell = x.place(at, width), height - 1 - y.place(value, height)
                self._marks.setdefault(cell, (f"series-{one.color % COLORS}", one.mark))

    # Cursor

    def action_cursor(self, step: int) -> None:
        """Move the cursor by columns; it appears at the end."""
        width = self._plot_size[0]
        at = width if self.cursor is None else self.cursor
        self.cursor = max(0, min(width - 1, at + step))

    def on_mouse_move(self, event: MouseMove) -> None:
        """The cursor is where the mouse is."""
        column = event.x - self.gutter.left - self._left
        self.cursor = column if 0 <= column < self._plot_size[0] else None

    def on_leave(self, event: Leave) -> None:
        """Without the mouse the legend tells the last values again."""
        self.cursor = None

    def readout(self) -> tuple[str, list[tuple[Series, float | None]]]:
        """What the legend tells: where (empty for the end) and each curve's value there."""
        if self.cursor is None or not self._x_axis:
            return "", [(one, one.points[-1][1] if one.points else None) for one in self._series]
        span, width = self._x_axis.span, self._plot_size[0]
        x = span.low + (span.high - span.low) * self.cursor / max(1, width - 1)
        values = [(one, nearest(one.points, x)) for one in self._series]
        known = [point[0] for _, point in values if point]
        at = min(known, key=lambda k: abs(k - x)) if known else x
        where = duration(at) if self._x == "time" else f"{self._x} {number(at)}"
        return where, [(one, point[1] if point else None) for one, point in values]

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Legend, plot rows, axis line, numbers."""
        row = y
        height = self.size.height
        if row == 0:
            strip = self._legend()
        elif self._canvas is None or not self._x_axis:
            strip = self._empty(row)
        elif row <= self._canvas.height:
            strip = self._plot_row(row - 1)
        elif row == height - 2:
            strip = self._axis_line()
        else:
            strip = self._x_numbers()
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _shade(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}", partial=True)

    def _legend(self) -> Strip:
        where, values = self.readout()
        parts = [Segment(self.title + "  ", self._shade("title"))]
        if where:
            parts.append(Segment(where + "  ", self._shade("cursor")))
        for one, value in values:
            parts.append(Segment("━ ", self._shade(f"series-{one.color % COLORS}")))
            label = "" if one.name == self.title and len(values) == 1 else clip(one.name, 24) + " "
            parts.append(Segment(label, self._shade("axis")))
            parts.append(Segment(("—" if value is None else number(value)) + "   ", self._shade("cursor")))
        return Strip(parts)

    def _empty(self, row: int) -> Strip:
        text = "no numbers to draw yet" if row == self.size.height // 2 else ""
        return Strip([Segment(text.center(self.size.width), self._shade("axis"))])

    def _plot_row(self, row: int) -> Strip:
        canvas, axis = self._canvas, self._y_axis
        assert canvas
        assert axis
        label = next((text for value, text in axis.ticks if _row(axis, value, canvas.height) == row), None)
        edge = "┤" if label else "│"
        parts = [Segment((label or "").rjust(self._left - 2) + " " + edge, self._shade("axis"))]
        cells = [self._cell(canvas, column, row, "┈" if label else " ") for column in range(canvas.width)]
        for shade, group in groupby(cells, key=itemgetter(0)):
            parts.append(Segment("".join(char for _, char in group), self._shade(shade)))
        return Strip(parts)

    def _cell(self, canvas: Canvas, column: int, row: int, empty: str) -> tuple[str, str]:
        """The shade and character of a cell of the plot."""
        if (column, row) in self._marks:
            return self._marks[column, row]
        owner = canvas.owner[row][column]
        if owner >= 0:
            return f"series-{owner % COLORS}", canvas.char(column, row)
        return ("cursor", "│") if column == self.cursor else ("grid", empty)

    def _axis_line(self) -> Strip:
        assert self._x_axis
        width = self._plot_size[0]
        marks = {self._x_axis.span.place(value, width) for value, _ in self._x_axis.ticks}
        line = "".join("┬" if column in marks else "─" for column in range(width))
        return Strip([Segment(" " * (self._left - 1) + "└" + line, self._shade("axis"))])

    def _x_numbers(self) -> Strip:
        assert self._x_axis
        width, room = self._plot_size[0], [" "] * self.size.width
        for value, label in self._x_axis.ticks:
            middle = self._left + self._x_axis.span.place(value, width)
            start = min(max(0, middle - len(label) // 2), self.size.width - len(label))
            if all(cell == " " for cell in room[max(0, start - 1) : start + len(label) + 1]):
                room[start : start + len(label)] = label
        return Strip([Segment("".join(room), self._shade("axis"))])


def _span(curves: Sequence[Sequence[Point]], axis: Literal[0, 1], margin: float) -> Span | None:
    return span_of((point[axis] for curve in curves for point in curve), margin)


def _row(axis: Axis, value: float, rows: int) -> int:
    return rows - 1 - axis.span.place(value, rows)


def _logarithmic(span: Span) -> Axis:
    """Ticks at powers of ten, and at 2 and 5 times those where the span is short."""
    factors = (1, 2, 5) if span.high - span.low < 3 else (1,)
    powers = range(math.floor(span.low), math.ceil(span.high) + 1)
    values = [math.log10(factor * 10.0**power) for power in powers for factor in factors]
    return Axis(span, tuple((v, f"{10**v:.3g}") for v in values if span.low <= v <= span.high))


def nearest(points: Sequence[Point], x: float) -> Point | None:
    """The point whose x is nearest; None without points."""
    at = bisect_left(points, x, key=itemgetter(0))
    around = points[max(0, at - 1) : at + 1]
    return min(around, key=lambda point: abs(point[0] - x)) if around else None
