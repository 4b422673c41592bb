"""The line between a client and its host, as a test wants it: it breaks, or turns a bit, at an exact byte."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Literal

Way = Literal["up", "down"]
_RESET = struct.pack("ii", 1, 0)


class Break(Enum):
    """How a line ends: both sides see a reset, a proper end, or nothing at all any more."""

    RESET = "reset"
    END = "end"
    SILENCE = "silence"


class Line:
    """Takes connections and passes them on to the port or Unix socket `to`; use it as a context manager.

    It listens on `port` of 127.0.0.1, or `at` a Unix socket. `crossed` counts the bytes that were passed on, by
    their way. One trap at a time is set by `cut`, `flip` or `at_byte`; `sprung` says whether it has gone off.
    """

    def __init__(self, to: int | Path, at: Path | None = None) -> None:
        self.port = 0
        self.crossed: dict[Way, int] = {"up": 0, "down": 0}
        self.sprung = False
        self._to, self.at = to, "" if at is None else str(at)
        self._trap: tuple[Way, int, Callable[[], None] | None] | None = None
        self._ends: set[_End] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self._left = asyncio.Event()
        self._left.set()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    def cut(self, way: Way, after: int, how: Break, then: Callable[[], None] = lambda: None) -> None:
        """Break all connections that there are once `after` more bytes have crossed; later ones are whole.

        `then` is called, in the line's own thread, before anybody can make a new one.
        """

        def act() -> None:
            self._break(how)
            then()

        self._set(way, after, act)

    def flip(self, way: Way, after: int) -> None:
        """Turn one bit of the byte that comes after the next `after` ones."""
        self._set(way, after, None)

    def at_byte(self, way: Way, after: int, act: Callable[[], None]) -> None:
        """Call `act`, in the line's own thread, once `after` more bytes have crossed."""
        self._set(way, after, act)

    def _set(self, way: Way, after: int, act: Callable[[], None] | None) -> None:
        self.sprung = False
        self._trap = (way, self.crossed[way] + after, act)

    def passes(self, way: Way, data: bytes) -> bytes:
        """What of `data` is passed on; springs the trap where it lies in these bytes."""
        trap, before = self._trap, self.crossed[way]
        self.crossed[way] += len(data)
        if trap is None or trap[0] != way or self.crossed[way] <= trap[1]:
            return data
        self._trap, self.sprung = None, True
        place = trap[1] - before
        if trap[2] is None:
            return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
        trap[2]()
        return data

    def joins(self, end: _End) -> None:
        """One more end of a connection is open."""
        self._ends.add(end)
        self._left.clear()

    def leaves(self, end: _End) -> None:
        """It is closed."""
        self._ends.discard(end)
        if not self._ends:
            self._left.set()

    async def connect(self, near: _End) -> None:
        """Make the other half of a connection."""
        far = _End(self, "down", near)
        try:
            if isinstance(self._to, Path):
                await self._loop.create_unix_connection(lambda: far, str(self._to))
            else:
                await self._loop.create_connection(lambda: far, "127.0.0.1", self._to)
        except OSError:
            near.drop(Break.RESET)

    def _break(self, how: Break) -> None:
        for end in list(self._ends):
            end.drop(how)

    async def _serve(self) -> None:
        if self.at:
            server = await self._loop.create_unix_server(lambda: _End(self, "up"), self.at)
        else:
            server = await self._loop.create_server(lambda: _End(self, "up"), "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        self._break(Break.RESET)
        await self._left.wait()

    def __enter__(self) -> Line:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()


class _End(asyncio.Protocol):
    """One end of a connection: what comes here from `way` goes out at the `other` one."""

    def __init__(self, line: Line, way: Way, other: _End | None = None) -> None:
        self._line, self._way, self._other = line, way, other
        self._transport: asyncio.Transport | None = None
        self._silent = False
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._line.joins(self)
        if self._other is None:
            transport.pause_reading()
            self._connecting = asyncio.ensure_future(self._line.connect(self))
        elif self._other._transport is None or self._other._transport.is_closing():
            transport.abort()
        else:
            self._other._other = self
            self._other._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        passed, other = self._line.passes(self._way, data), self._other
        if (
            not self._silent
            and other is not None
            and other._transport is not None
            and not other._transport.is_closing()
        ):
            other._transport.write(passed)

    def pause_writing(self) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.pause_reading()

    def resume_writing(self) -> None:
        other = self._other
        if other is not None and other._transport is not None and not other._silent:
            other._transport.resume_reading()

    def drop(self, how: Break) -> None:
        """End this half as `how` says."""
        assert self._transport is not None
        if how is Break.SILENCE:
            self._silent = True
            self._transport.pause_reading()
        elif how is Break.END:
            self._transport.close()
        else:
            peer = self._transport.get_extra_info("socket")
            if peer.family == socket.AF_INET:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.leaves(self)
        other = self._other
        if other is not None and other._transport is not None and not self._silent:
            other._transport.close()
