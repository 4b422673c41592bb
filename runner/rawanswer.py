"""The body of a large answer, sent from its file by a thread.

The kernel copies the file into the socket, and neither h11 nor the event loop sees a byte of it: a third of what a
gigabyte costs otherwise. A thread is held only while bytes leave; for a slow line the loop waits.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import time
from collections.abc import Callable
from functools import partial

from runner.threads import to_the_end

_PIECE = 1 << 20
# Seconds after which a thread returns: a cancelled answer waits for that, and others get the thread.
_POUR_SECONDS = 0.25
# Milliseconds without room in the socket after which a thread goes back to do other work.
_PAUSE = 10


class RawAnswer:
    """A `connection` on which a head was sent; `done` tells its protocol that nothing more will follow."""

    def __init__(self, connection: socket.socket, done: Callable[[], None]) -> None:
        self._connection, self._done = connection, done
        self._connection.setblocking(False)

    async def send(self, descriptor: int, start: int, end: int) -> None:
        """Send the bytes from `start` to `end` and close; less where the other end has gone or the file ends early."""
        try:
            while start < end:
                sent = await to_the_end(partial(self._pour, descriptor, start, end))
                if sent is None:
                    break
                start += sent
                if start < end:
                    await self._room()
        finally:
            self._connection.close()
            self._done()

    def _pour(self, descriptor: int, start: int, end: int) -> int | None:
        """How many bytes left without a pause; None where no more can. Blocks: call it in a thread."""
        poll, offset, until = select.poll(), start, time.monotonic() + _POUR_SECONDS
        poll.register(self._connection, select.POLLOUT)
        try:
            while offset < end and time.monotonic() < until and poll.poll(_PAUSE):
                sent = os.sendfile(self._connection.fileno(), descriptor, offset, min(_PIECE, end - offset))
                if not sent:
                    return None
                offset += sent
        except BlockingIOError:
            pass
        except ConnectionError:
            return None
        return offset - start

    async def _room(self) -> None:
        loop, room = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(self._connection, room.set)
        try:
            await room.wait()
        finally:
            loop.remove_writer(self._connection)
