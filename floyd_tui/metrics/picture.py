"""A chart as a picture: laid out once as lines, signs and words, which `svg` and `png` write each in their way.

Colours are those of Okabe and Ito, which people of all kinds of colour vision tell apart ("Color Universal Design",
2008); a curve has its own sign and dashes too, so that it is told on a grey printout as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from floyd_tui.metrics.axes import Axis, Span, XAxis, log_axis, number_axis, roomy, time_axis
from floyd_tui.metrics.runs import Series
from floyd_tui.metrics.trace import Trace

WIDTH, HEIGHT = 880, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 24, 64, 54
# Pixels that a letter takes of its line's height, about; for laying out the legend.
_LETTER = 0.56
_SIGN_EVERY = 110.0
_DASHES: tuple[tuple[int, ...], ...] = ((), (8, 4), (2, 3), (10, 3, 2, 3))
SHAPES = ("circle", "diamond", "triangle", "square", "cross", "down")

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Colors:
    """What a picture is drawn in."""

    ground: str
    text: str
    quiet: str
    grid: str
    series: tuple[str, ...]


LIGHT = Colors("#ffffff", "#1b1f24", "#59626d", "#e3e6ea",
               ("#0072b2", "#d55e00", "#007a5a", "#a3487e", "#8a6d00", "#2b2b2b"))  # fmt: skip
DARK = Colors("#11151b", "#e4e9f0", "#a2adba", "#2b333d",
              ("#56b4e9", "#e69f00", "#2fc79a", "#e08fc0", "#f0e442", "#f2f2f2"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line through `places`; `dash` are lengths of strokes and gaps, `faint` says that it stands behind others."""

    places: tuple[Place, ...]
    color: str
    width: float = 1.0
    dash: tuple[int, ...] = ()
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of one of the `SHAPES` around a place."""

    at: Place
    shape: str
    color: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text whose base line is at a place: its start, middle or end."""

    at: Place
    text: str
    color: str
    size: int = 13
    anchor: str = "start"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All of a picture, in the order in which it is drawn."""

    width: int
    height: int
    ground: str
    parts: tuple[Line | Sign | Words, ...]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is to be drawn: curves over `x`, under a title with a quieter word beside it."""

    title: str
    series: Sequence[Series]
    x: XAxis
    logarithmic: bool = False
    window: Span | None = None
    aside: str = ""


def picture(sketch: Sketch, colors: Colors = LIGHT) -> Picture:
    """Lay `sketch` out. Curves without a single value to draw leave a picture that says so."""
    parts = tuple(_Layout(sketch, colors).parts())
    return Picture(WIDTH, HEIGHT, colors.ground, parts)


