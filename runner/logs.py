"""Logs: append-only files that jobs write and the runner only reads, by byte offset.

Beside each lies `times`, a sparse index of (offset, time) pairs. Following costs what reading the file costs: no line
is ever looked at, and no follower holds another.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from runner.masking import Mask
from runner.models import LOG_DATA, LOG_END, LOG_PING, LOG_TIME, LOG_TIMES, Job, LogEnd, encode, log_frame
from runner.store.walk import open_own

TIMES_FILE = "times"
FRAME_BYTES = 256 << 10
SIGN_OF_LIFE = 15.0
# Marks closer than this tell nobody more, in seconds.
_MARK_EVERY = 0.5
_NOTHING = Mask()
# Bytes, and the marks that are about them.
Piece = tuple[bytes, list[tuple[int, float]]]


class Growth:
    """How far the log of a live job was seen, for its followers to wait on; new bytes are read once for all."""

    def __init__(self) -> None:
        self.size = 0
        self.ended = False
        self._waiters: set[asyncio.Future[bool]] = set()
        self._newest: tuple[object, asyncio.Future[Piece]] | None = None

    def grow(self, size: int) -> None:
        """The log has `size` bytes, whose times are marked."""
        if size != self.size:
            self.size = size
            self._wake()

    def end(self) -> None:
        """The job has ended, and its log is whole."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        self._newest = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(True)

    async def changed(self) -> bool:
        """Wait for more, or the end; False after 15 s without."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(SIGN_OF_LIFE, _give_up, waiter)
        self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            self._waiters.discard(waiter)
            timer.cancel()

    async def read(self, log: Path, offset: int, end: int, mask: Mask) -> Piece:
        """As `read_timed`. Those who follow wake at once and want the same: a hundred cost little more than one."""
        asked = (log, offset, end, mask.needles)
        if self._newest is None or self._newest[0] != asked or self._newest[1].done():
            self._newest = asked, asyncio.ensure_future(asyncio.to_thread(read_timed, log, offset, end, mask))
        return await asyncio.shield(self._newest[1])


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


class TimesIndex:
    """Writes the index of one log; `read_times` reads it."""

    def __init__(self, log: Path) -> None:
        self._path = log.with_name(TIMES_FILE)
        marks = read_times(log, 0, None)
        self._marked = marks[-1] if marks else (-1, 0.0)

    def mark(self, offset: int) -> None:
        """Note that from byte `offset` on lines are being written now; on a full disk that is left out."""
        now = time.time()
        if offset > self._marked[0] and (now - self._marked[1] >= _MARK_EVERY or now < self._marked[1]):
            # How the job ends is worth more than when it said what.
            with contextlib.suppress(OSError), self._path.open("ab", buffering=0) as file:
                file.write(LOG_TIME.pack(offset, now))
                self._marked = (offset, now)


def read_times(log: Path, start: int, end: int | None) -> list[tuple[int, float]]:
    """The marks that are about bytes from `start` up to `end` (None: to the last): the one before `start` counts too.

    They begin no earlier than `start`, so that they fit what is read from there.
    """
    try:
        raw = log.with_name(TIMES_FILE).read_bytes()
    except FileNotFoundError:
        return []

    def mark(position: int) -> tuple[int, float]:
        found: tuple[int, float] = LOG_TIME.unpack_from(raw, position * LOG_TIME.size)
        return found

    # A log of days has a long index: it is searched, not read through.
    positions = range(len(raw) // LOG_TIME.size)
    first = bisect.bisect_right(positions, start, key=lambda position: mark(position)[0])
    behind = len(positions) if end is None else bisect.bisect_left(positions, end, key=lambda p: mark(p)[0])
    marks = [mark(position) for position in range(first, behind)]
    return [(start, mark(first - 1)[1]), *marks] if first else marks


def size_of(log: Path) -> int:
    """The log's size in bytes; 0 where there is none yet."""
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def read_piece(log: Path, offset: int, length: int) -> bytes:
    """Up to `length` bytes from `offset` on."""
    try:
        # The job's owner may write the log, and the runner reads for its caller only what is the log.
        descriptor = open_own(log, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)


def read_masked(log: Path, offset: int, length: int, mask: Mask) -> bytes:
    """The same with secrets masked; what lies around the piece tells whether its ends are part of one."""
    before = min(offset, mask.reach)
    data = read_piece(log, offset - before, before + length + mask.reach)
    return mask.apply(data)[before : before + length] if mask.needles else data


def read_timed(log: Path, offset: int, end: int, mask: Mask) -> Piece:
    """The log from byte `offset` up to `end` with secrets masked, and the marks that are about it."""
    data = read_masked(log, offset, end - offset, mask)
    return data, read_times(log, offset, offset + len(data))


def sure_end(log: Path, end: int, mask: Mask) -> int:
    """Up to where a log that grows may be shown, of which `end` bytes are there: not into what may become a secret."""
    start = max(0, end - mask.reach)
    return end - mask.unsure(read_piece(log, start, end - start)) if mask.needles else end


def resolve_offset(log: Path, offset: int) -> int:
    """Where reading begins: a negative `offset` counts from the end, and none lies behind it."""
    size = size_of(log)
    return max(0, size + offset) if offset < 0 else min(offset, size)


async def read_log(log: Path, offset: int, end: int, mask: Mask = _NOTHING) -> AsyncIterator[bytes]:
    """The log from byte `offset` up to `end`, with secrets masked."""
    while offset < end:
        piece = await asyncio.to_thread(read_masked, log, offset, min(FRAME_BYTES, end - offset), mask)
        if not piece:
            return
        offset += len(piece)
        yield piece


async def follow_log(
    log: Path,
    offset: int,
    growth: Callable[[], Growth | None],
    reload: Callable[[], Awaitable[Job]],
    masked: Callable[[], Mask] = Mask,
) -> AsyncIterator[bytes]:
    """Frames of the log from `offset` on until the job has ended and its last byte is sent.

    `growth` tells how far a live job's log was seen, and nothing of a job that has ended; `reload` then tells its end.
    `masked` tells what of it is not to be seen; before the job begins that is not known yet.
    """
    marked, mask = -1, Mask()
    while True:
        seen = growth()
        mask = mask if mask.needles else masked()
        end = sure_end(log, seen.size, mask) if seen is not None else size_of(log)
        if offset < end:
            end = min(end, offset + FRAME_BYTES)
            what = log, offset, end, mask
            piece, times = await (asyncio.to_thread(read_timed, *what) if seen is None else seen.read(*what))
            if fresh := [mark for mark in times if mark[0] > marked]:
                marked = fresh[-1][0]
                yield log_frame(LOG_TIMES, b"".join(LOG_TIME.pack(*mark) for mark in fresh))
            yield log_frame(LOG_DATA, piece)
            offset += len(piece)
        elif seen is None:
            job = await reload()
            yield log_frame(LOG_END, encode(LogEnd(job.state, job.exit_code, offset)))
            return
        elif not await seen.changed():
            yield log_frame(LOG_PING)
