"""Listing and reading files of outputs, code snapshots and dataset versions; of a running job's home too."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from runner.api.common import caller, flag, problem, query, reply_long, required, runner_of
from runner.errors import BadRequest, NotFound, RunnerError
from runner.models import CONTENT_DIGEST, check_path
from runner.rawanswer import RawAnswer
from runner.service import Runner
from runner.sources import Source
from runner.still import NotStill, check_still, stamp
from runner.store.damage import lost_file
from runner.store.walk import open_file

_BYTES = "application/octet-stream"
_CHUNK = 1 << 20
# From this size on, in bytes, an answer is worth a connection of its own.
_LARGE = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def files(request: Request) -> Response:
    """What a folder of a source holds, folders first; with ``recursive=1`` all that lies below it.

    304 where that is what ``If-None-Match`` names: who asks again and again is sent the list only when it differs.
    """
    runner = runner_of(request)
    source = await runner.sources.resolve(required(request, "source"), caller(request))
    found = await asyncio.to_thread(runner.listings.files, source, _path(request), flag(request, "recursive"))
    answer = await reply_long(found)
    etag = f'"{answer.headers[CONTENT_DIGEST]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    answer.headers["ETag"] = etag
    return answer


async def content(request: Request) -> Response:
    """One file's bytes; a part of them with ``Range``, one version's alone with ``If-Match``."""
    runner = runner_of(request)
    source = await runner.sources.resolve(required(request, "source"), caller(request))
    opened = await asyncio.to_thread(_open, runner, source, _path(request))
    try:
        return _answer(request, opened)
    except RunnerError as error:
        os.close(opened.descriptor)
        answer = problem(error)
        answer.headers["Content-Range"] = f"bytes */{opened.size}"
        return answer


@dataclass(frozen=True, slots=True)
class _Opened:
    """An open file; `version` stands for its content: its digest, or the stamp of a running job's file (`live`)."""

    descriptor: int
    size: int
    version: str
    path: str
    live: bool = False


class RangeNotSatisfiable(RunnerError):
    """A range that begins beyond the file's end."""

    status, code, title = 416, "range", "Not that far"


def _path(request: Request) -> str:
    path = query(request).get("path", "").strip("/")
    if path:
        check_path(path)
    return path


def _open(runner: Runner, source: Source, path: str) -> _Opened:
    if source.home is not None:
        return _open_live(source, f"{source.path}/{path}".strip("/"))
    entry = runner.listings.entry(source, path)
    if entry.kind != "file":
        what = "a folder" if entry.kind == "dir" else f"a link to {entry.target}"
        raise BadRequest(f"{entry.path or 'The root'} of {source.name} is {what}.", "Ask for a file.")
    try:
        descriptor = os.open(runner.blobs.path(entry.digest), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise lost_file(entry.path, source.name) from error
    if os.fstat(descriptor).st_size != entry.size:
        os.close(descriptor)
        raise lost_file(entry.path, source.name)
    return _Opened(descriptor, entry.size, entry.digest, entry.path)


def _open_live(source: Source, path: str) -> _Opened:
    assert source.home is not None
    try:
        descriptor = open_file(source.home, path)
    except OSError as error:
        raise NotFound(
            f"There is no file {path!r} in {source.name} that can be read now.", "List its files again: it still runs."
        ) from error
    found = os.fstat(descriptor)
    return _Opened(descriptor, found.st_size, stamp(found), path, live=True)


def _answer(request: Request, opened: _Opened) -> Response:
    only = request.headers.get("if-match")
    if only is not None:
        if only != f'"{opened.version}"':
            raise NotStill(f"{opened.path} is not what it was when it was listed.", "List the files again.")
        if opened.live:
            check_still(opened.descriptor, opened.path)
    start, end, status, headers = asked_range(request, opened.size, opened.version)
    headers["Content-Length"] = str(end - start)
    if not opened.live and end - start >= _LARGE and request.headers.get("connection") == "close":
        return _BlobAnswer(opened.descriptor, start, end, status, headers)
    chunks = _read(opened.descriptor, start, end, opened.version if only and opened.live else "")
    return _FileAnswer(opened.descriptor, chunks, status, headers)


def asked_range(request: Request, size: int, digest: str = "") -> tuple[int, int, int, dict[str, str]]:
    """What a request wants of `size` bytes: the first one, the one after the last, the status, and headers that say so.

    Raises `BadRequest`, or `RangeNotSatisfiable`.
    """
    etag = f'"{digest}"' if digest else ""
    headers = {"Accept-Ranges": "bytes", **({"ETag": etag} if etag else {})}
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return 0, size, 200, headers
    start, end = _range(wanted, size)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return start, end, 206, headers


def _range(text: str, size: int) -> tuple[int, int]:
    """The first byte and the one after the last of a ``Range`` header."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[0] == "bytes=-":
        raise BadRequest(f"The range {text!r} is not one the runner reads.", "Write bytes=FIRST- or bytes=FIRST-LAST.")
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise RangeNotSatisfiable(f"The file has {size} bytes: nothing lies at {text!r}.", "You may have all of it.")
    return start, end


class _FileAnswer(StreamingResponse):
    """A streamed answer that closes its file, also where the client left before the first byte."""

    def __init__(self, descriptor: int, chunks: AsyncIterator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__(chunks, status, headers, _BYTES)
        self._descriptor = descriptor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)


class _BlobAnswer(Response):
    """Bytes of a file that nobody changes, on a connection that closes after them: a thread can send those."""

    def __init__(self, descriptor: int, start: int, end: int, status: int, headers: dict[str, str]) -> None:
        super().__init__(None, status, headers, _BYTES)
        self._descriptor, self._start, self._end = descriptor, start, end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        give: Callable[[], RawAnswer | None] = scope["state"]["give_body"]
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if answer := give():
                await answer.send(self._descriptor, self._start, self._end)
                return
            async for chunk in _read(self._descriptor, self._start, self._end):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            os.close(self._descriptor)


async def _read(descriptor: int, start: int, end: int, only: str = "") -> AsyncIterator[bytes]:
    """The bytes from `start` to `end`, of the version `only` where one is named."""
    while start < end:
        chunk = await asyncio.to_thread(os.pread, descriptor, min(_CHUNK, end - start), start)
        if not chunk or (only and stamp(os.fstat(descriptor)) != only):
            return  # The job has changed the file meanwhile; the missing length tells the client.
        start += len(chunk)
        yield chunk


routes = [Route("/v1/files", files), Route("/v1/content", content)]
