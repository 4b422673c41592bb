"""Manifests: the text that names a tree.

A manifest is one JSON array a line, sorted by the bytes of the path; a *tree* is named by the SHA-256 of that text::

    ["d","empty"]                          an empty folder (others are implied by what they hold)
    ["f","train.py",512,"9f86d0…"]         a file: path, size in bytes, digest
    ["x","run.sh",20,"e3b0c4…"]            the same, executable
    ["l","latest","runs/3"]                a symbolic link and its target, kept as text, never followed

Paths are relative, use ``/``, hold no ``.``, ``..``, empty component or NUL. Bytes that are not UTF-8 travel as lone
surrogates (Python's ``surrogateescape``) in ``\\udcXX`` escapes: the text is pure ASCII.

Trees of a million files are read and written here, so that what most lines look like has a short way through.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as _quote
from typing import Literal

EntryKind = Literal["file", "link", "dir"]
DIGEST_LENGTH = 64
# What a path begins or ends with that may lead out of its tree.
_SUSPECT = b"./"
_CODES = {"f": "file", "x": "file", "l": "link", "d": "dir"}
# A file whose path is written as it is: what this matches is in canonical form, but for the path's own rules.
PlainFile = tuple[bytes, bytes, bytes, bytes]
_PLAIN = re.compile(rb'\["([fx])","([ !#-\[\]-~]+)",(0|[1-9][0-9]{0,17}),"([0-9a-f]{64})"\]\n?').fullmatch


class BadManifest(ValueError):
    """A manifest that breaks the rules above; the message says where."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a manifest. `size` and `digest` are a file's, `target` a link's."""

    path: str
    kind: EntryKind
    size: int = 0
    digest: str = ""
    executable: bool = False
    target: str = ""

    def line(self) -> bytes:
        """This entry as its line of the manifest, newline included."""
        if self.kind == "file":
            return file_line(self.path, self.size, self.digest, self.executable)
        target = f",{_quote(self.target)}" if self.kind == "link" else ""
        return f'["{self.kind[0]}",{_quote(self.path)}{target}]\n'.encode("ascii")


def file_line(path: str, size: int, digest: str, executable: bool) -> bytes:
    """The manifest's line for a file."""
    return f'["{"x" if executable else "f"}",{_quote(path)},{size},"{digest}"]\n'.encode("ascii")


def path_key(path: str) -> bytes:
    """Sort key of a path in a manifest: its bytes as the file system has them."""
    return path.encode("utf-8", "surrogateescape")


def manifest_lines(entries: Iterable[TreeEntry]) -> Iterator[bytes]:
    """The manifest's lines for `entries`, in order."""
    for entry in sorted(entries, key=lambda e: path_key(e.path)):
        yield entry.line()


def manifest_of(entries: Iterable[TreeEntry]) -> tuple[str, bytes]:
    """Digest and text of the tree made of `entries`."""
    text = b"".join(manifest_lines(entries))
    return hashlib.sha256(text).hexdigest(), text


EMPTY_TREE = hashlib.sha256(b"").hexdigest()


def is_digest(text: object) -> bool:
    """Whether `text` has the form of a SHA-256 digest."""
    return isinstance(text, str) and len(text) == DIGEST_LENGTH and not text.strip("0123456789abcdef")


def parse_line(line: bytes) -> TreeEntry:
    """Read one manifest line; raises `BadManifest` if it has not exactly the form that `TreeEntry.line` writes."""
    entry = _plain_file(line) or _parse_any(line)
    check_path(entry.path)
    return entry


def _plain_file(line: bytes) -> TreeEntry | None:
    plain = _PLAIN(line)
    return _file(*plain.groups()) if plain else None


def _file(code: bytes, path: bytes, size: bytes, digest: bytes) -> TreeEntry:
    return TreeEntry(path.decode("ascii"), "file", int(size), digest.decode("ascii"), code == b"x")


