"""A log on this side: its bytes in a file, the way to each line in a few bytes of memory.

A job may write gigabytes. They are spooled to an unnamed temporary file; every `STEP` bytes the index keeps where a
line starts and which it is (16 bytes a step, so 32 MiB of index serve 16 GiB of log), and a line is found by reading
one step.
"""

from __future__ import annotations

import tempfile
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import NamedTuple

STEP = 8 * 1024
MAX_LINE = 8 * 1024
COPY = 1024 * 1024
CACHED_STEPS = 64


class Line(NamedTuple):
    """One line: where it begins, at most `MAX_LINE` of its bytes, and how many more there are."""

    offset: int
    data: bytes
    hidden: int = 0


class LogBuffer:
    """The bytes of one log, addressed by line. Safe to read from a thread while the event loop appends.

    Of a long log only the end may be here: `first` is the offset of its first byte that is, the beginning of a line,
    and lines are counted from there. `size` is the offset of the end.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0, prefix="floyd-log-")  # noqa: SIM115  closed by `close`
        self._lock = Lock()
        self._starts, self._numbers = array("Q", [0]), array("q", [0])
        self._times, self._time_offsets = array("d"), array("Q")
        self._steps: OrderedDict[int, list[Line]] = OrderedDict()
        self._newlines = self._added = 0
        self._open = False
        self.first = self.size = 0

    @property
    def lines(self) -> int:
        """How many lines there are, one that has no end yet included."""
        return self._newlines + self._open

    @property
    def complete_lines(self) -> int:
        """How many lines have their end."""
        return self._newlines

    def append(self, data: bytes) -> None:
        """Add `data` at the end. Raises `OSError` if the disk here is full."""
        if not data:
            return
        self._write(self.size, data)
        self._steps.pop(len(self._starts) - 1, None)
        here = self._newlines - self._added
        self._newlines = self._added + _index(data, self.size, here, self._starts, self._numbers)
        self.size += len(data)
        self._open = not data.endswith(b"\n")

    def begin_at(self, offset: int) -> None:
        """Begin not with the log's first byte but with the one at `offset`; only while nothing is here."""
        assert not self.lines
        self.first = self.size = offset
        self._starts = array("Q", [offset])
        known = list(zip(self._time_offsets, self._times, strict=True))
        self._times, self._time_offsets = array("d"), array("Q")
        self.add_times(_from(offset, known))

    def prepend(self, data: bytes, marks: Sequence[tuple[int, float]] = ()) -> int:
        """Add whole lines before the first, and when they were written; returns how many. Raises `OSError`."""
        begin = self.first - len(data)
        self._write(begin, data)
        starts, numbers = array("Q", [begin]), array("q", [0])
        added = _index(data, begin, 0, starts, numbers)
        if starts[-1] == self.first:  # a step ended there, and the old first one begins
            starts.pop()
            numbers.pop()
        self._starts = starts + self._starts
        # Numbers count from the first line that was here; all of them anew for each page would take longer and longer.
        self._added += added
        self._numbers = array("q", (number - self._added for number in numbers)) + self._numbers
        self._newlines += added
        self._steps.clear()
        self.first = begin
        later, later_offsets = self._times, self._time_offsets
        self._times, self._time_offsets = array("d"), array("Q")
        self.add_times(_from(begin, marks))
        self._times += later
        self._time_offsets += later_offsets
        return added

    def _write(self, offset: int, data: bytes) -> None:
        with self._lock:
            self._file.seek(offset)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]

    def line(self, number: int) -> Line:
        """Line `number`, counted from 0. Raises `IndexError` where there is none."""
        if not 0 <= number < self.lines:
            raise IndexError(number)
        number -= self._added
        step = bisect_right(self._numbers, number) - 1
        return self._step(step)[number - self._numbers[step]]

    def line_at(self, offset: int) -> int:
        """The number of the line that the byte at `offset` is part of."""
        step = bisect_right(self._starts, offset) - 1
        within = self.read(self._starts[step], offset - self._starts[step])
        return min(self._numbers[step] + self._added + within.count(b"\n"), max(0, self.lines - 1))

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` on."""
        with self._lock:
            self._file.seek(offset)
            pieces = []
            while length > 0 and (piece := self._file.read(length)):
                pieces.append(piece)
                length -= len(piece)
        return b"".join(pieces)

    def _step(self, step: int) -> list[Line]:
        found = self._steps.get(step)
        if found is None:
            found = self._steps[step] = list(self._read_step(step))
            if len(self._steps) > CACHED_STEPS:
                self._steps.popitem(last=False)
        else:
            self._steps.move_to_end(step)
        return found

    def _read_step(self, step: int) -> Iterator[Line]:
        """The lines of a step. It ends at the first newline it can, so only its last line can be longer than a step."""
        start = self._starts[step]
        end = self._starts[step + 1] if step + 1 < len(self._starts) else self.size
        raw = self.read(start, min(end - start, STEP + MAX_LINE))
        whole = len(raw) == end - start
        text_end = end if self._open and end == self.size else end - 1
        parts = raw.split(b"\n")
        if whole and not parts[-1]:
            parts.pop()
        offset = start
        for i, part in enumerate(parts):
            length = len(part) if whole or i < len(parts) - 1 else text_end - offset
            yield self._cut(offset, part, length)
            offset += length + 1

    def _cut(self, offset: int, part: bytes, length: int) -> Line:
        """A line cut to size; of a rewritten one what was written last."""
        if length <= MAX_LINE:
            return Line(offset, part[:length])
        tail = self.read(offset + length - MAX_LINE, MAX_LINE).rstrip(b"\r\n")
        rewritten = tail.rfind(b"\r") + 1
        if rewritten:
            return Line(offset, tail[rewritten:])
        return Line(offset, part[:MAX_LINE], length - MAX_LINE)

    def add_times(self, marks: Iterable[tuple[int, float]]) -> None:
        """Learn when bytes were written, in order. At most one mark a second is kept, so that memory is bounded."""
        for offset, time in marks:
            if not self._times or int(time) > int(self._times[-1]):
                self._time_offsets.append(offset)
                self._times.append(time)

    def time_at(self, offset: int) -> float | None:
        """When the byte at `offset` was written, in epoch seconds; None where that is not known."""
        mark = bisect_right(self._time_offsets, offset) - 1
        return self._times[mark] if mark >= 0 else None

    @property
    def written(self) -> tuple[float, float] | None:
        """When the first and the last of what is here were written; None where that is not known."""
        return (self._times[0], self._times[-1]) if self._times else None

    def offset_at(self, time: float) -> int:
        """Where that begins which was written at `time` or later; the end where nothing was."""
        mark = bisect_left(self._times, time)
        return self._time_offsets[mark] if mark < len(self._times) else self.size

    def save(self, path: Path) -> None:
        """Write the log as it is to the new file `path`. Raises `OSError`; blocks, so call it in a thread."""
        with path.open("xb") as target:
            for offset in range(self.first, self.size, COPY):
                target.write(self.read(offset, min(COPY, self.size - offset)))

    def close(self) -> None:
        """Give the disk space back."""
        with self._lock:
            self._file.close()


def _from(offset: int, marks: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Of `marks` those that say when bytes from `offset` on were written: the last one before it does, too."""
    return marks[max(0, bisect_right(marks, offset, key=itemgetter(0)) - 1) :]


def _index(data: bytes, at: int, newlines: int, starts: array[int], numbers: array[int]) -> int:
    """Note where steps of `data`, which lies at offset `at`, begin; returns `newlines` and how many it has itself."""
    done = 0
    while (due := starts[-1] + STEP - at) < len(data):
        end = data.find(b"\n", max(done, due))
        if end < 0:
            break
        newlines += data.count(b"\n", done, end + 1)
        done = end + 1
        starts.append(at + done)
        numbers.append(newlines)
    return newlines + data.count(b"\n", done)
