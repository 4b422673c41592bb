"""Many small files of a download, fetched by one request and written by one thread at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from floyd_tui.client.ahead import closing, to_the_end
from floyd_tui.client.part_file import PartFile
from floyd_tui.client.progress import Meter
from floyd_tui.client.protocol import Client
from runner.models import BLOB_FRAME

# Files from this size on, in bytes, travel alone.
SMALL = 1 << 20
# A bunch must leave others to the connections beside it, and its paths must fit into a request.
_FILES, _BYTES, _PATHS = 500, 4 << 20, 64 << 10
_HOP = 512 << 10


def bunches(files: Iterable[PartFile]) -> Iterator[list[PartFile]]:
    """`files` as they are to be fetched: small ones that do not change together, any other alone."""
    bunch: list[PartFile] = []
    size = paths = 0
    for file in files:
        if not file.info.digest or file.info.size >= SMALL:
            yield [file]
            continue
        bunch.append(file)
        size, paths = size + file.info.size, paths + len(file.info.path)
        if len(bunch) >= _FILES or size >= _BYTES or paths >= _PATHS:
            yield bunch
            bunch, size, paths = [], 0, 0
    if bunch:
        yield bunch


async def fetch_bunch(client: Client, source: str, files: Sequence[PartFile], meter: Meter) -> list[PartFile]:
    """Fetch and store `files`; returns those that did not arrive as promised, of which nothing is left here."""
    frames = _Frames(files)
    async with closing(client.contents(source, [file.info.path for file in files])) as parts:
        async for data in parts:
            frames.buffer += data
            if len(frames.buffer) >= _HOP:
                _count(await to_the_end(frames.store), meter)
            if frames.seen == len(files):
                break
    _count(await to_the_end(frames.store), meter)
    return [*frames.bad, *files[frames.seen :]]


def _count(stored: Sequence[PartFile], meter: Meter) -> None:
    meter.add(sum(file.info.size for file in stored), len(stored))


class _Frames:
    """Takes the answer apart; `seen` files of it are done with, and those in `bad` were not what was promised."""

    def __init__(self, files: Sequence[PartFile]) -> None:
        self.buffer = bytearray()
        self.bad: list[PartFile] = []
        self.seen = 0
        self._files = files

    def store(self) -> list[PartFile]:
        """Store the files that are whole in the buffer. Blocks: call it in a thread; raises `TransferError`."""
        start, stored = 0, []
        data = bytes(self.buffer)
        while self.seen < len(self._files):
            file = self._files[self.seen]
            begin = start + BLOB_FRAME.size
            end = begin + file.info.size
            if end > len(data):
                break
            # The digest tells whether this was a frame of this file.
            if file.store(data[begin:end]):
                stored.append(file)
            else:
                self.bad.append(file)
            self.seen, start = self.seen + 1, end
        del self.buffer[:start]
        return stored
