"""Which line a screen row shows: lines one a row, or wrapped ones that take several.

Of millions of wrapped lines only those are measured that somebody comes near: `GROUP` lines at a time, by `near`. All
others count as one row each, so what is above a place may turn out to be more: who shows a line keeps to the line, not
to its row. Memory is two numbers for each group that was ever in sight.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from itertools import accumulate

GROUP = 64
KEPT = 32
"""Groups whose heights are remembered line by line."""


class RowMap:
    """Rows of lines 0, 1, …: `height(line)` is asked where lines wrap, None means one row each."""

    def __init__(self, height: Callable[[int], int] | None) -> None:
        self._height = height
        # Groups that were measured, in order; how many rows more than lines they have, summed up to each; and of each
        # how many more it has itself, and by how many lines.
        self._groups: list[int] = []
        self._more: list[int] = []
        self._own: dict[int, tuple[int, int]] = {}
        self._heights: dict[int, Sequence[int]] = {}

    def near(self, line: int, lines: int, count: int) -> bool:
        """Measure the groups of the `count` lines from `line` on, of `lines` there are; whether any was not yet."""
        if self._height is None or not lines:
            return False
        first, last = max(0, line) // GROUP, min(max(0, line + count), lines - 1) // GROUP
        new = [group for group in range(first, last + 1) if self._measure(group, lines)]
        if new:
            self._more = list(accumulate(self._own[group][0] for group in self._groups))
        return bool(new)

    def forget_from(self, line: int) -> None:
        """Lines from `line` on have changed or are new: they are measured anew."""
        at = bisect_left(self._groups, line // GROUP)
        for group in self._groups[at:]:
            self._heights.pop(group, None)
            del self._own[group]
        del self._groups[at:], self._more[at:]

    def rows(self, lines: int) -> int:
        """How many rows `lines` lines take, as far as it is known."""
        return lines + (self._more[-1] if self._more else 0)

    def row_of(self, line: int, lines: int) -> int:
        """The first row of `line`, of `lines` that there are."""
        group = line // GROUP
        row = line + self._before(group)
        if group not in self._own:
            return row
        heights = self._of(group, lines)[: line % GROUP]
        return row + sum(heights) - len(heights)

    def locate(self, row: int, lines: int) -> tuple[int, int] | None:
        """The line that `row` shows and which of its rows that is; None below the last line."""
        at = bisect_right(self._groups, row, key=self._first_row) - 1
        if at < 0:
            return (row, 0) if row < lines else None
        group = self._groups[at]
        line, left = group * GROUP, row - self._first_row(group)
        for height in self._of(group, lines):
            if left < height:
                return line, left
            line, left = line + 1, left - height
        return (line + left, 0) if line + left < lines else None

    def _first_row(self, group: int) -> int:
        return group * GROUP + self._before(group)

    def _before(self, group: int) -> int:
        at = bisect_left(self._groups, group)
        return self._more[at - 1] if at else 0

    def _measure(self, group: int, lines: int) -> bool:
        _, known = self._own.get(group, (0, 0))
        if known == min(GROUP, lines - group * GROUP):
            return False
        if known:  # it was the last one and has more lines now
            self._heights.pop(group, None)
        else:
            insort(self._groups, group)
        heights = self._of(group, lines)
        self._own[group] = sum(heights) - len(heights), len(heights)
        return True

    def _of(self, group: int, lines: int) -> Sequence[int]:
        """The heights of a group's lines."""
        assert self._height is not None
        known = self._heights.get(group)
        if known is None:
            first = group * GROUP
            known = [self._height(line) for line in range(first, min(first + GROUP, lines))]
            if len(self._heights) >= KEPT:
                self._heights.pop(next(iter(self._heights)))
            self._heights[group] = known
        return known
