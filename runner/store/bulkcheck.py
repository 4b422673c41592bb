"""Manifests from outside, checked many lines at a time: most have nothing but files with plain names.

What is accepted here is what `checked_lines` accepts, in a quarter of the time, since the loops run within the regular
expression and the built-in functions. Where there is anything else, a link or an error say, that one is the judge.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import chain
from operator import lt, ne

from runner.models import checked_lines
from runner.store.manifests import MAX_NAME, Outline, outline

# A line as in `runner.models.manifest`, but for what its parts are made of, which is looked at for all at once.
_FILES = re.compile(r'^\["[fx]","([^"]+)",(0|[1-9][0-9]{0,17}),"([^"]{64})"\]\n', re.MULTILINE).findall
_HEX = b"0123456789abcdef"
# What is written as it is: printable ASCII.
_WRITTEN = bytes(set(range(ord(" "), ord("~") + 1)) - set(b'"\\'))
# Bytes of the text looked at in one go: of a million files not all lines are in memory as strings at once.
_SLICE = 1 << 20


def checked_outline(text: bytes) -> Outline:
    """What the tree of a manifest from outside holds; raises `BadManifest` as `checked_lines` and `outline` do."""
    return _plain(text) or outline(checked_lines(io.BytesIO(text)))


def _plain(text: bytes) -> Outline | None:
    """The same of a tree of plain files that is right; None of any other."""
    content, last, above = Outline(), "", set[str]()
    for piece in _slices(text):
        rows = _FILES(piece)
        # So many matches as lines, and one newline in each: nothing lies between them.
        if len(rows) != piece.count("\n") or not piece.endswith("\n"):
            return None
        paths, sizes, digests = zip(*rows, strict=True)
        if _other(paths, _WRITTEN) or _other(digests, _HEX):
            return None
        entries = above.union(paths)
        ordered = all(map(lt, chain((last,), paths), paths))
        if not (ordered and _inside(paths) and entries.isdisjoint(_folders(paths))):
            return None
        numbers = list(map(int, sizes))
        if any(map(ne, map(content.blobs.setdefault, digests, numbers), numbers)):
            return None
        content.files += len(rows)
        content.size += sum(numbers)
        # What a path further on may lie below begins this one, too: see `checked_lines`.
        last = paths[-1]
        above = {last[:end] for end in range(1, len(last) + 1)} & entries
    return content


def _slices(text: bytes) -> Iterator[str]:
    """The text in pieces of whole lines."""
    start = 0
    while start < len(text):
        end = text.rfind(b"\n", start, start + _SLICE) + 1 or len(text)
        yield text[start:end].decode("latin-1")
        start = end


def _other(texts: tuple[str, ...], than: bytes) -> bytes:
    """What `texts` hold besides `than`."""
    return "".join(texts).encode("latin-1").translate(None, than)


def _inside(paths: tuple[str, ...]) -> bool:
    """Whether all `paths` stay inside their tree, as `check_path` wants them, and are short enough for any name."""
    around = "/\n/".join(("", *paths, ""))
    return not ("//" in around or "/./" in around or "/../" in around) and max(map(len, paths)) <= MAX_NAME


def _folders(paths: tuple[str, ...]) -> set[str]:
    """All folders that `paths` lie in."""
    new = {path[: path.rfind("/")] for path in paths if "/" in path}
    found = set(new)
    while new := {path[: path.rfind("/")] for path in new if "/" in path} - found:
        found |= new
    return found
