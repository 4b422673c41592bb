"""Reads a live job's log as it grows: when lines came, and the metrics among them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from runner.errors import RunnerError
from runner.keras import KerasLines, reads_keras
from runner.logs import Growth, TimesIndex, read_piece, size_of
from runner.metrics import MetricReader
from runner.models import Job, Metric
from runner.store.jobs import JobStore
from runner.threads import within

log = logging.getLogger(__name__)
_POLL = 0.1
_PIECE = 4 << 20
# Points are stored at most this often, in seconds: a disk takes only so many transactions.
_STORE_EVERY = 0.5
_RETRY = 2.0
# An epoch that began further back than so many bytes is not known after a restart.
_LOOK_BACK = 1 << 20


class LogTail:
    """Follows one log. `growth` wakes its readers; `stored` gets the job after its metrics have been stored."""

    def __init__(
        self,
        store: JobStore,
        job: Job,
        path: Path,
        growth: Growth,
        parsed: int,
        stored: Callable[[Job], None],
    ) -> None:
        self._store = store
        self._job = job
        self._path = path
        self._growth = growth
        self._stored = stored
        self._reader = MetricReader(parsed, KerasLines() if reads_keras(job.env) else None)
        self._times: TimesIndex | None = None
        self._marked = job.log_start
        self._points: list[Metric] = []
        self._stored_at = 0.0
        self._whole = asyncio.Event()

    @property
    def parsed(self) -> int:
        """Up to which byte the log was read for metrics."""
        return self._reader.parsed

    async def run(self) -> None:
        """Follow until `finish`. A full disk holds the metrics up, and loses none: they are read again."""
        while not self._whole.is_set():
            await self._pause(_POLL if await self._try_step() else _RETRY)

    async def _try_step(self) -> bool:
        try:
            await self._step()
        except RunnerError as error:
            log.warning("reading the log of %s: %s", self._job.name, error)
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await within(self._whole.wait(), seconds)

    async def finish(self, running: asyncio.Task[None]) -> int:
        """Read to the end of a log that grows no more, and store what is left; returns its size in bytes.

        `running` is the task of `run`: it is waited for and never cancelled, since a step cut off would lose points.
        """
        self._whole.set()
        await running
        while await self._step():
            pass
        self._points += self._reader.feed(b"", time.time(), last=True)
        await self._flush()
        return size_of(self._path)

    async def _step(self) -> bool:
        size = await asyncio.to_thread(self._mark)
        self._growth.grow(size)
        if size > self._reader.position:
            piece = await asyncio.to_thread(read_piece, self._path, self._reader.position, _PIECE)
            self._points += await asyncio.to_thread(self._reader.feed, piece, time.time())
        if self._points and time.monotonic() - self._stored_at >= _STORE_EVERY:
            await self._flush()
        return size > self._reader.position

    def _mark(self) -> int:
        size = size_of(self._path)
        if self._times is None:
            self._times = TimesIndex(self._path)
            self._take_up()
        if size > self._marked:
            self._times.mark(self._marked)
            self._marked = size
        return size

    def _take_up(self) -> None:
        """After a restart of the runner: which epoch of Keras' its log is in."""
        if self._reader.keras and self._reader.parsed:
            start = max(self._job.log_start, self._reader.parsed - _LOOK_BACK)
            self._reader.keras.look_back(read_piece(self._path, start, self._reader.parsed - start))

    async def _flush(self) -> None:
        if self._points:
            points = tuple(self._points)
            job = await self._store.add_metrics(self._job, points, self._reader.parsed)
            del self._points[: len(points)]
            self._stored(job)
        self._stored_at = time.monotonic()
