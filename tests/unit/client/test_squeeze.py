"""What an upload compresses: what a sample says pays, and only as the host can read it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from floyd_tui.client.frames import Wanted, pieces
from floyd_tui.client.squeeze import bodies, squeezed, worth_asking
from runner.decoding import decoder

TEXT = "".join(json.dumps({"step": step, "loss": 1 / (step + 1)}) + "\n" for step in range(60_000)).encode()


def wanted(folder: Path, **files: bytes) -> list[Wanted]:
    made = []
    for name, data in files.items():
        (folder / name).write_bytes(data)
        made.append(Wanted(folder / name, hashlib.sha256(data).hexdigest(), len(data), 0))
    return made


def names(folder: Path, encodings: tuple[str, ...], files: list[Wanted]) -> list[tuple[list[str], str]]:
    return [([blob.path.name for blob in body.wanted], body.encoding) for body in bodies(files, encodings)]


def test_text_is_compressed_and_noise_is_not(tmp_path: Path) -> None:
    files = wanted(tmp_path, log=TEXT, weights=os.urandom(2 << 20), note=TEXT[:3000])
    assert names(tmp_path, ("zstd", "gzip"), files) == [(["log", "note"], "zstd"), (["weights"], "")]
    assert names(tmp_path, ("br", "gzip"), files) == [(["log", "note"], "gzip"), (["weights"], "")]


def test_noise_that_comes_again_far_behind_is_noise(tmp_path: Path) -> None:
    files = wanted(tmp_path, weights=os.urandom(1 << 20) * 8)
    assert names(tmp_path, ("zstd",), files) == [(["weights"], "")]


@pytest.mark.parametrize("encodings", [(), ("br",)])
def test_a_host_that_reads_nothing_we_write_is_sent_it_plain(tmp_path: Path, encodings: tuple[str, ...]) -> None:
    files = wanted(tmp_path, log=TEXT)
    (body,) = bodies(files, encodings)
    assert (body.wanted, body.encoding) == (files, "")
    assert body.size == sum(len(chunk) for piece in pieces(files) for chunk in piece.data)


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_the_host_reads_what_would_have_gone_plain(tmp_path: Path, encoding: str) -> None:
    files = wanted(tmp_path, log=TEXT, note=b"short", empty=b"")
    plain = b"".join(chunk for piece in pieces(files) for chunk in piece.data)
    made = list(squeezed(pieces(files), encoding))
    body = b"".join(chunk for piece in made for chunk in piece.data)
    assert len(body) < len(plain) / 2
    assert sum(piece.payload for piece in made) == len(TEXT) + 5
    assert sum(piece.files for piece in made) == 3
    reads = decoder(encoding)
    assert b"".join(bytes(part) for part in reads.feed(body)) == plain
    reads.check_end()


def test_a_file_that_vanished_is_left_to_the_sending_to_tell(tmp_path: Path) -> None:
    files = wanted(tmp_path, log=TEXT)
    files[0].path.unlink()
    assert [body.encoding for body in bodies(files, ("zstd",))] == [""]


def test_little_is_not_worth_a_question(tmp_path: Path) -> None:
    assert not worth_asking(wanted(tmp_path, note=b"short"))
    assert worth_asking(wanted(tmp_path, log=TEXT))


@pytest.mark.parametrize("cores", [1, 8])
def test_a_line_that_is_slow_is_sent_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    now = 0.0
    monkeypatch.setattr("floyd_tui.client.squeeze.os.cpu_count", lambda: cores)
    monkeypatch.setattr("floyd_tui.client.squeeze.time.monotonic", lambda: now)
    files = wanted(tmp_path, log=TEXT * 14)
    made = squeezed(pieces(files), "zstd")
    sizes = []
    for piece in made:
        if piece.payload == 4 << 20:
            sizes.append(sum(map(len, piece.data)))
        now += 1.0  # between two pieces; compressing takes no time on this clock
    assert sizes[-1] < 0.8 * sizes[0]
    assert sizes[0] == pytest.approx(sizes[3], rel=0.1)
