"""Curves in braille: where dots land, which ticks are round, what happens to numbers that are none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.metrics.axes import (
    Span,
    log_axis,
    nice_step,
    number_axis,
    roomy,
    span_of,
    tick_label,
    time_axis,
    time_label,
)
from floyd_tui.metrics.trace import Trace
from floyd_tui.widgets.plot import BEHIND, DOTS_X, Canvas, sparkline

FLOATS = st.floats(-1e6, 1e6)


def drawn(canvas: Canvas) -> list[str]:
    return ["".join(canvas.char(x, y) for x in range(canvas.width)) for y in range(canvas.height)]


def curve(canvas: Canvas, points: list[tuple[float, float]], x: Span, y: Span, series: int = 0) -> None:
    canvas.draw(Trace(points).columns(x, canvas.width * DOTS_X), y, series)


def test_a_rising_line_goes_from_corner_to_corner() -> None:
    canvas = Canvas(4, 2)
    curve(canvas, [(0, 0), (7, 7)], Span(0, 7), Span(0, 7))
    assert drawn(canvas) == ["  ⡠⠊", "⡠⠊  "]


def test_a_value_that_is_none_breaks_the_line() -> None:
    canvas = Canvas(4, 1)
    curve(canvas, [(0, 0), (1, 0), (3, math.nan), (6, 0), (7, 0)], Span(0, 7), Span(0, 3))
    assert drawn(canvas) == ["⣀  ⣀"]


def test_a_zoomed_line_goes_on_to_the_edges() -> None:
    canvas = Canvas(4, 1)
    curve(canvas, [(0, 1), (14, 1)], Span(3, 10), Span(0, 3))
    assert drawn(canvas) == ["⠤⠤⠤⠤"]


def test_what_stands_behind_gives_way() -> None:
    canvas = Canvas(4, 1)
    curve(canvas, [(0, 0), (7, 0)], Span(0, 7), Span(0, 3), BEHIND)
    curve(canvas, [(0, 3), (3, 3)], Span(0, 7), Span(0, 3), 0)
    assert drawn(canvas) == ["⠉⠉⣀⣀"]
    assert canvas.owner == [[0, 0, BEHIND, BEHIND]]


def test_a_spike_among_many_points_is_not_hidden() -> None:
    points = [(float(i), 0.0 if i != 5000 else 1.0) for i in range(10_000)]
    canvas = Canvas(10, 4)
    curve(canvas, points, Span(0, 9999), Span(0, 1))
    assert drawn(canvas)[0].strip()


@given(st.lists(st.tuples(FLOATS, st.floats()), max_size=50))
def test_any_numbers_can_be_drawn(points: list[tuple[float, float]]) -> None:
    points.sort(key=lambda p: p[0])
    x, y = span_of(p[0] for p in points), span_of(p[1] for p in points)
    if x and y and math.isfinite(y.high - y.low):
        curve(Canvas(20, 5), points, roomy(x), roomy(y))


@given(st.floats(-1000, 1000), st.floats(1e-6, 1e6), st.integers(1, 12))
def test_ticks_are_few_and_inside(low: float, length: float, wanted: int) -> None:
    span = Span(low, low + length)
    axis = number_axis(span, wanted)
    assert len(axis.ticks) <= wanted + 1
    assert all(span.low - length * 1e-6 <= value <= span.high + length * 1e-6 for value, _ in axis.ticks)


@pytest.mark.parametrize(("length", "ticks", "step"), [(10, 5, 2), (1, 4, 0.5), (0.9, 9, 0.1), (3000, 6, 500)])
def test_steps_are_round(length: float, ticks: int, step: float) -> None:
    assert nice_step(length, ticks) == pytest.approx(step)


@pytest.mark.parametrize(
    ("value", "step", "label"),
    [(0.25, 0.05, "0.25"), (0.5, 0.1, "0.5"), (1500, 500, "1500"), (20_000, 5000, "20k"), (2e-5, 1e-5, "2e-05")],
)
def test_labels_have_the_digits_they_need(value: float, step: float, label: str) -> None:
    assert tick_label(value, step) == label


@pytest.mark.parametrize(
    ("seconds", "label"),
    [(0, "0"), (40, "40s"), (300, "5m"), (90, "1m30"), (5400, "1h30"), (7200, "2h"), (172800, "2d")],
)
def test_times_read_short(seconds: float, label: str) -> None:
    assert time_label(seconds) == label


def test_time_ticks_are_at_round_times() -> None:
    assert [label for _, label in time_axis(Span(0, 3000), 6).ticks] == ["0", "10m", "20m", "30m", "40m", "50m"]


def test_a_span_of_one_value_has_room() -> None:
    assert span_of([2.0, math.nan, 2.0]) == Span(1.8, 2.2)
    assert span_of([0.0]) == Span(-0.5, 0.5)
    assert span_of([math.nan, math.inf]) is None


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_any_two_numbers_make_an_axis(one: float, other: float) -> None:
    span = roomy(Span(min(one, other), max(one, other)), 0.04)
    assert span.low < span.high
    assert len(number_axis(span, 5).ticks) <= 7


@given(st.floats(-300, 300), st.floats(1e-6, 300))
def test_a_logarithmic_axis_has_ticks_inside(low: float, length: float) -> None:
    span = roomy(Span(low, min(305.0, low + length)))
    ticks = log_axis(span, 6).ticks
    assert all(span.low - 1e-9 <= value <= span.high + 1e-9 for value, _ in ticks)
    assert len(ticks) <= 20


def test_sparklines() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 7, 7], 2) == "▁█"
    assert sparkline([math.nan, 1.0], 5) == " ▄"
    assert sparkline([], 5) == ""
