"""Lines in braille: curves to rows of characters. Pure functions, no Textual.

Each character cell holds 2 by 4 dots. Points that fall into one column of dots are drawn as the span they cover, so a
curve of a million points hides no spike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from floyd_tui.metrics.axes import Span, span_of
from floyd_tui.metrics.trace import Column

DOTS_X, DOTS_Y = 2, 4
BRAILLE = 0x2800
# The bit of the dot at (x, y) of a cell.
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
# The bits of a cell's dots from y on downwards, by x.
_BELOW = tuple(tuple(sum(bits[y:]) for y in range(DOTS_Y + 1)) for bits in _BITS)
# The number of a curve that gives way wherever another one is drawn.
BEHIND = -2
_EIGHTHS = "▁▂▃▄▅▆▇█"


class Canvas:
    """A grid of dots: each cell has a character and the number of the series that drew there last."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bits = [[0] * width for _ in range(height)]
        self.owner: list[list[int]] = [[-1] * width for _ in range(height)]

    def line(self, start: tuple[int, int], end: tuple[int, int], series: int) -> None:
        """Set the dots from `start` to `end`, counted from the top left: column by column, as far as each spans."""
        (x0, y0), (x1, y1) = (start, end) if start[0] <= end[0] else (end, start)
        if x0 == x1:
            self.upright(x0, min(y0, y1), max(y0, y1), series)
            return
        slope, on = (y1 - y0) / (x1 - x0), 1 if y1 > y0 else -1
        last = y0 - on
        for x in range(x0, x1 + 1):
            # Just under half of the way to the next column belongs to this one.
            to = y1 if x == x1 else round(y0 + (x - x0 + 0.49) * slope)
            first = to if to == last else last + on
            self.upright(x, min(first, to), max(first, to), series)
            last = to

    def upright(self, x: int, top: int, bottom: int, series: int) -> None:
        """Set the dots of one column, from `top` to `bottom`."""
        column, below = x // DOTS_X, _BELOW[x % DOTS_X]
        for row in range(top // DOTS_Y, bottom // DOTS_Y + 1):
            first, end = max(0, top - row * DOTS_Y), min(DOTS_Y, bottom + 1 - row * DOTS_Y)
            if self.owner[row][column] == BEHIND != series:
                # One cell has one colour: what stands behind would seem to be of the curve before it.
                self._bits[row][column] = 0
            self._bits[row][column] |= below[first] - below[end]
            self.owner[row][column] = series

    def char(self, column: int, row: int) -> str:
        """The character of a cell; a space where nothing was drawn."""
        bits = self._bits[row][column]
        return chr(BRAILLE + bits) if bits else " "

    def draw(self, columns: Iterable[Column], y: Span, series: int) -> None:
        """Draw a curve, given by the dots' columns. A value that is not finite breaks the line."""
        bottom = self.height * DOTS_Y - 1
        last: tuple[int, int] | None = None
        for column, first, low, high, end in columns:
            if last is not None and first is not None:
                self.line(last, (column, bottom - y.place(first, bottom + 1)), series)
            if low is not None and high is not None:
                self.upright(column, bottom - y.place(high, bottom + 1), bottom - y.place(low, bottom + 1), series)
            last = (column, bottom - y.place(end, bottom + 1)) if end is not None else None


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
