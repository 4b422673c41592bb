"""What comes piece by piece and outlives a broken line: logs, events, gauges, files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import TypeVar

import httpx

from floyd_tui.client.ahead import closing
from floyd_tui.client.backoff import Backoff
from floyd_tui.client.protocol import LogChunk
from floyd_tui.client.requests import QUICK, Request, Requester
from floyd_tui.errors import RunnerProblem
from runner.models import LOG_DATA, LOG_END, LOG_HEADER, LOG_TIME, LOG_TIMES, FsckStep, GcStep, LogEnd

T = TypeVar("T")
S = TypeVar("S", bound="GcStep | FsckStep")

# The runner sends a sign of life every 15 s; three missed ones mean that nothing comes any more.
_SILENCE = 50.0
LIVE = httpx.Timeout(_SILENCE, connect=QUICK.connect, write=QUICK.write, pool=None)
# A frame is written from one read of the log; a longer one is not a frame.
_MAX_FRAME = 64 * 1024 * 1024
# Failures in a row on a connection that is live: then it is not the line that is at fault.
_GIVE_UP = 8
_PARTIAL, _BEYOND = 206, 416


class FrameReader:
    """Takes a followed log apart, however its bytes are cut on the way."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that are complete with `data`: kind and payload. Raises `httpx.RemoteProtocolError`."""
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= LOG_HEADER.size:
                kind, length = LOG_HEADER.unpack_from(self._buffer, start)
                if length > _MAX_FRAME:
                    raise httpx.RemoteProtocolError(f"a log frame of {length} bytes")
                end = start + LOG_HEADER.size + length
                if len(self._buffer) < end:
                    break
                payload = bytes(memoryview(self._buffer)[start + LOG_HEADER.size : end])
                start = end
                yield kind, payload
        finally:
            del self._buffer[:start]


async def read_log(requester: Requester, job: str, offset: int, follow: bool) -> AsyncIterator[LogChunk]:
    """A job's log from `offset` on, every byte once: after a lost line it goes on at the byte where it broke off."""
    backoff = Backoff()
    while True:
        http = await requester.road.http()
        request = Request("GET", "/v1/job/logs", {"name": job, "offset": offset, "follow": int(follow)}, timeout=LIVE)
        try:
            async with requester.stream(http, request) as response:
                offset = int(response.headers.get("X-Log-Offset", max(offset, 0)))
                chunks = _framed(requester, response, offset) if follow else _plain(response, offset)
                async with aclosing(chunks):
                    async for chunk in chunks:
                        backoff.reset()
                        offset = chunk.offset + len(chunk.data)
                        yield chunk
                        if chunk.end is not None:
                            return
            if not follow:
                return
        except httpx.TransportError as error:
            await _mend(requester, http, backoff, error, request)
        else:
            # The runner closed a followed log without its end: it is going down, or being replaced.
            await _mend(requester, http, backoff, httpx.RemoteProtocolError("no end"), request)


async def _plain(response: httpx.Response, offset: int) -> AsyncGenerator[LogChunk, None]:
    async for data in response.aiter_raw():
        yield LogChunk(offset, data)
        offset += len(data)


async def _framed(requester: Requester, response: httpx.Response, offset: int) -> AsyncGenerator[LogChunk, None]:
    frames = FrameReader()
    async for data in response.aiter_raw():
        for kind, payload in frames.feed(data):
            if kind == LOG_DATA:
                yield LogChunk(offset, payload)
                offset += len(payload)
            elif kind == LOG_TIMES:
                whole = len(payload) - len(payload) % LOG_TIME.size
                yield LogChunk(offset, times=tuple(LOG_TIME.iter_unpack(payload[:whole])))
            elif kind == LOG_END:
                yield LogChunk(offset, end=requester.read(payload, LogEnd))


async def read_lines(requester: Requester, request: Request, kind: type[T]) -> AsyncIterator[T]:
    """Objects as JSON lines, without end; a lost line is taken up again with what comes then."""
    backoff = Backoff()
    while True:
        http = await requester.road.http()
        try:
            async with requester.stream(http, request) as response:
                async for line in response.aiter_lines():
                    backoff.reset()
                    if line.strip():
                        yield requester.read(line, kind)
            error: httpx.TransportError = httpx.RemoteProtocolError("the runner ended the stream")
        except httpx.TransportError as broken:
            error = broken
        await _mend(requester, http, backoff, error, request)


async def last_step(requester: Requester, request: Request, kind: type[S], tell: Callable[[S], None] | None) -> S:
    """The last step of long work on the host, which has its report; `tell` hears each. Raises the step's problem.

    A lost line is taken up again, so `request` must name the work by a key.
    """
    async with closing(read_lines(requester, request, kind)) as steps:
        async for step in steps:
            if step.problem is not None:
                raise RunnerProblem(step.problem)
            if step.report is not None:
                return step
            if tell is not None:
                tell(step)
    raise AssertionError("the stream goes on until its last step")


async def read_bytes(
    requester: Requester, request: Callable[[int], Request], offset: int, resume: bool = True
) -> AsyncIterator[bytes]:
    """A body from byte `offset` on; where `resume`, a lost line is taken up at the byte where it broke off."""
    backoff, first = Backoff(), offset
    while True:
        http, asked = await requester.road.http(), request(offset)
        try:
            async with requester.stream(http, asked) as response:
                if offset and resume and response.status_code != _PARTIAL:
                    raise requester.strange("sent a file from its beginning where a part was asked for")
                async for data in response.aiter_raw():
                    backoff.reset()
                    offset += len(data)
                    yield data
            return
        except RunnerProblem as problem:
            # The line broke behind the last byte, or the job cut the file short meanwhile: there is no more of it.
            if problem.status == _BEYOND and offset > first:
                return
            raise
        except httpx.TransportError as error:
            if not resume:
                await requester.road.broken(http)
                raise requester.failure(error, asked) from error
            await _mend(requester, http, backoff, error, asked)


async def _mend(
    requester: Requester, http: httpx.AsyncClient, backoff: Backoff, error: httpx.TransportError, request: Request
) -> None:
    """Wait for the road to be whole again; raises where it will not be, or where it breaks again and again."""
    await requester.road.broken(http)
    await requester.road.connected()
    if backoff.failures >= _GIVE_UP:
        raise requester.failure(error, request) from error
    await asyncio.sleep(backoff.next())
