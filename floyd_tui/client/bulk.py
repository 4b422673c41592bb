"""Requests whose bodies are large, up or down, over a pipe each.

httpx, httpcore and h11 take as long for a gigabyte as SSH does. Here h11 reads and writes the heads alone, and bodies
pass by: what is sent goes into the pipe as it is, and what comes is handed out in pieces of a MiB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import h11
import httpx

from floyd_tui.client.pipe import Opener, Pipe

T = TypeVar("T")
BULK_URL = "http://bulk"
"""The host part of a URL that is to travel this way."""
_PIECE = 1 << 20


class BulkTransport(httpx.AsyncBaseTransport):
    """Sends each request over a pipe of its own, which the runner closes after its answer.

    An answer must tell its length.
    """

    def __init__(self, opener: Opener) -> None:
        self._open = opener

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpx's transport errors."""
        exchange = _Exchange(request, await self._pipe(request))
        try:
            await exchange.send()
            return await exchange.response()
        except BaseException:
            exchange.pipe.close()
            raise

    async def _pipe(self, request: httpx.Request) -> Pipe:
        with _as_httpx(request, httpx.ConnectError):
            return await _within(request, "connect", self._open())


class _Exchange:
    """One request and its answer."""

    def __init__(self, request: httpx.Request, pipe: Pipe) -> None:
        self.request, self.pipe = request, pipe
        self._heads = h11.Connection(h11.CLIENT)

    async def send(self) -> None:
        """Send the head and the body; less of it where the runner answers before the end, with a refusal."""
        self.request.headers["Connection"] = "close"
        target, headers = self.request.url.raw_path, self.request.headers.raw
        assert isinstance(self.request.stream, AsyncIterable)
        try:
            await self._write(h11.Request(method=self.request.method, target=target, headers=headers))
            async for data in self.request.stream:
                await self._write(h11.Data(data=data))
                if self.pipe.has_news:
                    return
            await self._write(h11.EndOfMessage())
        except httpx.WriteError:
            if not self.pipe.has_news:
                raise

    async def _write(self, event: h11.Event) -> None:
        with _as_httpx(self.request, httpx.WriteError):
            for part in self._heads.send_with_data_passthrough(event) or ():
                await _within(self.request, "write", self.pipe.write(part))

    async def response(self) -> httpx.Response:
        """The answer, with its body still to come."""
        with _as_httpx(self.request, httpx.ReadError):
            head = await self._head()
        length = dict(head.headers).get(b"content-length")
        if length is None:
            raise httpx.RemoteProtocolError("an answer without its length", request=self.request)
        first, _ = self._heads.trailing_data
        headers = [(bytes(name), bytes(value)) for name, value in head.headers]
        body = _Body(self.request, self.pipe, bytes(first), int(length))
        return httpx.Response(head.status_code, headers=headers, stream=body)

    async def _head(self) -> h11.Response:
        while not isinstance(event := self._heads.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                data = await _within(self.request, "read", self.pipe.read())
                if not data:
                    raise httpx.ReadError("the runner closed the connection without an answer", request=self.request)
                self._heads.receive_data(data)
        return event


class _Body(httpx.AsyncByteStream):
    def __init__(self, request: httpx.Request, pipe: Pipe, first: bytes, length: int) -> None:
        self._request, self._pipe, self._first, self._left = request, pipe, first, length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        data, self._first = self._first, b""
        while True:
            self._left -= len(data)
            if data:
                yield data
            if self._left <= 0:
                return
            with _as_httpx(self._request, httpx.ReadError):
                data = await _within(self._request, "read", self._pipe.read(min(_PIECE, self._left)))
            if not data:
                raise httpx.RemoteProtocolError(f"{self._left} bytes of the answer are missing", request=self._request)

    async def aclose(self) -> None:
        self._pipe.close()


async def _within(request: httpx.Request, what: str, work: Awaitable[T]) -> T:
    """`work`, in the time that the request allows for it; raises httpx's timeout of that kind."""
    seconds = request.extensions.get("timeout", {}).get(what)
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        kind = {"connect": httpx.ConnectTimeout, "write": httpx.WriteTimeout}.get(what, httpx.ReadTimeout)
        raise kind(f"nothing moved for {seconds} s", request=request) from error


@contextmanager
def _as_httpx(request: httpx.Request, kind: type[httpx.TransportError]) -> Iterator[None]:
    try:
        yield
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
    except OSError as error:
        raise kind(str(error), request=request) from error
