"""Large new files on their way while their digests are still being computed.

A blob is sent by its digest, and that of a large file takes a while. Meanwhile the file goes up under a name made up
for it, as an upload that breaks off when the digest is known: the host keeps what has come, is told what it is the
beginning of, and the upload proper goes on from there. Whatever goes wrong here costs nothing but this head start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType

from floyd_tui.client.ahead import ahead
from floyd_tui.client.frames import Wanted
from floyd_tui.client.protocol import Link
from floyd_tui.client.squeeze import Body, bodies
from floyd_tui.errors import FloydError, RunnerProblem

# How often the host is asked to name a part that it has still to put away, and the seconds in between.
_TRIES, _PAUSE = 20, 0.025
_NOT_FOUND = 404
# Bytes sent below which nothing may have arrived yet that is worth keeping.
_WORTH = 8 << 20


class HeadStart:
    """Sends the beginnings of files of `root`, one at a time; leaving it waits until the last one has its name."""

    def __init__(self, link: Link, root: Path) -> None:
        self._link, self._root = link, root
        self._loop = asyncio.get_running_loop()
        self._path, self._sent = "", 0
        self._digest: asyncio.Future[str] = self._loop.create_future()
        self._task: asyncio.Task[None] | None = None

    def begins(self, path: str, size: int) -> None:
        """Begin to send the file `path`, unless another one is on its way. Called in any thread."""
        self._loop.call_soon_threadsafe(self._begin, path, size)

    def ends(self, path: str, digest: str) -> None:
        """The file's digest is known: enough of it was sent. Called in any thread."""
        self._loop.call_soon_threadsafe(self._end, path, digest)

    async def __aenter__(self) -> HeadStart:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await asyncio.sleep(0)  # what threads have told is heard
        if self._task is None:
            return
        if error is not None or not self._digest.done():
            self._task.cancel()
        try:
            await asyncio.wait((self._task,))
        finally:
            self._task.cancel()
        if not self._task.cancelled():
            self._task.result()

    def _begin(self, path: str, size: int) -> None:
        if self._task is None or self._task.done():
            self._path, self._sent, self._digest = path, 0, self._loop.create_future()
            self._task = asyncio.create_task(self._send(Wanted(self._root / path, os.urandom(32).hex(), size, 0)))

    def _end(self, path: str, digest: str) -> None:
        if path == self._path and not self._digest.done():
            self._digest.set_result(digest)

    async def _send(self, wanted: Wanted) -> None:
        with suppress(FloydError):
            encodings = (await self._link.client.info()).encodings
            (body,) = await asyncio.to_thread(bodies, [wanted], encodings)
            with suppress(_Enough):
                async with aclosing(self._until_known(body)) as stream:
                    await self._link.client.send_blobs(stream, body.size, body.encoding)
            if (digest := await self._digest) and self._sent >= _WORTH:
                await self._name(wanted.digest, digest)

    async def _until_known(self, body: Body) -> AsyncGenerator[bytes, None]:
        async with aclosing(ahead(body.pieces())) as made:
            async for piece in made:
                if piece.files:
                    break  # with its last bytes it would be a whole blob that is not what its name says
                for chunk in piece.data:
                    if self._digest.done():
                        raise _Enough
                    yield chunk
                self._sent += piece.payload
        await asyncio.shield(self._digest)
        raise _Enough

    async def _name(self, sent_as: str, digest: str) -> None:
        """Say what the part is, as soon as the host has seen that no more of it comes."""
        for _ in range(_TRIES):
            try:
                await self._link.client.name_part(sent_as, digest)
                return
            except RunnerProblem as problem:
                if problem.status != _NOT_FOUND:
                    raise
            await asyncio.sleep(_PAUSE)


class _Enough(Exception):
    """Breaks a request off in the middle of its body."""
