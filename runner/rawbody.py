"""The body of a large request, read from its socket by a thread.

Through h11 and the event loop each 64 KiB of an upload cost more than hashing and writing it. A thread reads a MiB at a
time into one buffer instead, and the loop has nothing to do meanwhile.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

_BUFFER = 1 << 20
# Bytes after which a pour returns, so that the event loop can note what has become complete.
_POUR = 64 << 20
# Milliseconds until a thread that nobody sends anything sees that it is to stop.
_PATIENCE = 100


class RawBody:
    """What is left of a request's body: `first`, which was read already, then `left` bytes from `connection`.

    Closing is the caller's, when no pour runs any more.
    """

    def __init__(self, connection: socket.socket, first: bytes, left: int) -> None:
        self._connection, self._first, self._left = connection, first, left
        self._connection.setblocking(False)
        self._buffer = bytearray(_BUFFER)
        self._stopped = threading.Event()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def pour(self, feed: Callable[[memoryview], None]) -> bool:
        """Feed the next bytes; False at the end of the body, of the line, or when stopped. Blocks: call in a thread."""
        view, poured = memoryview(self._buffer), 0
        if self._first:
            first, self._first = self._first, b""
            feed(memoryview(first))
        while self._left and poured < _POUR and not self._stopped.is_set():
            count = self._receive(view[: self._left])
            if not count:
                return False
            self._left -= count
            poured += count
            feed(view[:count])
        return bool(self._left) and not self._stopped.is_set()

    def stop(self) -> None:
        """Have a pour that runs return soon."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the socket; the connection itself is its protocol's."""
        self._connection.close()

    def _receive(self, view: memoryview) -> int:
        """Bytes read into `view`; 0 where no more will come."""
        while not self._poll.poll(_PATIENCE):
            if self._stopped.is_set():
                return 0
        try:
            return self._connection.recv_into(view)
        except ConnectionError:
            return 0
