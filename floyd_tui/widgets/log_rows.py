"""Which line a screen row shows: lines one a row, or wrapped ones that take several.

Wrapping a log of millions of lines cannot wait for all their heights: they are measured from the top on in slices, and
a line not yet measured counts as one row. Memory is one number for each `GROUP` lines.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable

GROUP = 64


class RowMap:
    """Rows of lines 0, 1, …: `height(line)` is asked where lines wrap, None means one row each."""

    def __init__(self, height: Callable[[int], int] | None) -> None:
        self._height = height
        # _rows[i] is the first row of line i * GROUP; the groups before the last entry are measured.
        self._rows = array("Q", [0])

    @property
    def measured(self) -> int:
        """How many lines from the top have their true height."""
        return (len(self._rows) - 1) * GROUP

    def measure(self, lines: int, groups: int) -> bool:
        """Measure up to `groups` more full groups of the `lines` there are; returns whether more could be measured."""
        if self._height is None:
            return False
        for _ in range(groups):
            first = self.measured
            if first + GROUP > lines:
                return False
            self._rows.append(self._rows[-1] + sum(map(self._height, range(first, first + GROUP))))
        return self.measured + GROUP <= lines

    def rows(self, lines: int) -> int:
        """How many rows `lines` lines take. The last few, short of a group, are measured each time."""
        return lines if self._height is None else self.row_of(lines, lines)

    def row_of(self, line: int, lines: int) -> int:
        """The first row of `line`, of `lines` that there are."""
        if self._height is None:
            return line
        group = min(line // GROUP, len(self._rows) - 1)
        first, row = group * GROUP, self._rows[group]
        if not self._exact(first, lines):
            return row + line - first
        return row + sum(map(self._height, range(first, line)))

    def locate(self, row: int, lines: int) -> tuple[int, int] | None:
        """The line that `row` shows and which of its rows that is; None below the last line."""
        if self._height is None:
            return (row, 0) if row < lines else None
        group = bisect_right(self._rows, row) - 1
        line, left = group * GROUP, row - self._rows[group]
        if not self._exact(line, lines):
            return (line + left, 0) if line + left < lines else None
        while line < lines:
            height = self._height(line)
            if left < height:
                return line, left
            line, left = line + 1, left - height
        return None

    def _exact(self, first: int, lines: int) -> bool:
        """Whether the group that begins with line `first` is laid out by true heights: measured, or the short rest."""
        return first < self.measured or lines - first <= GROUP
