"""Bytes to the runner's socket and back: an SSH channel of a host (`direct-streamlocal@openssh.com`), or a socket here.

asyncssh's own streams and asyncio's copy what comes once more, and wake the reader for each packet of 32 KiB. A pipe
hands out what has gathered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

# Measured on OpenSSH 9.2: larger writes gain nothing and make a cancel wait longer.
_WRITE_SIZE = 256 << 10
# Bytes that may wait here for a reader; then the other side waits.
_HELD = 4 << 20

Opener = Callable[[], Awaitable["Pipe"]]
"""Opens a pipe; raises `OSError`."""


class Pipe(asyncio.Protocol):
    """One connection. Reading and writing raise `OSError` where it has broken."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._came: list[bytes] = []
        self._size, self._least = 0, 1
        self._paused = self._ended = self._lost = False
        self._error: Exception | None = None
        self._news, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()

    async def read(self, least: int = 1) -> bytes:
        """All that has come as soon as it is `least` bytes; less only at the end, and nothing behind it."""
        self._least = min(least, _HELD)
        if self._size < self._least and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._came:
            if self._error is not None:
                raise self._error
            return b""
        came, self._came, self._size = self._came, [], 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return came[0] if len(came) == 1 else b"".join(came)

    async def write(self, data: bytes | memoryview) -> None:
        """Send `data`, waiting where the other side is slower than this one."""
        view = memoryview(data)
        for start in range(0, len(view), _WRITE_SIZE):
            if self._lost:
                raise self._error or BrokenPipeError("the other end has closed")
            self._transport.write(view[start : start + _WRITE_SIZE])
            await self._writable.wait()

    @property
    def has_news(self) -> bool:
        """Whether reading would return at once: something has come, or the end."""
        return bool(self._came) or self._ended

    @property
    def closing(self) -> bool:
        """Whether the other side has ended, or this one is about to."""
        return self._ended or self._lost or self._transport.is_closing()

    def close(self) -> None:
        """Let go at once; the other side learns it without being waited for."""
        self._transport.abort()

    # What asyncio's transports and asyncssh's channels call alike.

    def connection_made(self, transport: Any) -> None:
        """It is open."""
        self._transport = transport

    def session_started(self) -> None:
        """Bytes may be sent: nothing to wait for."""

    def data_received(self, data: bytes, datatype: object = None) -> None:
        """Some bytes have come."""
        self._came.append(data)
        self._size += len(data)
        if self._size >= self._least:
            self._news.set()
        if self._size >= _HELD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """No more will come; what is being sent may go on."""
        self._ended = True
        self._news.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """It has closed, or broken: with the reason."""
        self._ended = self._lost = True
        self._error = exc
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        """The other side is slower."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()


class _SocketPipe(Pipe):
    """A pipe that is a socket of this machine: what the other side said last is read though writing has failed."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It has closed, or broken; asyncio has not looked whether an answer lies there, and closes after this."""
        if isinstance(exc, BrokenPipeError | ConnectionResetError):
            self._read_last(self._transport.get_extra_info("socket").fileno())
        super().connection_lost(exc)

    def _read_last(self, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(descriptor, _WRITE_SIZE):
                self._came.append(data)
                self._size += len(data)


async def open_socket(path: str) -> Pipe:
    """A connection to this machine's socket `path`; raises `OSError`."""
    _, pipe = await asyncio.get_running_loop().create_unix_connection(_SocketPipe, path)
    return pipe
