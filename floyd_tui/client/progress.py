"""How far a transfer is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# A person reads no faster, and a callback may draw.
_TELL_EVERY = 0.05
# The rate is that of the last seconds: what matters is how it goes now.
_WINDOW = 3.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is: sizes in bytes, `rate` in bytes a second, `eta_seconds` None where nobody can say.

    What need not travel, because the other side has it already, counts as done.
    """

    done_bytes: int = 0
    total_bytes: int = 0
    done_files: int = 0
    total_files: int = 0
    rate: float = 0.0
    eta_seconds: float | None = None


Tell = Callable[[Progress], None]


class Meter:
    """Counts what is done and tells a callback about 20 times a second, and at the end."""

    def __init__(self, tell: Tell | None, total_bytes: int, total_files: int) -> None:
        self._tell = tell
        self.total_bytes, self.total_files = total_bytes, total_files
        self._bytes = self._files = 0
        self._told = 0.0
        self._marks: deque[tuple[float, int]] = deque()

    def set(self, done_bytes: int, done_files: int) -> None:
        """Start, or start again after a lost line, from what is there already: no rate follows from it."""
        self._bytes, self._files = done_bytes, done_files
        self._marks.clear()
        self.tell()

    def add(self, done_bytes: int, done_files: int = 0) -> None:
        """Some more has arrived."""
        self._bytes += done_bytes
        self._files += done_files
        if time.monotonic() - self._told >= _TELL_EVERY:
            self.tell()

    def tell(self) -> None:
        """Tell the callback now."""
        now = self._told = time.monotonic()
        self._marks.append((now, self._bytes))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()
        if self._tell is not None:
            self._tell(self._progress())

    def _progress(self) -> Progress:
        (began, before), (now, done) = self._marks[0], self._marks[-1]
        rate = (done - before) / (now - began) if now > began else 0.0
        left = self.total_bytes - self._bytes
        eta = 0.0 if left <= 0 else left / rate if rate > 0 else None
        # A file that a running job still writes may have grown since it was listed.
        total = max(self.total_bytes, self._bytes)
        return Progress(self._bytes, total, self._files, self.total_files, rate, eta)
