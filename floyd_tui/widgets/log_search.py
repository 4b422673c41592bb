"""Search in a log that is still growing: the numbers of the lines that match, found slice by slice.

`advance` works on one slice and can run in a thread; going on where it left off costs only what is new. The thread
never holds up the app: regular expressions are those of `regex`, which lets others run while it matches and gives up
after a time; the lines found are kept as one bit each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from floyd_tui.widgets.line_set import LineSet
from floyd_tui.widgets.log_buffer import LogBuffer
from floyd_tui.widgets.log_text import plain

if TYPE_CHECKING:
    import regex

SLICE = 256 * 1024
LONGEST_MATCH = 2.0
"""Seconds that looking for one match in a slice may take; `(a+a+)+b` would take years."""
# What `e` goes to: a word of these by itself, a name that ends in Error or Exception, or "out of memory".
ERROR_WORDS = (
    "error", "exception", "traceback", "fatal", "panic", "critical", "failed", "failure", "killed", "aborted",
    "segmentation fault",
)  # fmt: skip
ERRORS = rf"\b(?:{'|'.join(ERROR_WORDS)})\b|\w+(?:error|exception)\b|out of memory"


class BadPattern(ValueError):
    """A search that is not a regular expression; the message is a sentence for the user."""


def compile_pattern(text: str) -> regex.Pattern[str]:
    """`text` as a regular expression; capitals matter only where it has some. Raises `BadPattern`."""
    import regex  # 20 ms, which nobody waits for who does not search

    literal = re.sub(r"\\.", "", text)
    flags = regex.MULTILINE if literal != literal.lower() else regex.MULTILINE | regex.IGNORECASE
    try:
        return regex.compile(text, flags)
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise BadPattern(f"Not a regular expression: {error}.") from error


class LogSearch:
    """The lines of `buffer` that `pattern` matches, or, with `inverse`, those it does not; sorted.

    `trouble` is a sentence where the search was given up.
    """

    def __init__(self, buffer: LogBuffer, pattern: regex.Pattern[str], inverse: bool = False) -> None:
        import regex

        self.buffer = buffer
        self.pattern = pattern
        self.inverse = inverse
        self.lines = LineSet()
        self.trouble = ""
        self._offset = buffer.first
        self._line = 0
        # Ignoring case is slow, a text made lower case is not; `compile_pattern` has the case ignored only where the
        # pattern is lower case itself.
        self._lower = bool(pattern.flags & regex.IGNORECASE)
        self._fast = regex.compile(pattern.pattern, regex.MULTILINE) if self._lower else pattern
        # A slice without any of these words is passed over at the speed of reading it.
        self._words = (*ERROR_WORDS, "out of memory") if pattern.pattern == ERRORS else ()

    @property
    def progress(self) -> float:
        """How much of the log has been looked at, 0 to 1."""
        looked, there = self._offset - self.buffer.first, self.buffer.size - self.buffer.first
        return looked / there if there else 1.0

    def shift(self, added: int) -> None:
        """Count lines anew after `added` ones came before the first; those are not looked at."""
        self.lines.base += added
        self._line += added

    def advance(self, final: bool = False) -> bool:
        """Look at the next slice; returns whether there is more. `final` takes a last line without end as it is."""
        if self.trouble:
            return False
        raw = self.buffer.read(self._offset, SLICE)
        at_end = self._offset + len(raw) >= self.buffer.size
        cut = raw.rfind(b"\n") + 1
        # A line longer than a slice is looked at piece by piece, else nothing would ever move.
        piece = raw if (at_end and final) or (not cut and len(raw) == SLICE) else raw[:cut]
        if piece and self._take(piece):
            self._offset += len(piece)
        return not at_end and not self.trouble

    def _take(self, piece: bytes) -> bool:
        text = plain(piece)
        if self._lower:
            text = text.lower()
        first = self._line
        try:
            found = self._matching(text, first)
        except TimeoutError:
            self.trouble = f"This expression takes too long near line {first + 1:,}: nest fewer + and *."
            return False
        self._line = first + text.count("\n")
        if self.inverse:
            hits = set(found)
            upto = self._line + (not text.endswith("\n"))
            found = [number for number in range(first, upto) if number not in hits]
        self.lines.extend(found)
        return True

    def _matching(self, text: str, line: int) -> list[int]:
        """The lines of `text`, its first being `line`, that match."""
        found: list[int] = []
        if self._words and not any(word in text for word in self._words):
            return found
        at = seen = 0
        # Past the last newline there is no line of this piece, only the place where the next one starts.
        while at < len(text):
            match = self._fast.search(text, at, concurrent=True, timeout=LONGEST_MATCH)
            if match is None or match.start() == len(text):
                break
            line += text.count("\n", seen, match.start())
            seen = match.start()
            found.append(line)
            # The first match of a line is enough.
            at = (text.find("\n", seen) + 1) or len(text)
        return found

    def after(self, line: int) -> int | None:
        """The first match after `line`, or from the top where there is none; None without matches."""
        return self.lines[self.lines.rank(line) % len(self.lines)] if self.lines else None

    def before(self, line: int) -> int | None:
        """The last match before `line`, or from the end where there is none; None without matches."""
        return self.lines[self.lines.rank(line - 1) - 1] if self.lines else None

    def position(self, line: int) -> int:
        """How many matches there are up to `line`, itself included."""
        return self.lines.rank(line)
