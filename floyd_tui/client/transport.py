"""httpx over whatever carries bytes to the runner's socket: the socket itself here, an SSH channel for a host."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager

import httpcore
import httpx

# Idle connections are kept for a while: opening an SSH channel costs a round trip.
_IDLE_CONNECTIONS = 8
_IDLE_SECONDS = 60.0
# A connection that carries a followed log is busy for hours, so the limit is only a guard against leaks.
_MAX_CONNECTIONS = 64


def socket_pool(path: str) -> httpcore.AsyncConnectionPool:
    """Connections to a Unix socket of this machine."""
    return _pool(path, None)


def channel_pool(path: str, backend: httpcore.AsyncNetworkBackend) -> httpcore.AsyncConnectionPool:
    """Connections to a Unix socket that `backend` knows how to reach."""
    return _pool(path, backend)


def _pool(path: str, backend: httpcore.AsyncNetworkBackend | None) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        uds=path,
        network_backend=backend,
        max_connections=_MAX_CONNECTIONS,
        max_keepalive_connections=_IDLE_CONNECTIONS,
        keepalive_expiry=_IDLE_SECONDS,
    )


class PoolTransport(httpx.AsyncBaseTransport):
    """An httpcore pool as httpx wants it. httpx's own wrapper takes no network backend."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; httpcore's exceptions become httpx's."""
        with _as_httpx(request):
            response = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(str(request.url)),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        assert isinstance(response.stream, AsyncIterable)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(request, response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        with _as_httpx(None):
            await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, request: httpx.Request, response: httpcore.Response) -> None:
        self._request, self._response = request, response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        with _as_httpx(self._request):
            await self._response.aclose()


@contextmanager
def _as_httpx(request: httpx.Request | None) -> Iterator[None]:
    """httpx names its transport errors as httpcore does; anything else of httpcore's is a transport error too."""
    try:
        yield
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error), request=request) from error
