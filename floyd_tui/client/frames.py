"""What an upload sends: files as frames of `runner.models.BLOB_FRAME`, in pieces as the line takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from floyd_tui.errors import TransferError
from runner.models import BLOB_FRAME

# Files below this travel whole and checked, many in one piece; larger ones in pieces of `_PIECE` bytes.
WHOLE = 1 << 20
_PIECE = 4 << 20
# Measured: larger ones gain nothing on a channel.
_CHUNK = 256 << 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to send from byte `start` on."""

    path: Path
    digest: str
    size: int
    start: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the body, the bytes of files in it, and how many files it completes."""

    data: Sequence[bytes]
    payload: int
    files: int


def pieces(wanted: Sequence[Wanted]) -> Generator[Piece, None, None]:
    """Small files first, since many of them make a tree usable soon; then the large ones. Blocks: run in a thread."""
    yield from _gathered(blob for blob in wanted if blob.size < WHOLE and not blob.start)
    for blob in wanted:
        if blob.size >= WHOLE or blob.start:
            yield from _large(blob)


def _gathered(small: Iterator[Wanted]) -> Generator[Piece, None, None]:
    data: list[bytes] = []
    payload, files = 0, 0
    for blob in small:
        data += (_head(blob), _read_whole(blob))
        payload, files = payload + blob.size, files + 1
        if payload + files * BLOB_FRAME.size >= _CHUNK:
            yield Piece([b"".join(data)], payload, files)
            data, payload, files = [], 0, 0
    if files:
        yield Piece([b"".join(data)], payload, files)


def _read_whole(blob: Wanted) -> bytes:
    try:
        with blob.path.open("rb") as file:
            content = file.read(blob.size + 1)
    except OSError as error:
        raise _unreadable(blob, error) from error
    if hashlib.sha256(content).hexdigest() != blob.digest:
        raise _changed(blob)
    return content


def _large(blob: Wanted) -> Generator[Piece, None, None]:
    """The rest of a large file. Whether it still has its digest, the host finds out: see `check_unchanged`."""
    try:
        with blob.path.open("rb", buffering=0) as file:
            file.seek(blob.start)
            head = [_head(blob)]
            if blob.start == blob.size:  # all of it is there, and only to be looked at
                yield Piece(head, 0, 1)
            for start in range(blob.start, blob.size, _PIECE):
                end = min(start + _PIECE, blob.size)
                yield Piece([*head, *_chunks(file, blob, end - start)], end - start, int(end == blob.size))
                head = []
    except OSError as error:
        raise _unreadable(blob, error) from error


def _chunks(file: FileIO, blob: Wanted, size: int) -> Iterator[bytes]:
    while size:
        chunk = file.read(min(_CHUNK, size))
        if not chunk:
            raise _changed(blob)
        size -= len(chunk)
        yield chunk


def check_unchanged(wanted: Sequence[Wanted]) -> None:
    """Raise `TransferError` for a file that is not any more what its digest says. Blocks: call it in a thread."""
    for blob in wanted:
        try:
            with blob.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(blob, error) from error
        if digest != blob.digest:
            raise _changed(blob)


def _head(blob: Wanted) -> bytes:
    return BLOB_FRAME.pack(bytes.fromhex(blob.digest), 0, blob.size, blob.start, blob.size - blob.start)


def _changed(blob: Wanted) -> TransferError:
    return TransferError(f"{blob.path} changed while it was being sent.", "Try again when it is no longer written to.")


def _unreadable(blob: Wanted, error: OSError) -> TransferError:
    return TransferError(f"{blob.path} cannot be read any more: {error.strerror or error}.", "Try again.")
