"""Many small files in one answer: a request each would cost more than their bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from runner.api.bodies import body
from runner.api.common import caller, required, runner_of
from runner.api.files import asked_range
from runner.errors import BadRequest, TooLarge
from runner.models import BLOB_FRAME, TreeEntry, check_path
from runner.service import Runner
from runner.sources import Source
from runner.store.damage import lost_file

_PIECE = 256 << 10
# Larger files are better asked for one by one: each of these is held in memory while it is sent.
_LARGEST = 4 << 20


async def contents(request: Request) -> Response:
    """The files of a source at the paths in the body, each in a frame, in that order; ``Range`` is honoured."""
    runner = runner_of(request)
    source = await runner.sources.resolve(required(request, "source"), caller(request))
    paths = await body(request, list[str])
    framed = await asyncio.to_thread(_framed, runner, source, paths)
    start, end, status, headers = asked_range(request, sum(len(file.head) + file.size for file in framed))
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(_sent(framed, start, end), status, headers, "application/octet-stream")


@dataclass(frozen=True, slots=True)
class _Framed:
    """A file to send: the head of its frame, where it lies, and its size in bytes."""

    head: bytes
    path: Path
    size: int


def _framed(runner: Runner, source: Source, paths: list[str]) -> list[_Framed]:
    source.require_tree()
    for path in filter(None, paths):
        check_path(path)
    return [_frame(runner, source, entry) for entry in runner.listings.entries(source, paths)]


def _frame(runner: Runner, source: Source, entry: TreeEntry) -> _Framed:
    if entry.kind != "file":
        raise BadRequest(f"{entry.path!r} in {source.name} is not a file.", "Ask for files.")
    if entry.size > _LARGEST:
        raise TooLarge(f"{entry.path!r} in {source.name} is no small file.", "Ask for its content alone.")
    head = BLOB_FRAME.pack(bytes.fromhex(entry.digest), 0, entry.size, 0, entry.size)
    blob = runner.blobs.path(entry.digest)
    try:
        whole = os.stat(blob).st_size == entry.size
    except FileNotFoundError:
        whole = False
    if not whole:
        raise lost_file(entry.path, source.name)
    return _Framed(head, blob, entry.size)


async def _sent(framed: list[_Framed], start: int, end: int) -> AsyncIterator[bytes]:
    pieces = _pieces(framed, start)
    left = end - start
    while left and (piece := await asyncio.to_thread(next, pieces, b"")):
        yield piece[:left]
        left -= len(piece[:left])


def _pieces(framed: list[_Framed], start: int) -> Iterator[bytes]:
    """The frames from byte `start` on, gathered to pieces. Blocks: run in a thread."""
    gathered: list[bytes] = []
    size = 0
    for file in framed:
        length = len(file.head) + file.size
        if start >= length:
            start -= length
            continue
        gathered.append((file.head + file.path.read_bytes())[start:])
        size += length - start
        start = 0
        if size >= _PIECE:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)


routes = [Route("/v1/contents", contents, methods=["POST"])]
