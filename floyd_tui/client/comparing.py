"""Comparing files that are here with those to come: their content, read in a thread that a cancel ends at once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from floyd_tui.client.place import Place, Plan, Verdict, same_file
from floyd_tui.client.progress import TELL_EVERY, Progress, Speed, Tell
from runner.models import FileInfo


class _Cancelled(Exception):
    """Ends the thread; never leaves this module."""


async def planned(place: Place, listing: Sequence[FileInfo], tell: Tell | None = None) -> Plan:
    """`place.plan` of `listing`, told of while files are compared; raises as that does."""
    loop = asyncio.get_running_loop()

    def told(now: Progress) -> None:
        if tell and not work.cancelled.is_set():
            loop.call_soon_threadsafe(tell, now)

    work = _Comparison(told)
    try:
        return await asyncio.to_thread(place.plan, listing, work.judge)
    finally:
        work.cancelled.set()


class _Comparison:
    """Counts what was read; nobody knows beforehand how much that will be."""

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self.cancelled = threading.Event()
        self._tell = tell
        self._speed = Speed()
        self._told_at = 0.0
        self._files = self._bytes = 0

    def judge(self, info: FileInfo, path: Path) -> Verdict:
        """What is to become of a file, by its content."""
        self._read(0)
        if same_file(info, path, self._read):
            self._files += 1
            return "same"
        return "clash" if os.path.lexists(path) else "fetch"

    def _read(self, size: int) -> None:
        if self.cancelled.is_set():
            raise _Cancelled
        self._bytes += size
        now = time.monotonic()
        if self._bytes and now - self._told_at >= TELL_EVERY:
            self._told_at = now
            rate = self._speed.mark(self._bytes)
            self._tell(Progress(self._bytes, done_files=self._files, rate=rate, comparing=True))
