"""Send a tree: name it, learn which of its blobs the host lacks, stream those, go on where a lost line broke it off."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

from floyd_tui.client.ahead import ahead
from floyd_tui.client.progress import Meter, Tell
from floyd_tui.client.protocol import Link
from floyd_tui.errors import HostUnreachable, RunnerProblem, TransferError
from runner.models import BLOB_FRAME, TreeEntry, TreeStatus

# Files below this travel whole and checked, many in one piece; larger ones in pieces of `_PIECE` bytes.
_WHOLE = 1 << 20
_PIECE = 4 << 20
# Measured: larger ones gain nothing on a channel.
_CHUNK = 256 << 10
_MANIFEST_PIECE = 256 << 10
# From this size on, in bytes, a manifest is sent only where the host does not know the tree: a question costs less.
_LARGE_MANIFEST = 64 << 10
# Failures in a row without a byte of progress, and the seconds that a line may stay away.
_TRIES = 5
_PATIENCE = 900.0
_BAD_REQUEST, _NOT_FOUND, _CONFLICT = 400, 404, 409


class Tree(Protocol):
    """What is sent: a folder's entries with their digests, and the manifest made of them."""

    @property
    def root(self) -> Path: ...
    @property
    def entries(self) -> Sequence[TreeEntry]: ...
    @property
    def digest(self) -> str: ...
    @property
    def manifest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to send from byte `start` on."""

    path: Path
    digest: str
    size: int
    start: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the body, the bytes of files in it, and how many files it completes."""

    data: Sequence[bytes]
    payload: int
    files: int


async def upload(link: Link, tree: Tree, progress: Tell | None = None) -> TreeStatus:
    """Send what the host lacks of `tree`; the answer is the complete tree's.

    A line that is lost is waited for, and nothing that has arrived is sent again. Cancelling leaves nothing behind but
    blobs that the next upload need not send. Raises `TransferError` for a file that is not any more what the tree says,
    `HostError` where the host stays away, and `RunnerProblem` (a full disk, say).
    """
    files = {entry.digest: entry for entry in tree.entries if entry.kind == "file"}
    meter = Meter(progress, sum(entry.size for entry in files.values()), len(files))
    status = await _named(link, tree)
    tries = 0
    while status.missing:
        wanted = [
            _Wanted(tree.root / file.path, blob.digest, file.size, blob.have if blob.have < file.size else 0)
            for blob in status.missing
            if (file := files.get(blob.digest))
        ]
        lacking = sum(blob.size - blob.start for blob in wanted)
        meter.set(meter.total_bytes - lacking, meter.total_files - len(wanted))
        before, failure = _standing(status), await _sent(link, wanted, meter)
        status = await _named(link, tree)
        tries = 0 if _standing(status) != before else tries + 1
        if status.missing and tries >= _TRIES:
            raise failure or TransferError("The host does not keep what is sent to it.", "See runner.log there.")
    meter.set(meter.total_bytes, meter.total_files)
    return status


async def lacking(link: Link, tree: Tree) -> TreeStatus:
    """Which blobs of `tree` the host lacks, before any is sent; raises as `upload`."""
    return await _named(link, tree)


def _standing(status: TreeStatus) -> tuple[int, int]:
    """What tells progress from none."""
    return len(status.missing), sum(blob.have for blob in status.missing)


async def _named(link: Link, tree: Tree) -> TreeStatus:
    """Put the manifest, again where the line broke: it is small, and putting it twice does nothing."""
    tries = 1
    while not isinstance(answer := await _put(link, tree), TreeStatus):
        if tries >= _TRIES:
            raise answer
        tries += 1
    return answer


async def _put(link: Link, tree: Tree) -> TreeStatus | HostUnreachable:
    try:
        known = await _known(link, tree) if len(tree.manifest) >= _LARGE_MANIFEST else None
        return known or await link.client.put_tree(tree.digest, _sliced(tree.manifest))
    except HostUnreachable as error:
        await _line_back(link, error)
        return error


async def _known(link: Link, tree: Tree) -> TreeStatus | None:
    try:
        return await link.client.tree_status(tree.digest)
    except RunnerProblem as error:
        if error.status != _NOT_FOUND:
            raise
        return None


