"""Compressed uploads taken apart: whatever the cuts, never more than a piece at a time, and refused where broken."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from runner.decoding import decoder, encodings
from runner.errors import BadRequest, UnknownEncoding

PIECE = 1 << 20
SQUEEZE: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstandard.ZstdCompressor(level=1).compress,
    "gzip": gzip.compress,
}
both = pytest.mark.parametrize("encoding", SQUEEZE)


def read(encoding: str, parts: Iterable[bytes]) -> bytes:
    reads, out = decoder(encoding), bytearray()
    for part in parts:
        for piece in reads.feed(part):
            assert len(piece) <= PIECE
            out += piece
    reads.check_end()
    return bytes(out)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_this_host_reads_both() -> None:
    assert encodings() == ("zstd", "gzip")


@both
@given(data=st.binary(max_size=5000).map(lambda some: some * 7), size=st.integers(1, 4000))
def test_the_bytes_come_back_however_they_are_cut(encoding: str, data: bytes, size: int) -> None:
    assert read(encoding, cut(SQUEEZE[encoding](data), size)) == data


@both
@pytest.mark.parametrize("length", [0, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_body_may_end_where_a_piece_does(encoding: str, length: int) -> None:
    data = os.urandom(length)
    assert read(encoding, cut(SQUEEZE[encoding](data), 70_000)) == data
    assert read(encoding, [SQUEEZE[encoding](bytes(length))]) == bytes(length)


def test_several_zstd_frames_are_one_body() -> None:
    assert read("zstd", [SQUEEZE["zstd"](b"one") + SQUEEZE["zstd"](b"two")]) == b"onetwo"


@both
def test_a_bomb_comes_out_piece_by_piece(encoding: str) -> None:
    bomb = SQUEEZE[encoding](bytes(64 << 20))
    assert len(bomb) < 128 << 10
    assert sum(len(piece) for piece in decoder(encoding).feed(bomb)) == 64 << 20


@both
def test_what_is_cut_short_or_damaged_is_refused(encoding: str) -> None:
    squeezed = SQUEEZE[encoding](os.urandom(5000))
    with pytest.raises(BadRequest):
        read(encoding, [squeezed[:-1]])
    with pytest.raises(BadRequest):
        read(encoding, [b"not compressed at all"])
    with pytest.raises(BadRequest):
        read(encoding, [squeezed, b"and more"])


def test_a_window_that_would_fill_the_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    wide = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(BadRequest):
        read("zstd", [wide.compress(os.urandom(1 << 20)) + wide.flush()])


def test_another_encoding_is_named_with_those_that_are_read() -> None:
    with pytest.raises(UnknownEncoding, match="'br'") as refused:
        decoder("br")
    assert refused.value.hint == "It reads zstd, gzip."
