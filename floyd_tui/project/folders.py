"""The folders of a snapshot: what is known of each one's files, what is to be read, and their lines of the manifest."""

from __future__ import annotations

import hashlib
import io
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from floyd_tui.project.index import SETTLED_NS, Known, Remembered
from floyd_tui.project.reading import Read
from floyd_tui.project.scan import MARKS, MARKS_BYTES, Scan
from floyd_tui.project.walk import joined
from runner.models import TreeEntry, file_line, known_entry, path_key

_DIGEST = 32
_UNKNOWN = bytes(_DIGEST)
_NEGATIVE = 1 << 63
# Where in a line its path begins.
_PATH = len('["f","')


class Looked:
    """A folder that was looked at, since it is new or has changed. It holds about 90 bytes a file, until it is done.

    `counted` says how many files it had then, and of how many bytes; `unread` are the numbers of those to be read.
    """

    def __init__(self, path: str, found: Scan, known: Known, print_: bytes, rules: bytes) -> None:
        self.path = path
        self.links = found.links
        self.marks = found.marks
        self._names = "\0".join(found.names)
        self._folders = found.folders
        self._inode, self._print, self._rules = found.inode, print_, rules
        self.counted = len(found.names), sum(found.marks[::MARKS])
        self._digests = bytearray(_DIGEST * len(found.names))
        self.unread = array("L")
        raw = found.marks.tobytes() if known else b""
        for number, name in enumerate(found.names):
            was = known.get(name)
            if was is not None and was[0] == raw[number * MARKS_BYTES : (number + 1) * MARKS_BYTES]:
                self._set(number, was[1])
            else:
                self.unread.append(number)

    @property
    def names(self) -> list[str]:
        """The names of its files."""
        return self._names.split("\0") if self._digests else []

    @property
    def known_bytes(self) -> int:
        """Bytes of the files that need not be read."""
        return self.counted[1] - sum(self.marks[number * MARKS] for number in self.unread)

    def to_read(self) -> Iterator[tuple[tuple[Looked, int, str], int]]:
        """Each file that is to be read, its number and path, with its size in bytes."""
        names = self.names if self.unread else []
        for number in self.unread:
            yield (self, number, joined(self.path, names[number])), self.marks[number * MARKS]

    def take(self, number: int, read: Read) -> None:
        """Note what was read; a file of which nothing is noted is left out as gone."""
        self._set(number, read.digest)
        self.marks[number * MARKS : (number + 1) * MARKS] = array("Q", read.marks)

    def _set(self, number: int, digest: str) -> None:
        self._digests[number * _DIGEST : (number + 1) * _DIGEST] = bytes.fromhex(digest)

    def done(self, started_ns: int) -> Remembered:
        """The folder with its lines, as it is to be remembered by a scan begun at `started_ns`.

        What has changed too lately is not: its marks are set to what no file has.
        """
        keys: list[bytes] = []
        lines: list[bytes] = []
        size = 0
        rows = [*self._file_lines(), *self._link_lines()]
        for key, line, bytes_ in sorted(rows):
            keys.append(key)
            lines.append(line)
            size += bytes_
        cuts = array("Q", sorted({cut for name in self._folders for cut in _cuts(keys, path_key(name))}))
        places = _offsets(lines, cuts)
        print_ = b"" if self._unsettle(started_ns) else self._print
        files = len(rows) - len(self.links)
        return Remembered(
            self.path, self._inode, print_, self._rules, files, size, self._folders, places, b"".join(lines)
        )

    def _file_lines(self) -> Iterator[tuple[bytes, bytes, int]]:
        prefix = f"{self.path}/" if self.path else ""
        marks = self.marks
        for number, name in enumerate(self.names):
            digest = self._digests[number * _DIGEST : (number + 1) * _DIGEST]
            if digest != _UNKNOWN:
                size, executable = marks[number * MARKS], marks[number * MARKS + 4]
                yield path_key(name), file_line(prefix + name, size, digest.hex(), bool(executable)), size

    def _link_lines(self) -> Iterator[tuple[bytes, bytes, int]]:
        for name, target in self.links:
            yield path_key(name), TreeEntry(joined(self.path, name), "link", target=target).line(), 0

    def _unsettle(self, started_ns: int) -> bool:
        limit = started_ns - SETTLED_NS
        times = zip(self.marks[1::MARKS], self.marks[2::MARKS], strict=True)
        fresh = [number for number, pair in enumerate(times) if any(limit <= time < _NEGATIVE for time in pair)]
        for number in fresh:
            self.marks[number * MARKS : (number + 1) * MARKS] = array("Q", bytes(MARKS_BYTES))
        return bool(fresh)


def _cuts(keys: list[bytes], name: bytes) -> tuple[int, int]:
    """Before which of the sorted `keys` the folder `name` may come: as an empty one, and with what it holds."""
    return bisect_left(keys, name), bisect_left(keys, name + b"/")


def _offsets(lines: list[bytes], cuts: array[int]) -> array[int]:
    places, place, last = array("Q"), 0, 0
    for cut in cuts:
        place += sum(map(len, lines[last:cut]))
        places.append(place)
        last = cut
    return places


def moved(was: Remembered, path: str) -> Remembered:
    """A folder without folders in it as it is remembered, under another path: the same lines in the same order."""
    lines, old, new = b"\n" + was.lines, _prefix(was.path), _prefix(path)
    # No newline but those between them is in the lines, so that this is where each path begins.
    for code in (b"f", b"x", b"l"):
        start = b'\n["%s","' % code
        lines = lines.replace(start + old, start + new)
    return replace(was, path=path, lines=lines[1:])


def _prefix(path: str) -> bytes:
    """How a manifest writes what paths in the folder `path` begin with."""
    return file_line(f"{path}/", 0, "", False)[_PATH:].rpartition(b'",0,')[0]


class Chunk(NamedTuple):
    """A piece of a manifest: lines that no other's come between, and a key that sorts it among the others."""

    key: bytes
    lines: bytes


def chunks(folder: Remembered) -> Iterator[Chunk]:
    """What a folder adds to the manifest, without its subfolders."""
    if not folder.lines:
        if folder.path and not folder.folders:
            yield Chunk(path_key(folder.path), TreeEntry(folder.path, "dir").line())
        return
    if not folder.cuts:
        yield Chunk(path_key(f"{folder.path}/") if folder.path else b"", folder.lines)
        return
    ends = [*folder.cuts, len(folder.lines)]
    for start, end in zip([0, *folder.cuts], ends, strict=True):
        if lines := folder.lines[start:end]:
            yield Chunk(path_key(known_entry(lines[: lines.index(b"\n")]).path), lines)


def manifest(pieces: list[Chunk]) -> tuple[str, bytes]:
    """Digest and text of the manifest made of `pieces`, which are used up: it is never in memory twice."""
    pieces.sort(reverse=True)
    digest, text = hashlib.sha256(), io.BytesIO()
    while pieces:
        lines = pieces.pop().lines
        digest.update(lines)
        text.write(lines)
    return digest.hexdigest(), text.getvalue()
