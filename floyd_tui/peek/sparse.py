"""A file on a host of which only some ranges are here: parsers read it as any other, and say what they lack."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import TypeVar, cast

from floyd_tui.client.protocol import Client
from floyd_tui.errors import FloydError
from floyd_tui.peek.parts import read
from floyd_tui.sizes import human_size
from runner.models import FileInfo

# What is asked for at once at least, and what one look may cost: a list of contents is no more than that.
BLOCK, MOST_BYTES, MOST_REQUESTS = 64 << 10, 12 << 20, 8
Found = TypeVar("Found")


class Unreadable(FloydError):
    title = "Not what its name says"


class Missing(Exception):
    """A parser came to bytes that are not here; never leaves this module."""

    def __init__(self, start: int, length: int) -> None:
        super().__init__(start, length)
        self.start, self.length = start, length


class SparseFile(io.RawIOBase):
    """A file of `size` bytes; `add` gives it ranges, and reading others raises `Missing`."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._ranges: list[tuple[int, bytes]] = []
        self._at = 0

    def add(self, start: int, data: bytes) -> None:
        """These bytes are here from now on."""
        self._ranges.append((start, data))

    @property
    def spent(self) -> bool:
        """Whether no more should be asked for than what a parser cannot do without."""
        return len(self._ranges) >= MOST_REQUESTS - 1

    def readable(self) -> bool:
        """It is read."""
        return True

    def seekable(self) -> bool:
        """Anywhere."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on elsewhere; raises `ValueError` for a place before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}")
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end. Raises `Missing`."""
        left = max(0, self.size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        for start, data in self._ranges:
            if start <= self._at and self._at + length <= start + len(data):
                found = data[self._at - start : self._at - start + length]
                self._at += length
                return found
        if length:
            raise Missing(self._at, length)
        return b""

    def range(self, start: int, length: int) -> bytes:
        """The bytes of a range, asked for at once; raises `Missing`."""
        self.seek(start)
        return self.read(length)


async def parsed(
    client: Client, source: str, file: FileInfo, head: bytes, parse: Callable[[SparseFile], Found]
) -> Found:
    """What `parse` makes of a file of which `head` is known, fetching what it lacks. It runs in a thread, over and
    over, until nothing is missing any more.

    Raises `Unreadable` where that would be too much, what `parse` raises, or as `Client.content`.
    """
    sparse = SparseFile(file.size)
    sparse.add(0, head)
    cost = 0
    for _ in range(MOST_REQUESTS):
        found, missing = await asyncio.to_thread(_tried, parse, sparse)
        if missing is None:
            return cast("Found", found)
        length = min(max(BLOCK, missing.length), file.size - missing.start)
        cost += length
        if cost > MOST_BYTES:
            raise Unreadable(f"what it says of itself takes {human_size(missing.length)}")
        data = await read(client, source, file.path, missing.start, length)
        if len(data) < length:
            raise Unreadable("it is shorter than the host said: it may be written just now")
        sparse.add(missing.start, data)
    raise Unreadable("what it says of itself lies in too many places")


def _tried(parse: Callable[[SparseFile], Found], file: SparseFile) -> tuple[Found | None, Missing | None]:
    try:
        return parse(file), None
    except Missing as missing:
        return None, missing