async def _sent(link: Link, wanted: Sequence[_Wanted], meter: Meter) -> HostUnreachable | RunnerProblem | None:
    """Send `wanted` in one request; returns what broke it off where going on may help."""
    frames = _frames(wanted, meter)
    size = sum(BLOB_FRAME.size + blob.size - blob.start for blob in wanted)
    try:
        await link.client.send_blobs(frames, size)
    except HostUnreachable as error:
        await _line_back(link, error)
        return error
    except RunnerProblem as error:
        if error.status == _BAD_REQUEST:
            # Bytes that do not fit their digest: of a file that changed, or damaged on the way.
            await asyncio.to_thread(_check_unchanged, wanted)
        elif error.status != _CONFLICT:
            raise
        # Or another upload of the same file went on meanwhile: what is missing now is another question.
        return error
    finally:
        await frames.aclose()
    return None


async def _line_back(link: Link, error: HostUnreachable) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await link.connected()
    except TimeoutError:
        raise error from None


async def _sliced(manifest: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(manifest), _MANIFEST_PIECE):
        yield manifest[start : start + _MANIFEST_PIECE]


async def _frames(wanted: Sequence[_Wanted], meter: Meter) -> AsyncGenerator[bytes, None]:
    async with aclosing(ahead(_pieces(wanted))) as pieces:
        async for piece in pieces:
            for chunk in piece.data:
                yield chunk
            # Asked for the next one: the last one is on its way.
            meter.add(piece.payload, piece.files)


def _pieces(wanted: Sequence[_Wanted]) -> Generator[_Piece, None, None]:
    """Small files first, since many of them make a tree usable soon; then the large ones. Blocks: run in a thread."""
    yield from _gathered(blob for blob in wanted if blob.size < _WHOLE and not blob.start)
    for blob in wanted:
        if blob.size >= _WHOLE or blob.start:
            yield from _large(blob)


def _gathered(small: Iterator[_Wanted]) -> Generator[_Piece, None, None]:
    data: list[bytes] = []
    payload, files = 0, 0
    for blob in small:
        data += (_head(blob), _read_whole(blob))
        payload, files = payload + blob.size, files + 1
        if payload + files * BLOB_FRAME.size >= _CHUNK:
            yield _Piece([b"".join(data)], payload, files)
            data, payload, files = [], 0, 0
    if files:
        yield _Piece([b"".join(data)], payload, files)


def _read_whole(blob: _Wanted) -> bytes:
    try:
        with blob.path.open("rb") as file:
            content = file.read(blob.size + 1)
    except OSError as error:
        raise _unreadable(blob, error) from error
    if hashlib.sha256(content).hexdigest() != blob.digest:
        raise _changed(blob)
    return content


def _large(blob: _Wanted) -> Generator[_Piece, None, None]:
    """The rest of a large file. Whether it still has its digest, the host finds out: see `_check_unchanged`."""
    try:
        with blob.path.open("rb", buffering=0) as file:
            file.seek(blob.start)
            head = [_head(blob)]
            for start in range(blob.start, blob.size, _PIECE):
                end = min(start + _PIECE, blob.size)
                yield _Piece([*head, *_chunks(file, blob, end - start)], end - start, int(end == blob.size))
                head = []
    except OSError as error:
        raise _unreadable(blob, error) from error


def _chunks(file: FileIO, blob: _Wanted, size: int) -> Iterator[bytes]:
    while size:
        chunk = file.read(min(_CHUNK, size))
        if not chunk:
            raise _changed(blob)
        size -= len(chunk)
        yield chunk


def _check_unchanged(wanted: Sequence[_Wanted]) -> None:
    """Raise `TransferError` for a file that is not any more what its digest says. Blocks: call it in a thread."""
    for blob in wanted:
        try:
            with blob.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(blob, error) from error
        if digest != blob.digest:
            raise _changed(blob)


def _head(blob: _Wanted) -> bytes:
    return BLOB_FRAME.pack(bytes.fromhex(blob.digest), 0, blob.size, blob.start, blob.size - blob.start)


def _changed(blob: _Wanted) -> TransferError:
    return TransferError(f"{blob.path} changed while it was being sent.", "Try again when it is no longer written to.")


def _unreadable(blob: _Wanted, error: OSError) -> TransferError:
    return TransferError(f"{blob.path} cannot be read any more: {error.strerror or error}.", "Try again.")
