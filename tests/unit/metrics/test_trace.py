"""Curves' points: gathered into columns as if each had been looked at, smoothed and put in order as they come."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.metrics.axes import Span
from floyd_tui.metrics.runs import MARKS, Run, charts_of, series_of
from floyd_tui.metrics.trace import BLOCK, Trace, averaging
from runner.models import Metric

ANY = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))


@given(st.lists(ANY, max_size=5 * BLOCK), st.integers(0, 50), st.integers(60, 400))
def test_columns_are_what_looking_at_each_point_would_tell(values: list[float], low: int, high: int) -> None:
    trace = Trace((float(i), value) for i, value in enumerate(values))
    inside = [value for i, value in enumerate(values) if low <= i <= high and math.isfinite(value)]
    extent = trace.extent(Span(low, high))
    assert extent == ((min(inside), max(inside)) if inside else None)
    columns = [*trace.columns(Span(low, high), 20)]
    known = [value for column in columns for value in (column[2], column[3]) if value is not None]
    assert (min(known, default=None), max(known, default=None)) == (extent or (None, None)) or low >= len(values)
    assert [column[0] for column in columns] == sorted(column[0] for column in columns)


@given(st.lists(st.tuples(st.integers(0, 500), ANY), max_size=200), st.integers(0, 200))
def test_pieces_and_order_do_not_matter(points: list[tuple[int, float]], cut: int) -> None:
    placed = [(float(x), y) for x, y in points]
    whole, pieces = Trace(placed), Trace(placed[:cut])
    smooth = pieces.smoothed(0.5)
    pieces.extend(placed[cut:])
    assert list(pieces.xs) == list(whole.xs) == sorted(x for x, _ in placed)
    assert list(map(repr, pieces.ys)) == list(map(repr, whole.ys))
    assert list(map(repr, pieces.smoothed(0.5).ys)) == list(map(repr, whole.smoothed(0.5).ys))
    assert len(smooth) == len(pieces)
    assert pieces.odd == sum(not math.isfinite(y) for _, y in placed)


def test_smoothing_begins_where_the_curve_does_and_passes_what_is_no_number() -> None:
    step = averaging(0.9)
    assert [round(step(value), 6) for value in (4.0, 4.0)] == [4.0, 4.0]
    assert math.isnan(step(math.nan))
    assert 4.0 < step(8.0) < 6.0
    assert Trace([(0, 1)]).smoothed(0).ys[0] == 1


def test_a_logarithm_breaks_where_there_is_none() -> None:
    trace = Trace([(0, 100), (1, 0), (2, -3), (3, math.inf), (4, 0.1)]).logarithm()
    assert [round(y, 9) for y in trace.ys if math.isfinite(y)] == [2, -1]
    assert trace.odd == 3


def test_the_nearest_point_and_a_curve_without_any() -> None:
    trace = Trace([(0, 1), (10, 2)])
    assert [trace.nearest(x) for x in (-5, 4, 6, 99)] == [(0, 1), (0, 1), (10, 2), (10, 2)]
    assert Trace().nearest(1) is None
    assert (Trace().breadth, Trace().last, Trace().extent(Span(0, 1))) == (None, None, None)
    assert [*Trace().columns(Span(0, 1), 10)] == []


def points(*names: str, count: int = 3, step: bool = True) -> list[Metric]:
    return [Metric(name, i / 10, 100.0 + i, i * 5 if step else None, None) for i in range(count) for name in names]


def test_a_run_over_each_axis_and_its_points_back() -> None:
    run = Run("digits/7", 90.0)
    assert run.extend(points("loss", "val_loss")) == {"loss", "val_loss"}
    assert run.usual_axis() == "step"
    assert list(run.trace("loss", "step").xs) == [0, 5, 10]
    assert list(run.trace("loss", "time").xs) == [10, 11, 12]
    assert list(run.trace("loss", "epoch").xs) == [0, 1, 2]
    run.extend([Metric("loss", 9.0, 104.0, 15, None)])
    assert run.trace("loss", "step").last == 9.0
    assert len(run.trace("none", "step")) == 0
    assert [*run.points()][:2] == points("loss")[:2]
    assert next(iter(run.points(several=True))).name == "digits/7 loss"
    run.extend(points("lr", step=False))
    assert run.usual_axis() == "time"


def test_who_shares_a_chart_and_by_what_they_are_told() -> None:
    one, two = Run("a/1", sign="A"), Run("a/2", sign="B")
    one.extend(points("val_loss", "loss", "lr"))
    two.extend(points("loss"))
    assert charts_of([one], together=True) == {"loss": ["loss", "val_loss"], "lr": ["lr"]}
    assert list(charts_of([one, two], together=False)) == ["val_loss", "loss", "lr"]
    alone = series_of([one], ["loss", "val_loss"], "step", 0.0, 6)
    assert [(s.name, s.color, s.mark, s.raw) for s in alone] == [
        ("loss", 0, MARKS[0], None), ("val_loss", 1, MARKS[1], None)]  # fmt: skip
    beside = series_of([one, two], ["loss"], "step", 0.6, 6)
    assert [(s.name, s.mark) for s in beside] == [("a/1", "A"), ("a/2", "B")]
    assert all(s.raw is not None for s in beside)
    both = series_of([one, two], ["loss", "lr"], "step", 0.0, 6)
    assert [s.name for s in both] == ["a/1 loss", "a/1 lr", "a/2 loss"]
    assert len({s.mark for s in both}) == 3


@pytest.mark.parametrize("order", [1, -1])
def test_a_job_that_began_anew_is_drawn_by_x(order: int) -> None:
    run = Run("a/1")
    run.extend(points("loss")[::order])
    assert list(run.trace("loss", "step").xs) == [0, 5, 10]
