"""Rows and lines of a wrapped log agree, measured or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.widgets.log_rows import GROUP, RowMap

HEIGHTS = st.lists(st.integers(1, 5), max_size=4 * GROUP)
PLACES = st.lists(st.tuples(st.integers(-10, 5 * GROUP), st.integers(0, GROUP)), max_size=4)


def test_without_wrapping_a_line_is_a_row() -> None:
    rows = RowMap(None)
    assert not rows.near(0, 7, 7)
    assert (rows.rows(7), rows.row_of(3, 7), rows.locate(3, 7), rows.locate(7, 7)) == (7, 3, (3, 0), None)


@given(HEIGHTS)
def test_measured_rows_are_the_sums_of_heights(heights: list[int]) -> None:
    rows = RowMap(heights.__getitem__)
    rows.near(0, len(heights), len(heights))
    flat = [(line, part) for line, height in enumerate(heights) for part in range(height)]
    assert rows.rows(len(heights)) == len(flat)
    assert [rows.locate(row, len(heights)) for row in range(len(flat) + 1)] == [*flat, None]
    assert [rows.row_of(line, len(heights)) for line in range(len(heights))] == [
        flat.index((line, 0)) for line in range(len(heights))
    ]


@given(HEIGHTS, PLACES, st.integers(0, 4 * GROUP), st.integers(0, 4 * GROUP))
def test_rows_go_on_where_places_are_measured_and_lines_come(
    heights: list[int], places: list[tuple[int, int]], before: int, changed: int
) -> None:
    """Each line has its rows, one after the other, all of them where it was near a place."""
    grown, lines = heights[:before], len(heights)
    rows = RowMap(lambda line: grown[line])
    for line, count in places:
        rows.near(line, len(grown), count)
    grown[changed:] = heights[changed:]
    rows.forget_from(changed)
    grown[:] = heights
    for line, count in places:
        rows.near(line, lines, count)
        assert not rows.near(line, lines, count)
    shown = [rows.locate(row, lines) for row in range(rows.rows(lines))]
    assert None not in shown
    assert shown == sorted(shown, key=lambda place: place or (0, 0))
    for line in range(lines):
        assert rows.locate(rows.row_of(line, lines), lines) == (line, 0)
        if line // GROUP in {max(0, at) // GROUP for at, _ in places}:
            assert [place for place in shown if place and place[0] == line] == [(line, n) for n in range(heights[line])]
    assert rows.locate(rows.rows(lines), lines) is None
