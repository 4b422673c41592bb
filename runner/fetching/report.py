"""What is told of one fetch while it goes on: often enough to be watched, seldom enough to cost nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from runner.models import Event, Fetch

_TELL_SECONDS = 0.25
# The rate is that of the last seconds: what matters is how it goes now.
_RATE_SECONDS = 4.0


class Report:
    """The fetch as it is now; each change is published.

    `cancelled` says that it was broken off by word and not by a runner that stops; `committing` that it is too late.
    """

    def __init__(self, fetch: Fetch, publish: Callable[[Event], None]) -> None:
        self.fetch = fetch
        self.cancelled = self.committing = False
        self._publish = publish
        self._told = 0.0
        self._marks: deque[tuple[float, int]] = deque()

    def change(self, **fields: Any) -> Fetch:
        """Change fields of the `Fetch` and tell at once; a new state begins to count anew."""
        if "state" in fields:
            self._marks.clear()
            fields.setdefault("rate", 0.0)
        self.fetch = replace(self.fetch, **fields)
        self._tell()
        return self.fetch

    def count(self, done: int, total: int | None, files: int = 0, note: str = "") -> None:
        """So much is here or read by now; a note is told at once."""
        now = time.monotonic()
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _RATE_SECONDS:
            self._marks.popleft()
        (began, before), seconds = self._marks[0], now - self._marks[0][0]
        rate = (done - before) / (now - began) if seconds > 0 and not note else 0.0
        news = note != self.fetch.note or total != self.fetch.total_bytes
        self.fetch = replace(self.fetch, done_bytes=done, total_bytes=total, files=files, note=note, rate=rate)
        if news or now - self._told >= _TELL_SECONDS:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._publish(Event(fetch=self.fetch))
