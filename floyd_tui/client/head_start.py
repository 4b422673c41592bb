"""Large new files on their way while their digests are still being computed.

A blob is sent by its digest, and that of a large file takes a while. Meanwhile the file goes up under a name made up
for it, as an upload that breaks off when the digest is known: the host keeps what has come, is told what it is the
beginning of, and the upload proper goes on from there. Whatever goes wrong here costs nothing but this head start.

The name is made of what tells the file from others and from what it was before, so that a second try, after a Ctrl-C or
a crash in the midst of a large file, finds what the first one has sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from floyd_tui.client.ahead import ahead
from floyd_tui.client.frames import Wanted
from floyd_tui.client.protocol import Link
from floyd_tui.client.squeeze import Body, bodies
from floyd_tui.errors import FloydError, RunnerProblem
from floyd_tui.project.scan import marks_of

T = TypeVar("T")
# Seconds that a host is waited for which has still to write down what was sent, and those in between.
_PATIENCE, _PAUSE = 60.0, 0.025
_CONFLICT = 409
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
            self._task = asyncio.create_task(self._send(self._root / path, size))

    def _end(self, path: str, digest: str) -> None:
        if path == self._path and not self._digest.done():
            self._digest.set_result(digest)

    async def _send(self, path: Path, size: int) -> None:
        client = self._link.client
        with suppress(FloydError, OSError):
            sent_as = await asyncio.to_thread(_name_for, path)
            self._sent = (await _patiently(lambda: client.part(sent_as))).have
            wanted = Wanted(path, sent_as, size, min(self._sent, size))
            (body,) = await asyncio.to_thread(bodies, [wanted], (await client.info()).encodings)
            with suppress(_Enough):
                async with aclosing(self._until_known(body)) as stream:
                    await client.send_blobs(stream, body.size, body.encoding)
            if not (digest := await self._digest):
                await _patiently(lambda: client.drop_part(sent_as))
            elif self._sent >= _WORTH:
                await _patiently(lambda: client.name_part(sent_as, digest))

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


def _name_for(path: Path) -> str:
    """What the file goes up as: the same as long as it is the same. Raises `OSError`; blocks."""
    return hashlib.sha256(repr((str(path.resolve()), marks_of(path.stat()))).encode()).hexdigest()


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer to `ask`, which is repeated while the host has still to see that no more comes of a request."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return await ask()
        except RunnerProblem as problem:
            if problem.status != _CONFLICT or time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE)


class _Enough(Exception):
    """Breaks a request off in the middle of its body."""
