"""A set of line numbers that only grows at its end: one bit a line, so that ten million of them take 1.3 MB."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

BLOCK = 256
"""Bytes of the bit map between two entries of the counts, by which numbers and places are found."""


class LineSet:
    """Line numbers from `base` on, sorted; like a list of them, but that `rank` says where a number stands."""

    def __init__(self) -> None:
        self.base = 0
        self._bits = bytearray()
        # How many there are before each block; the last block goes on growing.
        self._before = array("Q", [0])
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        if place < 0:
            place += self._count
        if not 0 <= place < self._count:
            raise IndexError(place)
        block = bisect_right(self._before, place) - 1
        left, at = place - self._before[block], block * BLOCK
        while left >= (here := self._bits[at].bit_count()):
            left, at = left - here, at + 1
        bits = self._bits[at]
        for _ in range(left):
            bits &= bits - 1
        return self.base + 8 * at + (bits & -bits).bit_length() - 1

    def __iter__(self) -> Iterator[int]:
        return map(self.__getitem__, range(self._count))

    def extend(self, lines: Iterable[int]) -> None:
        """Add `lines`, ascending; what is not past the last one already is left out."""
        last = self[-1] if self._count else self.base - 1
        for line in lines:
            if line > last:
                self._add(line - self.base)
                last = line

    def _add(self, bit: int) -> None:
        at = bit >> 3
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits)))
        while len(self._before) <= at // BLOCK:
            self._before.append(self._count)
        self._bits[at] |= 1 << (bit & 7)
        self._count += 1

    def rank(self, line: int) -> int:
        """How many there are up to `line`, itself included."""
        bit = line - self.base + 1
        if bit <= 0:
            return 0
        at = bit >> 3
        if at >= len(self._bits):
            return self._count
        start = at // BLOCK * BLOCK
        whole = int.from_bytes(self._bits[start:at], "little").bit_count()
        return self._before[start // BLOCK] + whole + (self._bits[at] & (1 << (bit & 7)) - 1).bit_count()
