"""The TCP connection below SSH, with fewer and larger writes than asyncssh makes by itself.

asyncssh sends each packet in a system call of its own, and copies what it has not read yet for each one that it takes
in: it gets small helpings, and large ones where a lane takes them in (`lane.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from floyd_tui.client.lane import has_lane

Protocol = TypeVar("Protocol", bound=asyncio.Protocol)
# Bytes gathered at most before they are sent.
_GATHER = 128 << 10
# Bytes in one helping of what came, for asyncssh and for a lane: a packet is 32 KiB and a little.
_HELPING, _LANES_HELPING = 40 << 10, 1 << 20


class Wire:
    """Makes connections as an `asyncssh` tunnel does. The other side of each is an address, reached by TCP."""

    async def create_connection(
        self, session_factory: Callable[[], Protocol], remote_host: str, remote_port: int
    ) -> tuple[asyncio.BaseTransport, Protocol]:
        """Connect; raises `OSError`."""
        loop = asyncio.get_running_loop()
        made = await loop.create_connection(lambda: _Helpings(session_factory()), remote_host, remote_port)
        return made[0], made[1].protocol


class _Helpings(asyncio.BufferedProtocol):
    """Hands on what comes in helpings, and a transport that gathers."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self._buffer = memoryview(bytearray(_LANES_HELPING))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.protocol.connection_made(_Gathering(transport))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer if has_lane(self.protocol) else self._buffer[:_HELPING]

    def buffer_updated(self, nbytes: int) -> None:
        self.protocol.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> None:
        self.protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.protocol.connection_lost(exc)


class _Gathering(asyncio.Transport):
    """A transport whose writes of one turn of the loop leave as one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gathered: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data if isinstance(data, bytes) else bytes(data))
        self._size += len(data)
        if self._size >= _GATHER:
            self._flush()

    def _flush(self) -> None:
        gathered, self._gathered, self._size = self._gathered, [], 0
        if gathered:
            self._transport.write(gathered[0] if len(gathered) == 1 else b"".join(gathered))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._gathered.clear()
        self._transport.abort()
