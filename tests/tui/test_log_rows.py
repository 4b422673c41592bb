"""Rows and lines of a wrapped log agree, measured or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.widgets.log_rows import GROUP, RowMap

HEIGHTS = st.lists(st.integers(1, 5), max_size=4 * GROUP)


def test_without_wrapping_a_line_is_a_row() -> None:
    rows = RowMap(None)
    assert (rows.rows(7), rows.row_of(3, 7), rows.locate(3, 7), rows.locate(7, 7)) == (7, 3, (3, 0), None)


@given(HEIGHTS)
def test_measured_rows_are_the_sums_of_heights(heights: list[int]) -> None:
    rows = RowMap(heights.__getitem__)
    while rows.measure(len(heights), 1):
        pass
    flat = [(line, part) for line, height in enumerate(heights) for part in range(height)]
    assert rows.rows(len(heights)) == len(flat)
    assert [rows.locate(row, len(heights)) for row in range(len(flat) + 1)] == [*flat, None]
    assert [rows.row_of(line, len(heights)) for line in range(len(heights))] == [
        flat.index((line, 0)) for line in range(len(heights))
    ]


@given(HEIGHTS, st.integers(0, 3))
def test_lines_not_measured_are_found_again(heights: list[int], groups: int) -> None:
    rows = RowMap(heights.__getitem__)
    rows.measure(len(heights), groups)
    for line in range(len(heights)):
        assert rows.locate(rows.row_of(line, len(heights)), len(heights)) == (line, 0)
