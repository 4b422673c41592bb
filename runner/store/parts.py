"""Large blobs while they arrive: parts in files of their own, which wait for an upload that goes on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.errors import Conflict, NotFound
from runner.store.appended import Appended
from runner.store.blobs import BlobStore, park
from runner.store.writeback import Writeback

# Below this a blob is kept in memory until it is whole, and sent again from its beginning if the line breaks.
KEEP_FROM = 1 << 20
# Seconds that the end of a request is waited for, whose client has gone: what is on its way is still written down.
_PATIENCE, _PAUSE = 1.0, 0.01


class Part(Appended):
    """The file of a large blob while it arrives: nobody else's until it is parked or finished.

    Raises `Conflict` where what waits is less than `start` bytes. Its methods block: call them in a thread.
    """

    def __init__(self, blobs: BlobStore, owner: str, digest: str, start: int) -> None:
        self.digest = digest
        self._states = blobs.states
        self._place = blobs.partial_folder(owner) / digest
        self._path = blobs.arriving(owner, digest)
        if start:
            self._claim(blobs.have(owner, digest), start)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Only where there is more: a file once cut to nothing is flushed by ext4 when it is closed.
        if os.fstat(file).st_size > start:
            os.truncate(file, start)
        super().__init__(file, self._states.of(file))
        self._writeback = Writeback(file, self.position)

    def write(self, piece: memoryview) -> None:
        """Append the next bytes."""
        self.append(piece)
        self._writeback.written(self.position)

    def finish(self) -> Path | None:
        """Close the whole file; its path, or None, and no file left, where the digest does not fit."""
        os.fchmod(self._file, 0o444)
        os.close(self._file)
        if self.sha256 == self.digest:
            return self._path
        self._path.unlink()
        return None

    def park(self) -> None:
        """Close the file and keep it for an upload that goes on, if that saves anything."""
        if self.position < KEEP_FROM:
            self._path.unlink()
        else:
            self._states.keep(self._file, self._hash)
            park(self._path, self._place)
        os.close(self._file)

    def _claim(self, have: int, start: int) -> None:
        try:
            if have >= start:
                self._place.rename(self._path)
                return
        except FileNotFoundError:
            pass
        raise Conflict(
            f"{have} bytes of blob {self.digest[:12]} are here, not {start}.", "Ask which blobs are missing."
        )


async def settled(blobs: BlobStore, owner: str, digest: str) -> None:
    """Wait until no upload is at the blob any more; raises `Conflict` where that takes longer than a moment."""
    await blobs.uploads.give_up_silent(owner)
    until = time.monotonic() + _PATIENCE
    while await asyncio.to_thread(blobs.is_arriving, owner, digest):
        if time.monotonic() > until:
            raise Conflict(f"An upload is still at blob {digest[:12]}.", "Ask again in a moment.")
        await asyncio.sleep(_PAUSE)


def name_part(blobs: BlobStore, owner: str, part: str, digest: str) -> int:
    """Let what waits as `part`, sent before its digest was known, be the beginning of the blob `digest`.

    Returns how many bytes of that are here. Raises `NotFound` where nothing waits. Blocks.
    """
    folder = blobs.partial_folder(owner)
    with _waiting():
        park(folder / part, folder / digest)
    return blobs.have(owner, digest)


def drop_part(blobs: BlobStore, owner: str, part: str) -> None:
    """Let go of what waits as `part`; raises `NotFound` as `name_part`. Blocks."""
    with _waiting():
        (blobs.partial_folder(owner) / part).unlink()


@contextmanager
def _waiting() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("No such part waits here.", "Send the blob from its beginning.") from error
