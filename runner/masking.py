"""Secrets in logs, made unreadable: every byte of a value becomes ``*``, so that offsets stay what they are.

A value is found as it stands, and so is each line of one with several. One that the job printed in another form (in
base64, a letter a line, as its digest) is not, nor is one shorter than 8 bytes.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.models import SHORTEST_MASKED
from runner.store.walk import open_own

# Beside a live job's log: the values that it was given, for nobody but the runner.
VALUES_FILE = "secrets.json"
_PIECE = 4 << 20
# The beginning of a value, at the end of a log that grows, is held back from this length on, in bytes.
_HELD_BACK = 4


@dataclass(frozen=True, slots=True)
class Mask:
    """What is not to be seen, as bytes."""

    needles: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> Mask:
        """The mask of `values`."""
        parts = {part.encode("utf-8") for value in values for part in (value.strip(), *value.splitlines())}
        return cls(tuple(sorted(part for part in parts if len(part.strip()) >= SHORTEST_MASKED)))

    @property
    def reach(self) -> int:
        """How many bytes beside a place tell whether it is part of a value."""
        return max((len(needle) for needle in self.needles), default=1) - 1

    def apply(self, data: bytes) -> bytes:
        """`data` with every value in it masked, those that overlap too."""
        masked = bytearray(data)
        for start, end in self.found(data):
            masked[start:end] = b"*" * (end - start)
        return bytes(masked)

    def found(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where values begin and end; one right after another, or into another, counts as one."""
        for needle in self.needles:
            pattern, overlap = _chain(needle)
            place = pattern.search(data)
            while place is not None:
                yield place.span()
                place = pattern.search(data, place.end() - overlap)

    def unsure(self, tail: bytes) -> int:
        """How many of the last bytes may be the beginning of a value whose rest has not been written yet."""
        lengths = range(min(len(tail), self.reach), _HELD_BACK - 1, -1)
        return next((n for n in lengths if any(one.startswith(tail[-n:]) for one in self.needles)), 0)


def mask_of(log: Path) -> Mask:
    """The mask of a live job's log; of one that has ended it is empty, for its log is masked on the disk."""
    try:
        return Mask.of(json.loads(log.with_name(VALUES_FILE).read_text("utf-8")))
    except FileNotFoundError:
        return Mask()


def mask_file(log: Path, mask: Mask) -> None:
    """Mask the values in the file at `log`, in place and durably. Blocks."""
    if not mask.needles:
        return
    try:
        file = open_own(log, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        _mask_open(file, mask)
        os.fsync(file)
    finally:
        os.close(file)


def _mask_open(file: int, mask: Mask) -> None:
    position, before = 0, b""
    while piece := os.pread(file, _PIECE, position):
        # What was read is kept as it was: a value may begin in one that is masked on the disk by now.
        data, base = before + piece, position - len(before)
        for begin, end in mask.found(data):
            os.pwrite(file, b"*" * (end - begin), base + begin)
        position += len(piece)
        before = data[max(0, len(data) - mask.reach) :]


@functools.lru_cache(maxsize=64)
def _chain(needle: bytes) -> tuple[re.Pattern[bytes], int]:
    """A pattern of `needle` and what goes on with it at once, and how far two of them may overlap otherwise.

    A log of nothing but ``a`` holds ``aaaaaaaa`` at every byte: that is one match, not millions.
    """
    overlap = next(n for n in range(len(needle) - 1, -1, -1) if needle.endswith(needle[:n]))
    return re.compile(re.escape(needle) + b"(?:" + re.escape(needle[overlap:]) + b")*"), overlap
