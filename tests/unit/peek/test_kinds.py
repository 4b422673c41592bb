"""What kind a file is, and what is said of one that is no text."""

from __future__ import annotations

import struct

import pytest

from floyd_tui.peek.dump import hexdump
from floyd_tui.peek.kinds import Kind, facts, is_binary, kind_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def npy(header: str) -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 64


@pytest.mark.parametrize(
    ("path", "head", "kind"),
    [
        ("train.py", b"import os\n", Kind.TEXT),
        ("README", "größer".encode(), Kind.TEXT),
        ("BMW.txt", b"BMW is a maker of cars\n", Kind.TEXT),
        ("a.json", b"{}", Kind.JSON),
        ("a.json", b"\x80\x04\0", Kind.BINARY),
        ("a.csv", b"a,b\n", Kind.TABLE),
        ("no-name-says-so", PNG, Kind.IMAGE),
        ("model.pt", b"PK\x03\x04\0\0", Kind.BINARY),
        ("x", bytes(range(128, 256)), Kind.BINARY),
    ],
)
def test_the_kind_is_told_by_bytes_and_name(path: str, head: bytes, kind: Kind) -> None:
    assert kind_of(path, head) is kind


def test_text_with_a_few_foreign_bytes_is_text() -> None:
    assert not is_binary(b"caf\xe9 " + b"plain " * 50)
    assert is_binary(b"text\0")


@pytest.mark.parametrize(
    ("path", "head", "said"),
    [
        ("model.pt", b"PK\x03\x04\0\0", {"type": "PyTorch (ZIP archive)"}),
        ("x", b"\0\1", {"type": "binary data", "size": "1.0 MiB (1,048,576 bytes)"}),
        (
            "a.npy",
            npy("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4)}"),
            {"type": "NumPy array", "shape": "3 x 4", "dtype": "float32", "order": "Fortran"},
        ),
        ("a.npy", npy("{'descr': '<i8', 'fortran_order': False, 'shape': ()}"), {"shape": "a single value"}),
    ],
)
def test_what_a_header_says_is_shown(path: str, head: bytes, said: dict[str, str]) -> None:
    assert dict(facts(path, head, 1 << 20)).items() >= said.items()


@pytest.mark.parametrize(
    "head",
    [
        npy("__import__('os').abort()"),
        npy("{'shape': 3}"),
        npy("[" * 100),
        b"\x93NUMPY\x01\x00\xff\xff(",
    ],
)
def test_a_header_that_lies_does_no_harm(head: bytes) -> None:
    assert [word for word, _ in facts("x", head, 10)][:2] == ["type", "size"]


def test_bytes_are_shown_as_hexdump_does() -> None:
    (first, second) = hexdump(b"NUMPY \x00\xff" + b"0123456789", 0x40)
    assert "00000040" in first
    assert "4e 55 4d 50 59 20 00 ff  30 31 32 33 34 35 36 37" in first
    assert "NUMPY ··01234567" in first
    assert "00000050" in second
    assert "38 39 " in second