def _parse_any(line: bytes) -> TreeEntry:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"not a JSON array: {line[:80]!r}") from error
    if not isinstance(row, list) or not row or row[0] not in _CODES or not isinstance(row[-1], str):
        raise BadManifest(f"not a tree entry: {line[:80]!r}")
    code, *rest = row
    entry: TreeEntry
    match code, rest:
        case "f" | "x", [str(path), int(size), str(digest)] if _is_size(size) and is_digest(digest):
            entry = TreeEntry(path, "file", size, digest, executable=code == "x")
        case "l", [str(path), str(target)] if target and "\0" not in target and _is_name(target):
            entry = TreeEntry(path, "link", target=target)
        case "d", [str(path)]:
            entry = TreeEntry(path, "dir")
        case _:
            raise BadManifest(f"not a tree entry: {line[:80]!r}")
    if entry.line() != line.rstrip(b"\n") + b"\n":
        raise BadManifest(f"not in canonical form: {line[:80]!r}")
    return entry


def _is_size(size: int) -> bool:
    return not isinstance(size, bool) and 0 <= size < 1 << 63


def _is_name(text: str) -> bool:
    # Only the surrogates that stand for bytes; others have no name on any file system.
    try:
        path_key(text)
    except UnicodeEncodeError:
        return False
    return True


def check_path(path: str) -> None:
    """Raise `BadManifest` unless `path` stays inside the tree it is part of."""
    around = f"/{path}/"
    if "//" in around or "/./" in around or "/../" in around or "\0" in path or not _is_name(path):
        raise BadManifest(f"{path[:80]!r} is not a path inside a tree")


def parse_manifest(lines: Iterable[bytes]) -> Iterator[TreeEntry]:
    """Read a manifest; raises `BadManifest` on a bad line, an unsorted or repeated path, or a path below an entry."""
    return (line if isinstance(line, TreeEntry) else _file(*line) for line in checked_lines(lines))


def checked_lines(lines: Iterable[bytes]) -> Iterator[PlainFile | TreeEntry]:
    """The same in the least time: most files as the four parts of their line. Raises as `parse_manifest`."""
    last = b""
    # Paths that the next one starts with: sorted bytes put "a-b" between "a" and "a/b", so the last one is not enough.
    open_prefixes: list[bytes] = []
    for line in lines:
        found: PlainFile | TreeEntry
        if plain := _PLAIN(line):
            code, key, size, digest = plain.groups()
            found = code, key, size, digest
            if b"/." in key or b"//" in key or key[0] in _SUSPECT or key[-1] in _SUSPECT:
                check_path(key.decode("ascii"))
        else:
            found = _parse_any(line)
            check_path(found.path)
            key = path_key(found.path)
        if key <= last:
            raise BadManifest(f"{_shown(key)} is out of order or there twice")
        while open_prefixes and not key.startswith(open_prefixes[-1]):
            open_prefixes.pop()
        if open_prefixes and any(key.startswith(prefix + b"/") for prefix in open_prefixes):
            raise BadManifest(f"{_shown(key)} lies below an entry of its own")
        open_prefixes.append(key)
        last = key
        yield found


def _shown(key: bytes) -> str:
    return repr(key.decode("utf-8", "surrogateescape")[:80])


def read_entries(text: bytes) -> Iterator[TreeEntry]:
    """The entries of a manifest that was checked when it was made or came in: fast, and nothing is checked again."""
    return map(known_entry, io.BytesIO(text))


def known_entry(line: bytes) -> TreeEntry:
    """The entry of a line that was checked before."""
    return _plain_file(line) or _any_entry(line)


def known_parts(line: bytes) -> tuple[bytes, bytes, int]:
    """Of such a line: its code, the bytes of its path, and its size (0 of what is no file)."""
    if plain := _PLAIN(line):
        return plain[1], plain[2], int(plain[3])
    entry = _any_entry(line)
    return line[2:3], path_key(entry.path), entry.size


def _any_entry(line: bytes) -> TreeEntry:
    code, path, *rest = json.loads(line)
    if code == "d":
        return TreeEntry(path, "dir")
    if code == "l":
        return TreeEntry(path, "link", target=rest[0])
    return TreeEntry(path, "file", rest[0], rest[1], executable=code == "x")
