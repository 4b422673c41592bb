"""Manifests: canonical, and hostile ones refused."""

import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.models import (
    EMPTY_TREE,
    BadManifest,
    BadMessage,
    FileInfo,
    TreeEntry,
    decode,
    encode,
    manifest_of,
    parse_manifest,
)

DIGEST = hashlib.sha256(b"x").hexdigest()
PART = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda part: part not in (".", "..")
)
# Any bytes that Linux allows in a name, as Python gives them.
BYTES_PART = (
    st.binary(min_size=1, max_size=8)
    .filter(lambda b: b"/" not in b and b"\0" not in b and b not in (b".", b".."))
    .map(lambda b: b.decode("utf-8", "surrogateescape"))
)
PATHS = st.lists(PART | BYTES_PART, min_size=1, max_size=4).map("/".join)


def tree(paths: list[str]) -> list[TreeEntry]:
    """Entries for those of `paths` that can be together: none below another."""
    kept: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(path == other or path.startswith(other + "/") for other in kept):
            kept.append(path)
    return [TreeEntry(path, "file", 1, DIGEST, executable=bool(i % 2)) for i, path in enumerate(kept)]


@given(st.lists(PATHS, max_size=20))
def test_what_is_written_is_read(paths: list[str]) -> None:
    entries = tree(paths)
    digest, text = manifest_of(entries)
    assert text.isascii()
    read = list(parse_manifest(text.splitlines(keepends=True)))
    assert sorted(read, key=lambda e: e.path) == sorted(entries, key=lambda e: e.path)
    assert manifest_of(reversed(read))[0] == digest


def test_the_empty_tree_has_a_name() -> None:
    assert manifest_of([]) == (EMPTY_TREE, b"")


def line(*row: object) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    "lines",
    [
        [line("f", "../x", 1, DIGEST)],
        [line("f", "/x", 1, DIGEST)],
        [line("f", "a//x", 1, DIGEST)],
        [line("f", "./x", 1, DIGEST)],
        [line("f", "a\0b", 1, DIGEST)],
        [line("f", "", 1, DIGEST)],
        [line("f", "x", -1, DIGEST)],
        [line("f", "x", True, DIGEST)],
        [line("f", "x", 1 << 64, DIGEST)],
        [line("f", "\ud800", 1, DIGEST)],
        [line("l", "x", "\ud800")],
        [b"[" * 100_000 + b"\n"],
        [line("f", "x", 1, DIGEST.upper())],
        [line("f", "x", 1, DIGEST[:-1])],
        [line("l", "x", "")],
        [line("d", "x", "y")],
        [line("q", "x")],
        [b"{}\n"],
        [b"[]\n"],
        [b"nonsense\n"],
        [b"\xff\n"],
        [line("f", "x", 1, DIGEST).replace(b",", b", ")],
        [line("f", "b", 1, DIGEST), line("f", "a", 1, DIGEST)],
        [line("f", "a", 1, DIGEST), line("f", "a", 1, DIGEST)],
        [line("f", "a", 1, DIGEST), line("f", "a/b", 1, DIGEST)],
        [line("f", "a", 1, DIGEST), line("f", "a-b", 1, DIGEST), line("f", "a/b", 1, DIGEST)],
        [line("l", "a", "/etc"), line("f", "a/passwd", 1, DIGEST)],
    ],
)
def test_hostile_manifests_are_refused(lines: list[bytes]) -> None:
    with pytest.raises(BadManifest):
        list(parse_manifest(lines))


def test_a_list_of_very_many_is_written_and_read_in_slabs_as_it_is_in_one() -> None:
    files = [FileInfo(f"{at:06}\udcff", "file", at, digest=DIGEST) for at in range(9_500)]
    text = encode(files)
    assert json.loads(text) == [json.loads(encode(file)) for file in files]
    assert decode(text, list[FileInfo]) == files
    assert decode(json.dumps(json.loads(text), indent=1), list[FileInfo]) == files


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + b"]", lambda text: text[1:]])
def test_a_long_list_that_is_none_is_refused(change: Callable[[bytes], bytes]) -> None:
    text = encode([FileInfo("x" * 200, "file", digest=DIGEST)] * 5_000)
    with pytest.raises(BadMessage):
        decode(change(text), list[FileInfo])


def test_what_does_not_fit_in_a_long_list_is_named() -> None:
    text = encode([FileInfo("x" * 200, "file", digest=DIGEST)] * 5_000)
    with pytest.raises(BadMessage, match="path"):
        decode(text[:-1] + b',{"path":1,"kind":"file"}]', list[FileInfo])
