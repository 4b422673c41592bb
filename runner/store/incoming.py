"""Requests that blobs come by: the runner waits for them before it ends, and gives up one whose line is dead.

A line may die without a word: the laptop slept, a router forgot it. sshd then keeps the runner's end open for hours,
and with it the part of a blob that has arrived. Its client notices within seconds, comes back by another line and asks
from which byte to go on: then the silent request is ended, and what it brought is there to go on with.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator

from runner.errors import Conflict

# Seconds after which a request that brings nothing is ended if its owner asks what is missing. A client notices a dead
# line after ten at the earliest.
_SILENT = 5.0


class Incoming:
    """One such request of `owner`; made by the task that receives it. `ended` is set when it keeps nothing any more."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.ended = asyncio.Event()
        self.given_up = False
        self._task = asyncio.current_task()
        self._silent_since: float | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Say that within nothing is done but to wait for what comes: there, the request may be given up."""
        self._silent_since = time.monotonic()
        try:
            yield
        finally:
            self._silent_since = None

    @property
    def silent(self) -> bool:
        """Whether nothing has come for a while."""
        return self._silent_since is not None and time.monotonic() - self._silent_since > _SILENT

    async def listened(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """`chunks`, each waited for within `listening`."""
        source = aiter(chunks)
        while True:
            try:
                with self.listening():
                    chunk = await anext(source)
            except StopAsyncIteration:
                return
            yield chunk

    def end_of(self) -> BaseException:
        """What a cancelled request ends with."""
        if not self.given_up:
            return asyncio.CancelledError()
        return Conflict("Nothing came for a while, and another upload goes on.", "Ask which blobs are missing.")

    def give_up(self) -> None:
        """End it as a broken line would."""
        self.given_up = True
        if self._task is not None:
            self._task.cancel()


class Uploads:
    """All requests that blobs come by just now."""

    def __init__(self) -> None:
        self._open: set[Incoming] = set()

    def begin(self, owner: str) -> Incoming:
        """A new one; whoever receives it sets `Incoming.ended`."""
        incoming = Incoming(owner)
        self._open = {one for one in self._open if not one.ended.is_set()} | {incoming}
        return incoming

    async def settle(self) -> None:
        """Wait until none is left: each keeps what it has when its request is cut off."""
        for one in list(self._open):
            await one.ended.wait()

    async def give_up_silent(self, owner: str) -> None:
        """End those of `owner` that have fallen silent; what they brought is kept when this returns."""
        silent = [one for one in self._open if one.owner == owner and one.silent]
        for one in silent:
            one.give_up()
        for one in silent:
            await one.ended.wait()
