"""Bytes as they are: offset, hexadecimal, and what of it can be read."""

from __future__ import annotations

from collections.abc import Iterator

ROW = 16
_DIM, _END = "\x1b[2m", "\x1b[0m"


def hexdump(data: bytes, offset: int = 0) -> Iterator[str]:
    """Lines like those of ``hexdump -C``, 76 columns wide, with offset and text dimmed by SGR codes."""
    for at in range(0, len(data), ROW):
        row = data[at : at + ROW]
        halves = (row[:8].hex(" "), row[8:].hex(" "))
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)
        yield f"{_DIM}{offset + at:08x}{_END}  {halves[0]:<23}  {halves[1]:<23}  {_DIM}{text}{_END}"
