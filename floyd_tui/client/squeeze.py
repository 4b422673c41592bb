"""Compression on the way up: where a sample shows that it pays, in an encoding that the host reads."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from floyd_tui.client.frames import WHOLE, Piece, Wanted, pieces
from runner.models import BLOB_FRAME

# zstd's levels that an upload moves between. Measured on JSON lines: 1.0 and 0.7 GB/s, to a 6th and a 9th; those above
# take twice as long and gain nothing.
_LEVELS = (-2, 1)
_GZIP_LEVEL = 1
# Threads that compress, at most.
_THREADS = 4
# Bytes after which the level is thought over.
_STRETCH = 16 << 20
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
    with _encoder(encoding) as encoder:
        try:
            for piece in plain:
                began = time.monotonic()
                data = encoder.encode(piece.data)
                ended = time.monotonic()
                yield Piece(data, piece.payload, piece.files)
                encoder.pace(piece.payload, ended - began, time.monotonic() - ended)
            yield Piece([encoder.end()], 0, 0)
        finally:
            plain.close()


class _Gzip:
    """One stream (RFC 1952)."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(_GZIP_LEVEL, wbits=31)

    def __enter__(self) -> _Gzip:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def encode(self, chunks: Sequence[bytes]) -> list[bytes]:
        return [out for chunk in chunks if (out := self._deflate.compress(chunk))]

    def end(self) -> bytes:
        return self._deflate.flush()

    def pace(self, payload: int, busy: float, waited: float) -> None:
        pass


class _Zstd:
    """A frame for each chunk, each at the level that goes with the line.

    One behind the other they are a body (RFC 8878, 3.1). They are made an eighth faster than one long frame is, and
    where there are cores for it by several threads.
    """

    def __init__(self) -> None:
        # A thread beside this one gains nothing on two cores, where the connection needs the other.
        threads = min(_THREADS, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(threads) if threads > 1 else None
        self._level = 0
        self._payload, self._busy, self._waited = 0, 0.0, 0.0

    def __enter__(self) -> _Zstd:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown()

    def encode(self, chunks: Sequence[bytes]) -> list[bytes]:
        compress = partial(_zstd, level=_LEVELS[self._level])
        return list(map(compress, chunks) if self._threads is None else self._threads.map(compress, chunks))

    def end(self) -> bytes:
        return b""

    def pace(self, payload: int, busy: float, waited: float) -> None:
        """Compressing `payload` bytes took `busy` seconds, and then it took `waited` until more was asked for."""
        self._payload, self._busy, self._waited = self._payload + payload, self._busy + busy, self._waited + waited
        if self._payload < _STRETCH:
            return
        if self._waited > self._busy:
            self._level = min(self._level + 1, len(_LEVELS) - 1)
        elif self._waited < self._busy / 4:
            self._level = max(self._level - 1, 0)
        self._payload, self._busy, self._waited = 0, 0.0, 0.0


def _zstd(chunk: bytes, level: int) -> bytes:
    import zstandard  # late: the command line starts without it

    return zstandard.ZstdCompressor(level=level).compress(chunk)


def _encoder(encoding: str) -> _Zstd | _Gzip:
    return _Zstd() if encoding == "zstd" else _Gzip()


def _pays(samples: Sequence[bytes], encoding: str) -> bool:
    """Whether `samples` shrink, each by itself: what they share may lie too far apart in what is sent."""
    squeezed = sum(
        len(_zstd(sample, _LEVELS[-1]) if encoding == "zstd" else zlib.compress(sample, _GZIP_LEVEL))
        for sample in samples
    )
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
