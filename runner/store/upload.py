"""Receiving blobs: frames of `POST /v1/blobs` turned into verified files.

A frame carries a whole blob or a part of one. Small blobs are gathered in memory and written in batches; a large one
goes to a file of its own at once, which stays for a later request to go on with when the line breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import BadRequest, RunnerError
from runner.models import BLOB_FRAME
from runner.store.blobs import BlobStore
from runner.store.disk import full_disk_told
from runner.store.parts import KEEP_FROM, Part

if TYPE_CHECKING:
    from runner.decoding import Decoder
    from runner.rawbody import RawBody

_BATCH_FILES = 5000
_BATCH_BYTES = 64 << 20
_HOP_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """The head of one frame: a part of the blob `digest`, from byte `start` on, `length` bytes long."""

    digest: str
    size: int
    start: int
    length: int

    @classmethod
    def read(cls, head: bytes) -> Frame:
        """Read the head of a frame; raises `BadRequest` if it cannot be one."""
        digest, flags, size, start, length = BLOB_FRAME.unpack(head)
        if flags or start + length > size:
            raise BadRequest("The blobs are not framed as the runner reads them.", "Use a floyd-tui of this version.")
        return cls(digest.hex(), size, start, length)

    @property
    def in_memory(self) -> bool:
        """Whether this frame is a whole, small blob."""
        return self.start == 0 and self.length == self.size < KEEP_FROM


async def receive(blobs: BlobStore, owner: str, chunks: AsyncIterable[bytes], decoder: Decoder | None = None) -> int:
    """Store the blobs framed in `chunks` for `owner`, as `decoder` reads them; returns how many became complete.

    Raises `BadRequest` naming blobs whose bytes do not have their digest (the others are stored), or for a broken
    frame; `Conflict` for a part that does not go on where the runner's ends; `NoSpace`. What arrived whole before an
    error or a broken line is stored, and of a large blob the beginning.
    """
    receiver = Receiver(blobs, owner, decoder)
    batch = _Batch()
    hop = asyncio.ensure_future(_nothing())
    stored = 0
    incoming = blobs.uploads.begin(owner)
    try:
        async for chunk in incoming.listened(chunks):
            batch.add(chunk)
            if batch.size >= _HOP_BYTES:
                # While a thread works on one batch, the next one is read from the socket.
                stored += await hop
                hop = asyncio.ensure_future(_step(receiver, batch.take()))
        stored += await hop
        stored += await _step(receiver, batch.take())
        receiver.check_end()
    except asyncio.CancelledError:
        raise incoming.end_of() from None
    finally:
        closing = asyncio.ensure_future(_close(receiver, hop, batch.take()))
        closing.add_done_callback(lambda _: incoming.ended.set())
        stored += await asyncio.shield(closing)
    receiver.check_names()
    return stored


async def receive_raw(blobs: BlobStore, owner: str, body: RawBody) -> int:
    """The same for a body that a thread reads from its socket."""
    receiver = Receiver(blobs, owner)
    stored, more = 0, True
    hop = asyncio.ensure_future(asyncio.to_thread(bool))
    incoming = blobs.uploads.begin(owner)
    try:
        while more:
            hop = asyncio.ensure_future(asyncio.to_thread(body.pour, receiver.take))
            # Shielded: the thread is told to stop, and its end awaited, below.
            more = await asyncio.shield(hop)
            stored += await _grant(receiver)
            with incoming.listening():
                more = more and await body.more()
        receiver.check_end()
    except asyncio.CancelledError:
        raise incoming.end_of() from None
    finally:
        body.stop()
        closing = asyncio.ensure_future(_close(receiver, hop, []))
        closing.add_done_callback(lambda _: incoming.ended.set())
        stored += await asyncio.shield(closing)
    receiver.check_names()
    return stored


async def _nothing() -> int:
    return 0


async def _step(receiver: Receiver, batch: list[bytes]) -> int:
    await asyncio.to_thread(receiver.feed, batch)
    return await _grant(receiver)


async def _close(receiver: Receiver, hop: asyncio.Future[Any], rest: list[bytes]) -> int:
    """Keep what has arrived, `rest` too where the line broke before it was a batch."""
    await asyncio.wait((hop,))
    if not hop.cancelled() and hop.exception() is None:
        with contextlib.suppress(RunnerError):
            await asyncio.to_thread(receiver.feed, rest)
    await asyncio.to_thread(receiver.close)
    return await _grant(receiver)


async def _grant(receiver: Receiver) -> int:
    done = receiver.take_done()
    await receiver.blobs.grant(receiver.owner, done)
    receiver.claim.drop(done)
    return len(done)


class Receiver:
    """The state of one upload. Its methods block: they run in a thread.

    One at a time: a request that is cut off leaves its thread running, and the upload is closed while it does.
    """

    def __init__(self, blobs: BlobStore, owner: str, decoder: Decoder | None = None) -> None:
        self._decoder = decoder
        self.bad: list[str] = []
        self.done: dict[str, int] = {}
        self.blobs, self.owner = blobs, owner
        self.claim = blobs.claims.open()
        self._lock = threading.Lock()
        self._head = bytearray()
        self._frame: Frame | None = None
        self._left = 0
        self._memory = bytearray()
        self._part: Part | None = None
        self._batch: dict[str, Path] = {}
        self._batch_sizes: dict[str, int] = {}
        self._batch_bytes = 0

    def feed(self, chunks: list[bytes]) -> None:
        """Take in the next bytes of the request; raises `BadRequest`, `Conflict` or `NoSpace`."""
        for chunk in chunks:
            for piece in self._decoder.feed(chunk) if self._decoder else (memoryview(chunk),):
                self.take(piece)

    def take(self, data: memoryview) -> None:
        """The same for one piece, which is the caller's again afterwards."""
        with self._lock, full_disk_told(self.blobs.partials):
            self._feed(data)

    def check_end(self) -> None:
        """Raise `BadRequest` if the request ended inside a frame."""
        if self._decoder:
            self._decoder.check_end()
        if self._frame is not None or self._head:
            raise BadRequest("The upload ended in the middle of a blob.", "Send it again: what has arrived is kept.")

    def check_names(self) -> None:
        """Raise `BadRequest` if a blob's bytes did not have its digest."""
        if self.bad:
            names = ", ".join(digest[:12] for digest in self.bad[:5])
            raise BadRequest(f"{len(self.bad)} of the blobs did not arrive as named: {names}.", "Send them again.")

    def close(self) -> None:
        """Make what is whole durable, and keep a large part for an upload that goes on."""
        with self._lock:
            if self._part is not None:
                self._part.park()
                self._part = None
            self._flush()

    def take_done(self) -> dict[str, int]:
        """Blobs that became complete and durable since the last call, with their sizes in bytes."""
        done, self.done = self.done, {}
        return done

    def _feed(self, data: memoryview) -> None:
        while data or (self._frame is not None and not self._left):
            if self._frame is None:
                wanted = BLOB_FRAME.size - len(self._head)
                self._head += data[:wanted]
                data = data[wanted:]
                if len(self._head) == BLOB_FRAME.size:
                    self._begin(Frame.read(bytes(self._head)))
                    self._head.clear()
                continue
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            if self._part is None:
                self._memory += piece
            else:
                self._part.write(piece)
            if not self._left:
                self._end(self._frame)

    def _begin(self, frame: Frame) -> None:
        part = self._part
        if part is not None and (frame.digest != part.digest or frame.start != part.position):
            part.park()
            part = None
        if part is None and not frame.in_memory:
            self.blobs.room.require(frame.size - frame.start)
            part = Part(self.blobs, self.owner, frame.digest, frame.start)
        self._part, self._frame, self._left = part, frame, frame.length

    def _end(self, frame: Frame) -> None:
        self._frame = None
        if self._part is None:
            self._end_small(frame)
        elif self._part.position == frame.size:
            path = self._part.finish()
            self._part = None
            self._add(frame, path)

    def _end_small(self, frame: Frame) -> None:
        if hashlib.sha256(self._memory).hexdigest() != frame.digest:
            self.bad.append(frame.digest)
        elif frame.digest not in self._batch:
            if not self._batch:
                # Others may have filled the disk since their trees were put.
                self.blobs.room.require(frame.size)
            path = self.blobs.arriving(self.owner, frame.digest)
            _write_new(path, self._memory)
            self._add(frame, path)
        self._memory.clear()

    def _add(self, frame: Frame, path: Path | None) -> None:
        if path is None:
            self.bad.append(frame.digest)
            return
        self._batch[frame.digest] = path
        self._batch_sizes[frame.digest] = frame.size
        self._batch_bytes += frame.size
        if len(self._batch) >= _BATCH_FILES or self._batch_bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            batch, sizes = self._batch, self._batch_sizes
            self._batch, self._batch_sizes, self._batch_bytes = {}, {}, 0
            self.blobs.install(batch, self.claim)
            self.done |= sizes


def _write_new(path: Path, data: bytearray) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        os.fchmod(descriptor, 0o444)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


class _Batch:
    """Chunks gathered to about a MiB, so that small ones do not cost a hop to the thread each."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Put one more in."""
        self._chunks.append(chunk)
        self.size += len(chunk)

    def take(self) -> list[bytes]:
        """All of them, leaving none."""
        chunks, self._chunks, self.size = self._chunks, [], 0
        return chunks
