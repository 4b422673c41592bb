"""Lines in braille: points to rows of characters, with ticks at round numbers. Pure functions, no Textual.

Each character cell holds 2 by 4 dots. Points that fall into one column of dots are drawn as the span they cover, so a
curve of a million points costs one pass and hides no spike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

DOTS_X, DOTS_Y = 2, 4
BRAILLE = 0x2800
# The bit of the dot at (x, y) of a cell.
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_EIGHTHS = "▁▂▃▄▅▆▇█"

Point = tuple[float, float]


class Span(NamedTuple):
    """An interval of an axis."""

    low: float
    high: float

    def place(self, value: float, cells: int) -> int:
        """Which of `cells` the value falls into."""
        return min(cells - 1, max(0, round((value - self.low) / (self.high - self.low) * (cells - 1))))


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its interval, and where numbers stand on it with how they read."""

    span: Span
    ticks: tuple[tuple[float, str], ...]


class Canvas:
    """A grid of dots: each cell has a character and the number of the series that drew there last."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bits = [[0] * width for _ in range(height)]
        self.owner: list[list[int]] = [[-1] * width for _ in range(height)]

    def dot(self, x: int, y: int, series: int) -> None:
        """Set the dot at (x, y), counted in dots from the top left."""
        column, row = x // DOTS_X, y // DOTS_Y
        if 0 <= column < self.width and 0 <= row < self.height:
            self._bits[row][column] |= _BITS[x % DOTS_X][y % DOTS_Y]
            self.owner[row][column] = series

    def line(self, start: tuple[int, int], end: tuple[int, int], series: int) -> None:
        """Set the dots from `start` to `end`."""
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * i / steps), round(y0 + (y1 - y0) * i / steps), series)

    def char(self, column: int, row: int) -> str:
        """The character of a cell; a space where nothing was drawn."""
        bits = self._bits[row][column]
        return chr(BRAILLE + bits) if bits else " "

    def draw(self, points: Iterable[Point], x: Span, y: Span, series: int) -> None:
        """Draw a curve. A value that is not finite breaks the line."""
        width, height = self.width * DOTS_X, self.height * DOTS_Y
        last: tuple[int, int] | None = None
        for column, first, low, high, end in _columns(points, x, width):
            if last is not None and first is not None:
                self.line(last, (column, height - 1 - y.place(first, height)), series)
            if low is not None and high is not None:
                top, bottom = height - 1 - y.place(high, height), height - 1 - y.place(low, height)
                self.line((column, top), (column, bottom), series)
            last = (column, height - 1 - y.place(end, height)) if end is not None else None


_Column = tuple[int, float | None, float | None, float | None, float | None]


def _columns(points: Iterable[Point], x: Span, width: int) -> Iterable[_Column]:
    """Gather points into columns of dots: column, first, lowest, highest and last value; None for a break."""
    column, values = -1, [math.nan]
    for at, value in points:
        if not math.isfinite(at) or not x.low <= at <= x.high:
            continue
        place = x.place(at, width)
        if place != column and column >= 0:
            yield _column(column, values)
            values = []
        elif column < 0:
            values = []
        column = place
        values.append(value)
    if column >= 0:
        yield _column(column, values)


def _column(column: int, values: Sequence[float]) -> _Column:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return column, None, None, None, None
    first = values[0] if math.isfinite(values[0]) else None
    last = values[-1] if math.isfinite(values[-1]) else None
    return column, first, min(finite), max(finite), last


def span_of(values: Iterable[float], margin: float = 0.0) -> Span | None:
    """The interval of the finite values, widened by `margin` of its length; None where there are none."""
    low, high = math.inf, -math.inf
    for value in values:
        if math.isfinite(value):
            low, high = min(low, value), max(high, value)
    if low > high:
        return None
    room = (high - low) * margin or (abs(low) * 0.1 or 0.5 if low == high else 0.0)
    return Span(low - room, high + room)


def nice_step(length: float, ticks: int) -> float:
    """A round distance (1, 2 or 5 times a power of ten) that puts at most about `ticks` ticks on `length`."""
    raw = length / max(1, ticks)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)


def number_axis(span: Span, ticks: int, whole: bool = False) -> Axis:
    """An axis of plain numbers; `whole` keeps ticks on whole numbers."""
    step = nice_step(span.high - span.low, ticks)
    if whole:
        step = max(1.0, step)
    first = math.ceil(span.low / step - 1e-9)
    values = [i * step for i in range(first, math.floor(span.high / step + 1e-9) + 1)]
    return Axis(span, tuple((value, tick_label(value, step)) for value in values))


def tick_label(value: float, step: float) -> str:
    """A tick's number with as many decimals as its distance needs: ``0.25``, ``1.5k``, ``2e-05``."""
    if value == 0 or abs(value) < step / 1000:
        return "0"
    if abs(value) >= 1e6 or step < 1e-4:
        return f"{value:.3g}"
    if abs(value) >= 10_000 or step >= 1000:
        return f"{value / 1000:.{_decimals(step / 1000)}f}k"
    return f"{value:.{_decimals(step)}f}"


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


def time_axis(span: Span, ticks: int) -> Axis:
    """An axis of seconds since the start: ``0``, ``5m``, ``1h30``."""
    length = span.high - span.low
    step = next((step for step in TIME_STEPS if step * ticks >= length), 86400 * math.ceil(length / 86400 / ticks))
    first = math.ceil(span.low / step)
    values = [float(i * step) for i in range(first, math.floor(span.high / step) + 1)]
    return Axis(span, tuple((value, time_label(value)) for value in values))


def time_label(seconds: float) -> str:
    """Seconds as a short tick: ``40s``, ``5m``, ``1h30``, ``2d``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s" if whole else "0"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}" if whole % 60 else f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}" if whole % 3600 else f"{whole // 3600}h"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h" if whole % 86400 else f"{whole // 86400}d"


def sparkline(values: Sequence[float], width: int, scale: Callable[[Sequence[float]], Span | None] = span_of) -> str:
    """The last of `values` in one line of blocks, each the mean of its share; breaks are spaces."""
    if not values or width <= 0:
        return ""
    cells = min(width, len(values))
    groups = [values[i * len(values) // cells : (i + 1) * len(values) // cells] for i in range(cells)]
    means = [sum(fine) / len(fine) if (fine := [v for v in g if math.isfinite(v)]) else math.nan for g in groups]
    span = scale(means)
    if span is None:
        return " " * cells
    return "".join(_EIGHTHS[span.place(mean, 8)] if math.isfinite(mean) else " " for mean in means)
