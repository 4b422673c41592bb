"""How far a transfer is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# A person reads no faster, and a callback may draw.
TELL_EVERY = 0.05
# The rate is that of the last seconds: what matters is how it goes now.
_WINDOW = 3.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is: sizes in bytes, `rate` in bytes a second, `eta_seconds` None where nobody can say.

    What need not travel, because the other side has it already, counts as done; `there_bytes` says how much that is.
    `comparing` is reading what is here already, before anything travels.
    """

    done_bytes: int = 0
    total_bytes: int = 0
    done_files: int = 0
    total_files: int = 0
    rate: float = 0.0
    eta_seconds: float | None = None
    there_bytes: int = 0
    comparing: bool = False


Tell = Callable[[Progress], None]


class Speed:
    """How fast something goes, by the last seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, done: int) -> float:
        """Units a second, now that `done` are done."""
        now = time.monotonic()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()
        began, before = self._marks[0]
        return (done - before) / (now - began) if now > began else 0.0

    def forget(self) -> None:
        """Start anew: what comes next says nothing of what was."""
        self._marks.clear()


def seconds_left(left: int, rate: float) -> float | None:
    """How long `left` units take at `rate` a second; None where nobody can say."""
    return 0.0 if left <= 0 else left / rate if rate > 0 else None


class Meter:
    """Counts what is done and tells a callback about 20 times a second, and at the end."""

    def __init__(self, tell: Tell | None, total_bytes: int, total_files: int) -> None:
        self._tell = tell
        self.total_bytes, self.total_files = total_bytes, total_files
        self._bytes = self._files = 0
        self._there: int | None = None
        self._told = 0.0
        self._speed = Speed()

    def set(self, done_bytes: int, done_files: int) -> None:
        """Start, or start again after a lost line, from what is there already: no rate follows from it."""
        self._bytes, self._files = done_bytes, done_files
        if self._there is None:
            self._there = done_bytes
        self._speed.forget()
        self.tell()

    def add(self, done_bytes: int, done_files: int = 0) -> None:
        """Some more has arrived."""
        self._bytes += done_bytes
        self._files += done_files
        if time.monotonic() - self._told >= TELL_EVERY:
            self.tell()

    def tell(self) -> None:
        """Tell the callback now."""
        self._told = time.monotonic()
        rate = self._speed.mark(self._bytes)
        if self._tell is not None:
            self._tell(self._progress(rate))

    def _progress(self, rate: float) -> Progress:
        eta = seconds_left(self.total_bytes - self._bytes, rate)
        # A file that a running job still writes may have grown since it was listed.
        total = max(self.total_bytes, self._bytes)
        return Progress(self._bytes, total, self._files, self.total_files, rate, eta, self._there or 0)
