"""Reading a file on a host part by part, each of whole lines: to look into one of 10 GB costs what a small one does."""

from __future__ import annotations

from dataclasses import dataclass

from floyd_tui.client.ahead import closing
from floyd_tui.client.protocol import Client

PART = 256 << 10


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a file from `start` on; `size` is that of the whole file, as far as it is known."""

    start: int
    data: bytes
    size: int

    @property
    def end(self) -> int:
        """The byte after the last one."""
        return self.start + len(self.data)

    @property
    def first(self) -> bool:
        """Whether it begins the file."""
        return self.start == 0

    @property
    def last(self) -> bool:
        """Whether it ends the file."""
        return self.end >= self.size

    @property
    def text(self) -> str:
        """What it says."""
        return self.data.decode("utf-8", "replace")


async def read(client: Client, source: str, path: str, start: int, length: int) -> bytes:
    """The bytes of a file from `start` on, at most `length`; fewer where it ends. Raises as `Client.content`."""
    data = bytearray()
    if length > 0:
        async with closing(client.content(source, path, start, length=length)) as pieces:
            async for piece in pieces:
                data += piece
    return bytes(data[:length])


async def read_part(
    client: Client, source: str, path: str, size: int, start: int = 0, length: int = PART, lines: bool = True
) -> Part:
    """A part of a file of `size` bytes; with `lines` it begins and ends where a line does, if there is one."""
    before = 1 if lines and start else 0
    wanted = min(length + before, max(0, size - start + before))
    data = await read(client, source, path, start - before, wanted)
    if lines:
        return _whole_lines(start - before, data, size, bool(before))
    return Part(start, data, size)


def _whole_lines(start: int, data: bytes, size: int, cut: bool) -> Part:
    skip = data.find(b"\n") + 1 if cut else 0
    end = len(data) if start + len(data) >= size else data.rfind(b"\n") + 1
    if end <= skip:  # one line longer than the part
        return Part(start + cut, data[cut:], size)
    return Part(start + skip, data[skip:end], size)


def whole_rows(part: Part) -> Part:
    """`part` up to where a row of a table ends: a quoted cell may hold line ends, so quotes must be even."""
    data = part.data
    while not part.last and data.count(b'"') % 2 and (cut := data.rfind(b"\n", 0, -1)) >= 0:
        data = data[: cut + 1]
    return Part(part.start, data, part.size)
