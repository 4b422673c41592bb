"""Manifests checked many lines at a time: all that is told of them is what line by line is told."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.models import BadManifest, TreeEntry, checked_lines, file_line, manifest_of
from runner.store import bulkcheck
from runner.store.bulkcheck import checked_outline
from runner.store.manifests import Outline, outline

DIGESTS = [letter * 64 for letter in "0aF"]
# Few characters, so that paths come close to each other and to what is refused.
PATHS = st.text(st.sampled_from('ab-./0 "\\é\n'), min_size=1, max_size=7)
LINES = st.builds(file_line, PATHS, st.integers(0, 2), st.sampled_from(DIGESTS), st.booleans())
ODD = st.sampled_from(
    [b'["d","a"]\n', b'["l","a","b"]\n', b'["f","a",01,"%b"]\n' % (b"0" * 64), b"\n", b"\xff\n", b"a"]
)


def judged(text: bytes) -> Outline | str:
    """What the slow way says."""
    try:
        return outline(checked_lines(io.BytesIO(text)))
    except (BadManifest, ValueError) as error:
        return str(error)


def told(text: bytes) -> Outline | str:
    """What the quick one does."""
    try:
        return checked_outline(text)
    except (BadManifest, ValueError) as error:
        return str(error)


@given(st.lists(LINES | ODD, max_size=8), st.booleans(), st.integers(1, 200))
@example(
    [file_line("a", 1, "0" * 64, False), file_line("a-b", 1, "0" * 64, True), file_line("a/b", 1, "0" * 64, True)],
    True,
    1,
)
@example([file_line("a", 1, "0" * 64, False), file_line("b", 2, "0" * 64, False)], True, 1)
def test_it_is_the_judgement_of_each_line(lines: list[bytes], in_order: bool, piece: int) -> None:
    text = b"".join(sorted(set(lines)) if in_order else lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulkcheck, "_SLICE", piece)
        assert told(text) == judged(text)


def test_one_byte_that_is_another_is_seen() -> None:
    entries = [TreeEntry(f"{n % 3}/{n}.bin", "file", n, os.urandom(32).hex()) for n in range(20)]
    _, text = manifest_of(entries)
    assert told(text) == judged(text) == Outline(20, sum(range(20)), {entry.digest: entry.size for entry in entries})
    for place in range(len(text)):
        for byte in b'\n"\\/.0a\xc3\x00':
            other = text[:place] + bytes([byte]) + text[place + 1 :]
            assert told(other) == judged(other), other


def test_plain_files_do_not_take_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkcheck, "checked_lines", None)
    _, text = manifest_of(TreeEntry(f"{n % 50}/.{n}", "file", 4, f"{n:064x}") for n in range(1000))
    assert checked_outline(text).files == 1000
