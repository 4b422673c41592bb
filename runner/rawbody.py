"""The body of a large request, read from its socket by a thread.

Through h11 and the event loop each 64 KiB of an upload cost more than hashing and writing it. A thread reads a MiB at a
time into one buffer instead, and the loop has nothing to do meanwhile. There are few threads and there may be many
slow lines, so a thread is held only while bytes come; the loop waits for the next ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

from runner.threads import within

_BUFFER = 1 << 20
# Bytes that are hashed and written at once, unless a pause comes first.
_GATHER = 256 << 10
# Bytes and seconds after which a pour returns: what has become complete is noted, and others get the thread.
_POUR, _POUR_SECONDS = 64 << 20, 1.0
# Milliseconds without a byte after which a thread goes back to do other work.
_PAUSE = 10
# Seconds without a byte after which the line counts as broken.
_SILENCE = 600.0


class RawBody:
    """What is left of a request's body: `first`, which was read already, then `left` bytes from `connection`.

    Closing is the caller's, when no pour runs any more.
    """

    def __init__(self, connection: socket.socket, first: bytes, left: int) -> None:
        self._connection, self._first, self._left = connection, first, left
        self._connection.setblocking(False)
        self._stopped = threading.Event()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def pour(self, feed: Callable[[memoryview], None]) -> bool:
        """Feed what comes without a pause; False at the end of the body, of the line, or when stopped.

        Blocks: call it in a thread, and again when `more` says so.
        """
        # Not kept between pours: a thousand lines on which nothing comes are to hold next to nothing.
        view, poured, until = memoryview(bytearray(_BUFFER)), 0, time.monotonic() + _POUR_SECONDS
        if self._first:
            first, self._first = self._first, b""
            feed(memoryview(first))
        while self._left and poured < _POUR and time.monotonic() < until and not self._stopped.is_set():
            if not self._poll.poll(_PAUSE):
                return True
            count = self._gather(view[: self._left])
            if not count:
                return False
            self._left -= count
            poured += count
            feed(view[:count])
        return bool(self._left) and not self._stopped.is_set()

    async def more(self) -> bool:
        """Wait until something has come, or the line has ended; False where it is silent for too long."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._connection, came.set)
        try:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(came.wait(), _SILENCE)
            return came.is_set()
        finally:
            loop.remove_reader(self._connection)

    def stop(self) -> None:
        """Have a pour that runs return soon."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the socket; the connection itself is its protocol's."""
        self._connection.close()

    def _gather(self, view: memoryview) -> int:
        """Bytes read into `view`, many if they come without a pause: sshd hands on 32 KiB at a time, and to hash and
        write each of those by itself would cost as much again as hashing and writing."""
        count = self._receive(view)
        while 0 < count < min(_GATHER, len(view)) and self._poll.poll(_PAUSE):
            more = self._receive(view[count:])
            if not more:
                break
            count += more
        return count

    def _receive(self, view: memoryview) -> int:
        """Bytes read into `view`; 0 where no more will come."""
        try:
            return self._connection.recv_into(view)
        except ConnectionError:
            return 0
