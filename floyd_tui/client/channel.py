"""One HTTP connection as an SSH channel to a Unix socket of the host (`direct-streamlocal@openssh.com`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import asyncssh
import httpcore
from httpcore import SOCKET_OPTION

# Measured on OpenSSH 9.2: larger writes gain nothing and make a cancel wait longer.
_WRITE_SIZE = 256 * 1024
# httpcore asks for 64 KiB at a time, which makes four turns of what one read of the socket brings.
_READ_SIZE = 256 * 1024


class ChannelBackend(httpcore.AsyncNetworkBackend):
    """Opens channels on one SSH connection."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a channel to the host's socket `path`; raises `httpcore.ConnectError` or `ConnectTimeout`."""
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await self._connection.open_unix_connection(path)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no channel within {timeout} s") from error
        except (asyncssh.Error, OSError) as error:
            raise httpcore.ConnectError(str(error)) from error
        return ChannelStream(reader, writer)

    async def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own attempts."""
        await asyncio.sleep(seconds)


class ChannelStream(httpcore.AsyncNetworkStream):
    """The two directions of a channel, with httpcore's errors."""

    def __init__(self, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most `max_bytes` or 256 KiB, whichever is more; empty at the end."""
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max(max_bytes, _READ_SIZE))
        except TimeoutError as error:
            raise httpcore.ReadTimeout(f"nothing came for {timeout} s") from error
        except (asyncssh.Error, OSError) as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send `buffer`, waiting where the host is slower than this side."""
        view = memoryview(buffer)
        try:
            for start in range(0, len(view), _WRITE_SIZE):
                async with asyncio.timeout(timeout):
                    self._writer.write(view[start : start + _WRITE_SIZE])  # type: ignore[arg-type]  # it makes a copy
                    await self._writer.drain()
        except TimeoutError as error:
            raise httpcore.WriteTimeout(f"nothing could be sent for {timeout} s") from error
        except (asyncssh.Error, OSError) as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close the channel; the host learns it without being waited for."""
        self._writer.close()

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` is how httpcore tells an idle connection that the runner has closed from one it may use."""
        if info == "is_readable":
            return self._reader.at_eof() or self._writer.is_closing()
        return None
