"""Downloading into a part file: again and again until all of it is there, and never spliced of two files.

A line that breaks is taken up by Range, on condition (If-Range) that the file is still the one that was begun, by its
strong ETag or a date of change that is old enough to tell. Where the server offers neither, it begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial

import httpx

from runner.fetching.addresses import shown
from runner.fetching.names import file_name
from runner.fetching.part import Part, Standing
from runner.fetching.web import (
    Answer,
    Refused,
    TryAgain,
    ask,
    content_range,
    read_answer,
    unreachable,
    why,
)
from runner.models import Origin
from runner.store.disk import format_size
from runner.store.room import Room
from runner.threads import to_the_end

# Written together, or after so many seconds: a hop to the thread for each network packet would cost more than the disk.
_BATCH_BYTES, _BATCH_SECONDS = 1 << 20, 0.25
# How much a crash of the host may cost.
_SYNC_BYTES, _SYNC_SECONDS = 64 << 20, 5.0
_FIRST_DELAY, _LAST_DELAY = 0.25, 30.0
# Before a first byte came it is more likely that the address is wrong than that the line is bad.
_FIRST_PATIENCE = 20.0
# A date of change tells a file from the next one only if the server's clock has gone on since (RFC 9110, 8.8.2.2).
_STRONG_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Job:
    """What to download. `own`: the runner's own user asks; `patience`: seconds to try for without a new byte.

    `known` is what came from there before: if that is still what is there, nothing is to come.
    """

    url: httpx.URL
    own: bool
    patience: float
    known: Origin | None = None


class Download:
    """One download. `tell` hears of progress and of trouble, `save` writes the standing down."""

    def __init__(
        self,
        job: Job,
        part: Part,
        standing: Standing,
        room: Room,
        tell: Callable[[int, int | None, str], None],
        save: Callable[[Standing], Awaitable[None]],
    ) -> None:
        self._job, self._part, self._standing, self._room = job, part, standing, room
        self._tell, self._save = tell, save
        self._furthest = part.position
        self._contradiction: tuple[int | None, int | None] | None = None
        self._synced = time.monotonic()

    async def run(self, client: httpx.AsyncClient) -> bool:
        """Download until all is there and safely on the disk; False where what is known is all there is.

        Raises `RunnerError`.
        """
        delay, since = _FIRST_DELAY, time.monotonic()
        try:
            while True:
                try:
                    return await self._once(client)
                except TryAgain as trouble:
                    reason, after = str(trouble), trouble.after
                except httpx.TransportError as error:
                    reason, after = why(error, self._job.url), None
                    if isinstance(error, httpx.ConnectError) and not self._furthest:
                        raise unreachable(reason) from error
                if self._part.position > self._furthest:
                    delay, since, self._furthest = _FIRST_DELAY, time.monotonic(), self._part.position
                self._give_up(reason, since)
                self._tell(self._part.position, self._standing.total, f"{reason}; trying again")
                await asyncio.sleep(min(delay if after is None else after, _LAST_DELAY))
                delay *= 2 if after is None else 1
        finally:
            # Cancelled, too: a runner that stops in order loses nothing.
            await asyncio.shield(self._keep())

    def _give_up(self, reason: str, since: float) -> None:
        patience = self._job.patience if self._furthest else min(self._job.patience, _FIRST_PATIENCE)
        if time.monotonic() - since > patience:
            came = f" after {format_size(self._furthest)}" if self._furthest else ""
            raise Refused(f"Nothing more came{came}: {reason}.", "Try again later.")

    async def _once(self, client: httpx.AsyncClient) -> bool:
        async with ask(client, self._job.url, self._condition(), self._job.own) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return False
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                await self._beyond(response)
                return True
            await self._accept(read_answer(response))
            await self._receive(response)
        total = self._standing.total
        if total is not None and self._part.position > total:
            await self._restart()
        if total is not None and self._part.position != total:
            raise TryAgain(f"not the {total:,} bytes came that were promised")
        return True

    def _condition(self) -> dict[str, str]:
        if not self._part.position:
            return _unless(self._job.known)
        validator = self._standing.etag or self._standing.modified
        if not validator:
            return {}
        return {"Range": f"bytes={self._part.position}-", "If-Range": validator}

    async def _accept(self, answer: Answer) -> None:
        """Get ready for the bytes that follow: to go on with, or from the beginning."""
        standing = self._standing
        if answer.start:
            same = answer.etag in ("", standing.etag) or not standing.etag
            if not same or answer.start != self._part.position or answer.total not in (None, standing.total):
                await self._restart()
                raise TryAgain(f"{self._job.url.host} sent a part of another file", 0)
            return
        if self._part.position:
            await self._restart()
        standing.total, standing.etag = answer.total, answer.etag
        standing.modified = answer.modified if is_strong(answer.response) else ""
        standing.name = file_name(self._job.url, answer.response)
        if answer.total is not None:
            await asyncio.to_thread(self._room.require, answer.total)
        await self._save(standing)

    async def _receive(self, response: httpx.Response) -> None:
        async with contextlib.aclosing(_batches(response.aiter_raw())) as batches:
            async for batch in batches:
                await self._write(batch)

    async def _write(self, batch: list[bytes]) -> None:
        if batch:
            if self._standing.total is None:
                # Nobody said how much there is: look as it comes.
                await asyncio.to_thread(self._room.require, sum(map(len, batch)))
            await to_the_end(partial(self._part.write, batch))
        self._tell(self._part.position, self._standing.total, "")
        late = time.monotonic() - self._synced > _SYNC_SECONDS
        if late or self._part.position - self._standing.have >= _SYNC_BYTES:
            await self._keep()

    async def _keep(self) -> None:
        have = await to_the_end(self._part.sync)
        self._synced = time.monotonic()
        if have != self._standing.have:
            self._standing.have, self._standing.sha256 = have, self._part.sha256
            await self._save(self._standing)

    async def _restart(self) -> None:
        self._standing.have = 0
        await self._save(self._standing)
        await to_the_end(self._part.restart)

    async def _beyond(self, response: httpx.Response) -> None:
        """There is nothing after what is here: it is whole, or the server contradicts itself, or the file changed."""
        size = content_range(response)[1]
        promised = self._standing.total
        if size == self._part.position and promised in (None, size):
            return
        if self._contradiction == (promised, size):
            raise Refused(
                f"{shown(self._job.url)} promises {_bytes(promised)} and has only {_bytes(size)}.",
                "Tell who looks after it, or try again later.",
            )
        self._contradiction = (promised, size)
        await self._restart()
        raise TryAgain("there is less than was promised", 0)


def _unless(known: Origin | None) -> dict[str, str]:
    """Ask for what is not `known`; both words were written down only where they tell one file from the next."""
    if known is None:
        return {}
    if known.etag:
        return {"If-None-Match": known.etag}
    return {"If-Modified-Since": known.modified} if known.modified else {}


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes], None]:
    """What comes, together; also what came before the line broke, and what waits while a slow line brings no more."""
    batch: list[bytes] = []
    size, ended = 0, False
    while not ended:
        coming = asyncio.ensure_future(_next(chunks))
        try:
            while not (await asyncio.wait((coming,), timeout=_BATCH_SECONDS))[0]:
                taken, batch, size = batch, [], 0
                yield taken
        finally:
            coming.cancel()
            await asyncio.wait((coming,))
        try:
            chunk = coming.result()
        except httpx.TransportError:
            yield batch
            raise
        ended = not chunk
        batch.append(chunk)
        size += len(chunk)
        if ended or size >= _BATCH_BYTES:
            taken, batch, size = batch, [], 0
            yield taken


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """The next of `chunks`, none of which is empty; empty at the end."""
    return await anext(chunks, b"")


def _bytes(count: int | None) -> str:
    return "an unknown number of bytes" if count is None else f"{count:,} bytes"


def is_strong(response: httpx.Response) -> bool:
    """Whether the date of change tells this file from any later one."""
    try:
        told = [parsedate_to_datetime(response.headers[name]) for name in ("Date", "Last-Modified")]
        return (told[0] - told[1]).total_seconds() >= _STRONG_SECONDS
    except (KeyError, ValueError, TypeError):
        return False