class _Layout:
    def __init__(self, sketch: Sketch, colors: Colors) -> None:
        self.sketch, self.colors = sketch, colors
        self.curves = [(self._drawn(one.trace), self._drawn(one.raw) if one.raw else None) for one in sketch.series]
        breadths = [span for trace, _ in self.curves if (span := trace.breadth)]
        whole = roomy(Span(min(s.low for s in breadths), max(s.high for s in breadths))) if breadths else None
        self.x = sketch.window or whole
        all_of = [trace for pair in self.curves for trace in pair if trace]
        heights = [span for trace in all_of if self.x and (span := trace.extent(self.x))]
        self.y = roomy(Span(min(s.low for s in heights), max(s.high for s in heights)), 0.04) if heights else None

    def _drawn(self, trace: Trace) -> Trace:
        return trace.logarithm() if self.sketch.logarithmic else trace

    def parts(self) -> Iterator[Line | Sign | Words]:
        """Everything, from the back to the front."""
        colors, sketch = self.colors, self.sketch
        yield Words((_LEFT, 26), sketch.title, colors.text, 17, bold=True)
        aside = f"{sketch.aside}   log scale" if sketch.logarithmic else sketch.aside
        yield Words((WIDTH - _RIGHT, 26), aside.strip(), colors.quiet, 12, "end")
        if self.x is None or self.y is None:
            yield Words((WIDTH / 2, HEIGHT / 2), "There is no value to draw.", colors.quiet, 14, "middle")
            return
        yield from self._axes(self.x, self.y)
        yield from self._legend()
        for place in range(len(sketch.series)):
            yield from self._raw(place, self.x, self.y)
        # The first series is the one that matters most: it is drawn last, over the others.
        for place in reversed(range(len(sketch.series))):
            yield from self._curve(place, self.x, self.y)

    def _at(self, x: float, y: float) -> Place:
        assert self.x
        assert self.y
        across = (x - self.x.low) / (self.x.high - self.x.low)
        up = (y - self.y.low) / (self.y.high - self.y.low)
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)

    def _axes(self, x: Span, y: Span) -> Iterator[Line | Words]:
        colors, bottom = self.colors, HEIGHT - _BOTTOM
        x_axis = time_axis(x, 8) if self.sketch.x == "time" else number_axis(x, 8, whole=True)
        y_axis: Axis = log_axis(y, 7) if self.sketch.logarithmic else number_axis(y, 7)
        for value, label in y_axis.ticks:
            across = self._at(x.low, value)[1]
            yield Line(((_LEFT, across), (WIDTH - _RIGHT, across)), colors.grid)
            yield Words((_LEFT - 9, across + 4), label, colors.quiet, 12, "end")
        for value, label in x_axis.ticks:
            along = self._at(value, y.low)[0]
            yield Line(((along, bottom), (along, bottom + 5)), colors.quiet)
            yield Words((along, bottom + 20), label, colors.quiet, 12, "middle")
        yield Line(((_LEFT, _TOP), (_LEFT, bottom), (WIDTH - _RIGHT, bottom)), colors.quiet)
        name = "time since its start" if self.sketch.x == "time" else self.sketch.x
        yield Words(((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 14), name, colors.quiet, 12, "middle")

    def _legend(self) -> Iterator[Line | Sign | Words]:
        left = float(_LEFT)
        for place, one in enumerate(self.sketch.series):
            last = one.trace.last if one.trace.last is not None else math.nan
            text = f"{one.name}  {last:.4g}"
            length = 46 + len(text) * 13 * _LETTER
            if left + length > WIDTH and place:
                yield Words((left, 48), f"and {len(self.sketch.series) - place} more", self.colors.quiet)
                return
            yield Line(((left, 44), (left + 26, 44)), self._color(place), 2, _dash(place))
            yield Sign((left + 13, 44), SHAPES[place % len(SHAPES)], self._color(place))
            yield Words((left + 33, 48), text, self.colors.text)
            left += length

    def _color(self, place: int) -> str:
        return self.colors.series[place % len(self.colors.series)]

    def _raw(self, place: int, x: Span, y: Span) -> Iterator[Line]:
        raw = self.curves[place][1]
        for places in self._lines(raw, x) if raw else ():
            yield Line(places, self._color(place), 1, faint=True)

    def _curve(self, place: int, x: Span, y: Span) -> Iterator[Line | Sign]:
        color, drawn = self._color(place), self.curves[place][0]
        for places in self._lines(drawn, x):
            yield Line(places, color, 2, _dash(place))
        at = _LEFT + 40.0 + 17 * place
        while at < WIDTH - _RIGHT and (len(self.sketch.series) > 1 or len(drawn) == 1):
            point = drawn.nearest(x.low + (at - _LEFT) / (WIDTH - _LEFT - _RIGHT) * (x.high - x.low))
            if point and math.isfinite(point[1]) and x.low <= point[0] <= x.high:
                yield Sign(self._at(*point), SHAPES[place % len(SHAPES)], color)
            at += _SIGN_EVERY

    def _lines(self, trace: Trace, x: Span) -> Iterator[tuple[Place, ...]]:
        """The curve as lines, broken where a value is not finite; at most four places a pixel of its width."""
        places: list[Place] = []
        columns = WIDTH - _LEFT - _RIGHT
        for column, first, low, high, last in trace.columns(x, columns):
            at = x.low + column * (x.high - x.low) / (columns - 1)
            if first is None and places:
                yield tuple(places)
                places = []
            inner = (first, low, high, last) if low != high else (low,)
            places += [self._at(at, value) for value in inner if value is not None]
            if last is None and places:
                yield tuple(places)
                places = []
        if places:
            yield tuple(places)


def _dash(place: int) -> tuple[int, ...]:
    return _DASHES[place % len(_DASHES)]
