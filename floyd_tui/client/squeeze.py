"""Compression on the way up: where a sample shows that it pays, in an encoding that the host reads."""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple, Protocol

from floyd_tui.client.frames import WHOLE, Piece, Wanted, pieces
from runner.models import BLOB_FRAME

# Level 1 of both: a higher one is slower than most lines.
_LEVEL = 1
# What is left of a sample where compressing it pays. gzip takes five times as long, so it has to save more.
_PAYS = {"zstd": 0.8, "gzip": 0.5}
# Bytes below which asking what the host reads costs more than it saves.
_WORTH = 64 << 10
# Bytes that one place of a file and one small file give to the sample, and how many small files do.
_TASTE, _SMALL_TASTE, _TASTED = 64 << 10, 8 << 10, 32
_PLACES = 3


class Body(NamedTuple):
    """What one request carries: `encoding` is empty where it goes as it is."""

    wanted: Sequence[Wanted]
    encoding: str = ""

    @property
    def size(self) -> int | None:
        """Its length in bytes; None where compression makes it unknown."""
        return None if self.encoding else sum(BLOB_FRAME.size + blob.size - blob.start for blob in self.wanted)

    def pieces(self) -> Generator[Piece, None, None]:
        """The body itself, compressed where it is to be. Blocks: run in a thread."""
        plain = pieces(self.wanted)
        return squeezed(plain, self.encoding) if self.encoding else plain


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def worth_asking(wanted: Sequence[Wanted]) -> bool:
    """Whether there is so much to send that compressing it may save time."""
    return sum(blob.size - blob.start for blob in wanted) >= _WORTH


def bodies(wanted: Sequence[Wanted], encodings: Sequence[str]) -> list[Body]:
    """The requests that carry `wanted` to a host that reads `encodings`. Reads samples: run in a thread."""
    encoding = next((name for name in encodings if name in _PAYS), "")
    if not encoding:
        return [Body(wanted)]
    small = [blob for blob in wanted if blob.size < WHOLE]
    squeezable = set(small) if _pays(_small_sample(small), encoding) else set()
    squeezable |= {blob for blob in wanted if blob.size >= WHOLE and _pays(_samples(blob), encoding)}
    halves = (
        Body([blob for blob in wanted if blob in squeezable], encoding),
        Body([blob for blob in wanted if blob not in squeezable]),
    )
    return [body for body in halves if body.wanted]


def squeezed(plain: Generator[Piece, None, None], encoding: str) -> Generator[Piece, None, None]:
    """The pieces of `plain` as one compressed body. Blocks: run in a thread."""
    compressor = _compressor(encoding)
    try:
        for piece in plain:
            data = [out for chunk in piece.data if (out := compressor.compress(chunk))]
            yield Piece(data, piece.payload, piece.files)
        yield Piece([compressor.flush()], 0, 0)
    finally:
        plain.close()


def _compressor(encoding: str) -> _Compressor:
    if encoding == "gzip":
        return zlib.compressobj(_LEVEL, wbits=31)
    import zstandard  # late: the command line starts without it

    cores = os.cpu_count() or 1
    # A thread beside this one gains nothing on two cores, where the connection needs the other.
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=min(4, cores // 2) if cores > 2 else 0)
    return compressor.compressobj()


def _pays(samples: Sequence[bytes], encoding: str) -> bool:
    """Whether `samples` shrink, each by itself: what they share may lie too far apart in what is sent."""
    squeezed = 0
    for sample in samples:
        compressor = _compressor(encoding)
        squeezed += len(compressor.compress(sample) + compressor.flush())
    return squeezed < sum(map(len, samples)) * _PAYS[encoding]


def _small_sample(small: Sequence[Wanted]) -> list[bytes]:
    """The beginnings of some small files, as one sample: they travel one behind the other."""
    step = max(1, len(small) // _TASTED)
    return [b"".join(content for blob in small[::step] for content in _read(blob, [0], _SMALL_TASTE))]


def _samples(blob: Wanted) -> list[bytes]:
    step = (blob.size - blob.start) // (_PLACES + 1)
    return list(_read(blob, [blob.start + step * place for place in range(1, _PLACES + 1)], _TASTE))


def _read(blob: Wanted, places: Sequence[int], size: int) -> Iterator[bytes]:
    try:
        with blob.path.open("rb", buffering=0) as file:
            for place in places:
                file.seek(place)
                yield file.read(size)
    except OSError:
        return  # sending it will say what is the matter
