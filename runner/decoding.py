"""Content encodings of an upload: what a client may compress with, and its bytes as they were.

zstd is the system's own libzstd, which dpkg, rpm and systemd need, so that nearly every Linux has it: the runner itself
stays pure Python. gzip every Python has. Sources: RFC 8878 and RFC 1952, and zstd.h of libzstd 1.4, whose functions and
numbers have not changed since.
"""

from __future__ import annotations

import ctypes
import weakref
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any, Protocol

from runner.errors import BadRequest, UnknownEncoding

# Bytes that come out at a time, however far they were squeezed: nobody can fill the memory with a few of them.
_PIECE = 1 << 20
# Windows larger than 2 to this power are refused: they are held in memory, and level 1 needs 19.
_WINDOW_LOG_MAX, _WINDOW_LOG = 100, 23


class Decoder(Protocol):
    """Takes one body apart. Its methods block, and raise `BadRequest` for what is not of its encoding."""

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """What `data` stands for, in pieces that are good until the next one."""
        ...

    def check_end(self) -> None:
        """Raise unless the body is whole."""
        ...


def encodings() -> tuple[str, ...]:
    """What this host reads, the best one first."""
    return ("zstd", "gzip") if _libzstd() is not None else ("gzip",)


def decoder(encoding: str) -> Decoder:
    """One for a body of this ``Content-Encoding``; raises `UnknownEncoding`."""
    if encoding == "zstd" and (library := _libzstd()) is not None:
        return _Zstd(library)
    if encoding == "gzip":
        return _Gzip()
    raise UnknownEncoding(f"The runner does not read {encoding!r}.", f"It reads {', '.join(encodings())}.")


@cache
def _libzstd() -> Any | None:
    try:
        library = ctypes.CDLL("libzstd.so.1")
        library.ZSTD_createDCtx.restype = ctypes.c_void_p
        for name in ("ZSTD_freeDCtx", "ZSTD_DCtx_setParameter", "ZSTD_decompressStream", "ZSTD_isError"):
            getattr(library, name).restype = ctypes.c_size_t
    except (OSError, AttributeError):
        return None
    return library


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which are alike."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t))


class _Zstd:
    def __init__(self, library: Any) -> None:
        self._library = library
        self._context = ctypes.c_void_p(library.ZSTD_createDCtx())
        if not self._context:
            raise MemoryError("no room for a zstd context")
        weakref.finalize(self, library.ZSTD_freeDCtx, self._context)
        library.ZSTD_DCtx_setParameter(self._context, _WINDOW_LOG_MAX, _WINDOW_LOG)
        self._piece = bytearray(_PIECE)
        address = (ctypes.c_char * _PIECE).from_buffer(self._piece)
        self._out = _Buffer(ctypes.addressof(address), _PIECE, 0)
        self._whole = True

    def feed(self, data: bytes) -> Iterator[memoryview]:
        came = _Buffer(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data), 0)
        more = bool(data)
        while more:
            self._out.pos = 0
            left = self._library.ZSTD_decompressStream(self._context, ctypes.byref(self._out), ctypes.byref(came))
            if self._library.ZSTD_isError(ctypes.c_size_t(left)):
                raise _broken("zstd")
            self._whole = left == 0
            # A full piece may not have been all; asked once more behind its end, a frame would seem to have begun.
            more = came.pos < came.size or (self._out.pos == _PIECE and not self._whole)
            if self._out.pos:
                yield memoryview(self._piece)[: self._out.pos]

    def check_end(self) -> None:
        if not self._whole:
            raise _broken("zstd")


class _Gzip:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[memoryview]:
        self._begun = self._begun or bool(data)
        try:
            while data:
                if self._inflate.eof:
                    raise _broken("gzip")
                yield memoryview(self._inflate.decompress(data, _PIECE))
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
        except zlib.error as error:
            raise _broken("gzip") from error

    def check_end(self) -> None:
        if self._begun and not self._inflate.eof:
            raise _broken("gzip")


def _broken(encoding: str) -> BadRequest:
    return BadRequest(f"The body is not whole {encoding}.", "Send it again.")
