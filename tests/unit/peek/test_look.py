"""A look into files of any size: parts of whole lines, and never more of a file than is shown."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from floyd_tui.client.fake import FakeClient, FakeFile, FakeHost, FakeLinks
from floyd_tui.peek.kinds import Kind
from floyd_tui.peek.look import Look, look
from floyd_tui.peek.parts import PART, read_part
from floyd_tui.peek.pictures import NoPicture, decode

SOURCE = "ada/projects/digits/6/output"


class Counting(FakeClient):
    """Counts the bytes that travel."""

    def __init__(self, host: FakeHost) -> None:
        super().__init__(host)
        self.sent = 0

    async def content(self, *args: object, **more: object) -> AsyncIterator[bytes]:
        async for piece in super().content(*args, **more):  # type: ignore[arg-type]
            self.sent += len(piece)
            yield piece


async def looked(client: Counting, file: FakeFile, start: int = 0, before: Look | None = None) -> Look:
    client.host.sources[SOURCE] = [file]
    (info,) = await client.files(SOURCE)
    return await look(client, SOURCE, info, start, before)


@pytest.fixture
def client() -> Counting:
    return Counting(FakeLinks.demo()["gauss"].host)


def png(width: int = 40, height: int = 30, mode: str = "RGB") -> bytes:
    data = io.BytesIO()
    Image.new(mode, (width, height)).save(data, "PNG")
    return data.getvalue()


async def test_parts_are_whole_lines_and_come_one_after_another(client: Counting) -> None:
    lines = [b"line %d of it\n" % number for number in range(60_000)]
    file = FakeFile("big.txt", b"".join(lines))
    seen, now = b"", await looked(client, file)
    while True:
        assert now.part.start == len(seen)
        assert now.part.data.endswith(b"\n")
        seen += now.part.data
        if now.part.last:
            break
        now = await looked(client, file, now.part.end, now)
    assert seen == file.text
    tail = await looked(client, file, len(seen) - PART, now)
    assert tail.part.last
    assert tail.part.data.startswith(b"line ")


async def test_a_line_longer_than_a_part_is_cut(client: Counting) -> None:
    now = await looked(client, FakeFile("one-line.txt", b"x" * (3 * PART)))
    assert (now.part.start, now.part.end) == (0, PART)
    now = await looked(client, FakeFile("one-line.txt", b"x" * (3 * PART)), PART, now)
    assert (now.part.start, now.part.end) == (PART, 2 * PART)


@pytest.mark.parametrize("name", ["huge.csv", "huge.json", "huge.png", "huge.txt", "huge.bin"])
async def test_of_a_huge_file_only_what_is_shown_travels(client: Counting, name: str) -> None:
    begins = {"huge.png": png(), "huge.csv": b"a,b\n"}.get(name, b"[1, 2,\n")
    text = b"" if name == "huge.bin" else begins + b"1,2,3\n" * 10_000_000
    now = await looked(client, FakeFile(name, text, 60_000_000))
    assert now.part.size >= 60_000_000
    assert client.sent < 3 * PART
    assert now.trouble == ("too large to show; fetch it" if name == "huge.png" else "")


async def test_json_is_a_value_and_what_is_not_is_text(client: Counting) -> None:
    value = {"lr": 0.05, "on": True, "to": ["x"]}
    now = await looked(client, FakeFile("a.json", json.dumps(value).encode()))
    assert (now.kind, now.value) == (Kind.JSON, value)
    for broken in (b'{"broken', b"[" * 100_000):
        now = await looked(client, FakeFile("a.json", broken))
        assert now.kind is Kind.TEXT
        assert "not JSON" in now.trouble


async def test_a_picture_is_decoded_and_a_damaged_one_said_so(client: Counting) -> None:
    now = await looked(client, FakeFile("a.png", png()))
    assert now.picture is not None
    assert now.picture.words == "PNG, 40 x 30, RGB"
    now = await looked(client, FakeFile("a.png", png()[:60]))
    assert (now.kind, now.picture) == (Kind.BINARY, None)
    assert "damaged" in now.trouble
    assert dict(now.facts)["type"] == "PNG image"


def test_a_picture_fits_its_cells_whatever_its_shape_and_mode() -> None:
    for width, height, mode in ((400, 3, "RGB"), (3, 400, "L"), (8, 8, "1"), (30, 30, "I;16"), (30, 30, "RGBA")):
        cells = decode(png(width, height, mode)).in_cells(60, 20, "#0e1116")
        assert cells._segments is not None
        rows = "".join(segment.text for segment in cells._segments.segments).split("\n")[:-1]
        assert 1 <= len(rows) <= 20
        assert 1 <= max(map(len, rows)) <= 60


def test_a_picture_of_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floyd_tui.peek.pictures.MOST_PIXELS", 100)
    with pytest.raises(NoPicture, match="too many"):
        decode(png())


async def test_without_lines_a_part_is_exact(client: Counting) -> None:
    client.host.sources[SOURCE] = [FakeFile("x", b"0123456789")]
    part = await read_part(client, SOURCE, "x", 10, 3, 4, lines=False)
    assert (part.data, part.first, part.last) == (b"3456", False, False)
