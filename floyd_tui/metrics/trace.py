"""A curve's points by their x, so kept that drawing a million of them costs what drawing a thousand does.

Beside the points stand the lowest and the highest value of every `BLOCK` of them: a column of the screen asks a few
blocks and no longer each point. Smoothed and logarithmic curves follow their source and are extended with it.
"""

from __future__ import annotations

import math
import operator
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from floyd_tui.metrics.axes import Span

BLOCK = 64

Point = tuple[float, float]
Column = tuple[int, float | None, float | None, float | None, float | None]
Step = Callable[[float], float]


class Trace:
    """Points sorted by x. A value that is not finite breaks the curve; `odd` counts these.

    What has no finite x has no place, and is left out.
    """

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self.xs, self.ys = array("d"), array("d")
        self.odd = 0
        # Raised whenever what was there has moved: followers begin anew.
        self.generation = 0
        self._lows, self._highs = array("d"), array("d")
        self._followers: dict[object, _Follower] = {}
        self.extend(points)

    def __len__(self) -> int:
        return len(self.xs)

    def extend(self, points: Iterable[Point]) -> None:
        """Add points; those that belong before others are put there (a job that began anew counts from 0 again)."""
        placed = [(x, y) for x, y in points if math.isfinite(x)]
        self.add([x for x, _ in placed], [y for _, y in placed])

    def add(self, xs: Sequence[float], ys: Iterable[float]) -> None:
        """As `extend`, by their finite x and their values: a million at once, without a look at each from Python."""
        known = len(self.xs)
        self.xs.extend(xs)
        self.ys.extend(ys)
        new = self.ys[known:]
        self.odd += len(new) - sum(map(math.isfinite, new))
        joined = self.xs[max(0, known - 1) :]
        if not all(map(operator.le, joined, joined[1:])):
            self._sort()

    def _sort(self) -> None:
        order = sorted(range(len(self.xs)), key=self.xs.__getitem__)
        self.xs, self.ys = (array("d", map(held.__getitem__, order)) for held in (self.xs, self.ys))
        self._lows, self._highs = array("d"), array("d")
        self.generation += 1

    # What a chart asks

    def nearest(self, x: float) -> Point | None:
        """The point whose x is nearest; None without points."""
        at = bisect_left(self.xs, x)
        around = range(max(0, at - 1), min(len(self.xs), at + 1))
        place = min(around, key=lambda i: abs(self.xs[i] - x), default=None)
        return None if place is None else (self.xs[place], self.ys[place])

    @property
    def last(self) -> float | None:
        """The last value."""
        return self.ys[-1] if self.ys else None

    @property
    def breadth(self) -> Span | None:
        """From the first x to the last; None without points."""
        return Span(self.xs[0], self.xs[-1]) if self.xs else None

    def extent(self, x: Span) -> Span | None:
        """The lowest and highest finite value within `x`; None where there is none."""
        low, high = self._extremes(bisect_left(self.xs, x.low), bisect_right(self.xs, x.high))
        return Span(low, high) if low <= high else None

    def columns(self, x: Span, width: int) -> Iterator[Column]:
        """The points within `x` gathered into `width` columns: its number, first, lowest, highest and last value.

        None says that there the value is not finite. Columns without points are left out. Where the curve goes on
        beyond an edge, the value that it has at the edge stands there.
        """
        xs, ys = self.xs, self.ys
        start, end = bisect_left(xs, x.low), bisect_right(xs, x.high)
        if 0 < start < len(xs) and xs[start] > x.low:
            edge = _finite(self._between(start, x.low))
            yield 0, edge, edge, edge, edge
        apart = (x.high - x.low) / (width - 1)
        for column in range(width):
            stop = bisect_right(xs, x.low + (column + 0.5) * apart, start, end) if column < width - 1 else end
            if stop > start:
                low, high = self._extremes(start, stop)
                some = low <= high
                yield (column, _finite(ys[start]), low if some else None, high if some else None,
                       _finite(ys[stop - 1]))  # fmt: skip
                start = stop
        if 0 < end < len(xs) and xs[end - 1] < x.high:
            edge = _finite(self._between(end, x.high))
            yield width - 1, edge, edge, edge, edge

    def _between(self, place: int, x: float) -> float:
        """The value at `x` on the line that leads to the point at `place`."""
        (x0, x1), (y0, y1) = self.xs[place - 1 : place + 1], self.ys[place - 1 : place + 1]
        return y0 + (y1 - y0) * (x - x0) / (x1 - x0) if x1 > x0 else y1

    def _extremes(self, start: int, end: int) -> tuple[float, float]:
        """The lowest and highest finite value of the points from `start` to before `end`; inf, -inf for none."""
        self._index()
        first, last = -(-start // BLOCK), min(end // BLOCK, len(self._lows))
        if first >= last:
            return self._edge(start, end)
        lows, highs = zip(self._edge(start, first * BLOCK), self._edge(last * BLOCK, end), strict=True)
        return min(*lows, min(self._lows[first:last])), max(*highs, max(self._highs[first:last]))

    def _edge(self, start: int, end: int) -> tuple[float, float]:
        values = self.ys[start:end]
        known = [*filter(math.isfinite, values)] if self.odd else values
        return (min(known), max(known)) if known else (math.inf, -math.inf)

    def _index(self) -> None:
        """Look through the blocks that have become full."""
        for block in range(len(self._lows), len(self.ys) // BLOCK):
            low, high = self._edge(block * BLOCK, (block + 1) * BLOCK)
            self._lows.append(low)
            self._highs.append(high)

    # What follows it

    def smoothed(self, weight: float) -> Trace:
        """Its exponential moving average (0 ≤ `weight` < 1), without the pull of a beginning at nothing."""
        return self._follower(("smoothed", weight), lambda: averaging(weight)) if weight else self

    def logarithm(self) -> Trace:
        """Its values' decimal logarithms; what is not positive has none, and breaks it."""
        return self._follower("logarithm", lambda: logarithm)

    def _follower(self, key: object, begin: Callable[[], Step]) -> Trace:
        if key not in self._followers:
            self._followers[key] = _Follower(begin)
        return self._followers[key].after(self)


class _Follower(Trace):
    """A trace of another's values, changed one after the other."""

    def __init__(self, begin: Callable[[], Step]) -> None:
        super().__init__()
        self._begin, self._step, self._of = begin, begin(), 0

    def after(self, source: Trace) -> Trace:
        """This trace, up to `source` as it is now."""
        if source.generation != self._of:
            self._of = source.generation
            self.generation += 1
            self.xs, self.ys, self.odd = array("d"), array("d"), 0
            self._lows, self._highs = array("d"), array("d")
            self._step = self._begin()
        known = len(self.xs)
        if known < len(source.xs):
            self.add(source.xs[known:], map(self._step, source.ys[known:]))
        return self


def logarithm(value: float) -> float:
    """The decimal logarithm; nan where there is none."""
    return math.log10(value) if 0 < value < math.inf else math.nan


def averaging(weight: float) -> Step:
    """A moving average that each new value is added to; one that is not finite passes, and leaves no trace in it.

    As TensorBoard does, it is divided by the weight that values have had so far: it would begin too near nothing.
    """
    average, share = 0.0, 0.0

    def step(value: float) -> float:
        nonlocal average, share
        if not math.isfinite(value):
            return value
        average = average * weight + (1 - weight) * value
        share = share * weight + (1 - weight)
        return average / share

    return step


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
