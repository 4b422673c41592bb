"""Pipes that are channels of an SSH connection, and httpcore's connections as such pipes: one channel for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import asyncssh
import httpcore
from httpcore import SOCKET_OPTION

from floyd_tui.client.lane import Outlet
from floyd_tui.client.pipe import Pipe


class _ChannelPipe(Pipe):
    """A pipe that breaks with an `OSError`, as one does that is a socket."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel has closed, or the connection broken."""
        super().connection_lost(_as_os_error(exc) if isinstance(exc, asyncssh.Error) else exc)


def _as_os_error(error: asyncssh.Error) -> OSError:
    return ConnectionError(str(error))


async def open_channel(connection: asyncssh.SSHClientConnection, path: str) -> Pipe:
    """A channel to the host's socket `path`; raises `OSError`."""
    pipe = _ChannelPipe()
    try:
        # A pipe answers to all that asyncssh calls a session by, and to asyncio's transports as well.
        channel, _ = await connection.create_unix_connection(lambda: pipe, path)  # type: ignore[arg-type, return-value]
    except asyncssh.Error as error:
        raise _as_os_error(error) from error
    Outlet(channel)
    return pipe


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
                return ChannelStream(await open_channel(self._connection, path))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no channel within {timeout} s") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own attempts."""
        await asyncio.sleep(seconds)


class ChannelStream(httpcore.AsyncNetworkStream):
    """The two directions of a channel, with httpcore's errors."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, which may be more than `max_bytes`: h11 takes all there is; empty at the end."""
        try:
            async with asyncio.timeout(timeout):
                return await self._pipe.read()
        except TimeoutError as error:
            raise httpcore.ReadTimeout(f"nothing came for {timeout} s") from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send `buffer`, waiting where the host is slower than this side."""
        try:
            async with asyncio.timeout(timeout):
                await self._pipe.write(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(f"nothing could be sent for {timeout} s") from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close the channel; the host learns it without being waited for."""
        self._pipe.close()

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` is how httpcore tells an idle connection that the runner has closed from one it may use."""
        return self._pipe.closing if info == "is_readable" else None
