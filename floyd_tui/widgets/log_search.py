"""Search in a log that is still growing: the numbers of the lines that match, found slice by slice.

`advance` works on one slice and can run in a thread; going on where it left off costs only what is new.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right

from floyd_tui.widgets.log_buffer import LogBuffer
from floyd_tui.widgets.log_text import plain

SLICE = 512 * 1024
ERRORS = (
    r"\b(?:error|exception|traceback|fatal|panic|critical|failed|failure|killed|aborted|segmentation fault)\b"
    r"|\w+(?:error|exception)\b|out of memory"
)


class BadPattern(ValueError):
    """A search that is not a regular expression; the message is a sentence for the user."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """`text` as a regular expression; capitals matter only where it has some. Raises `BadPattern`."""
    literal = re.sub(r"\\.", "", text)
    flags = re.MULTILINE if literal != literal.lower() else re.MULTILINE | re.IGNORECASE
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"Not a regular expression: {error}.") from error


class LogSearch:
    """The lines of `buffer` that `pattern` matches, or, with `inverse`, those it does not; sorted."""

    def __init__(self, buffer: LogBuffer, pattern: re.Pattern[str], inverse: bool = False) -> None:
        self.buffer = buffer
        self.pattern = pattern
        self.inverse = inverse
        self.lines = array("Q")
        self._offset = buffer.first
        self._line = 0
        # Python's regular expressions are twenty times slower where they ignore case than on a text made lower case;
        # `compile_pattern` has them ignore it only where the pattern is lower case itself.
        self._lower = bool(pattern.flags & re.IGNORECASE)
        self._fast = re.compile(pattern.pattern, re.MULTILINE) if self._lower else pattern

    @property
    def progress(self) -> float:
        """How much of the log has been looked at, 0 to 1."""
        looked, there = self._offset - self.buffer.first, self.buffer.size - self.buffer.first
        return looked / there if there else 1.0

    def shift(self, added: int) -> None:
        """Count lines anew after `added` ones came before the first; those are not looked at."""
        self.lines = array("Q", (line + added for line in self.lines))
        self._line += added

    def advance(self, final: bool = False) -> bool:
        """Look at the next slice; returns whether there is more. `final` takes a last line without end as it is."""
        raw = self.buffer.read(self._offset, SLICE)
        at_end = self._offset + len(raw) >= self.buffer.size
        cut = raw.rfind(b"\n") + 1
        # A line longer than a slice is looked at piece by piece, else nothing would ever move.
        piece = raw if (at_end and final) or (not cut and len(raw) == SLICE) else raw[:cut]
        if piece:
            self._take(piece)
            self._offset += len(piece)
        return not at_end

    def _take(self, piece: bytes) -> None:
        text = plain(piece)
        if self._lower:
            text = text.lower()
        first, line, seen = self._line, self._line, 0
        found: list[int] = []
        for match in self._fast.finditer(text):
            line += text.count("\n", seen, match.start())
            seen = match.start()
            # Past the last newline there is no line of this piece, only the place where the next one starts.
            if seen < len(text) and (not found or found[-1] != line):
                found.append(line)
        self._line = first + text.count("\n")
        if self.inverse:
            hits = set(found)
            upto = self._line + (not text.endswith("\n"))
            found = [number for number in range(first, upto) if number not in hits]
        known = self.lines[-1] if self.lines else -1
        self.lines.extend(number for number in found if number > known)

    def after(self, line: int) -> int | None:
        """The first match after `line`, or from the top where there is none; None without matches."""
        if not self.lines:
            return None
        at = bisect_right(self.lines, line) if line >= 0 else 0
        return self.lines[at % len(self.lines)]

    def before(self, line: int) -> int | None:
        """The last match before `line`, or from the end where there is none; None without matches."""
        return self.lines[bisect_left(self.lines, line) - 1] if self.lines else None

    def position(self, line: int) -> int:
        """How many matches there are up to `line`, itself included."""
        return bisect_right(self.lines, line)
