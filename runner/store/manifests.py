"""What stored manifests add up to, and finding one path or folder in them without reading the rest."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from runner.models import BadManifest, PlainFile, TreeEntry, known_entry, known_parts, path_key

# What Linux's file systems take: bytes of one name, of a link's target, and of a path with room for the folder it will
# lie in.
MAX_NAME, _MAX_TARGET, _MAX_PATH = 255, 4095, 3800


@dataclass(slots=True)
class Outline:
    """How many files a tree has, the sum of their sizes in bytes, and its blobs with theirs."""

    files: int = 0
    size: int = 0
    blobs: dict[str, int] = field(default_factory=dict)


def outline(lines: Iterable[TreeEntry | PlainFile]) -> Outline:
    """Add up the entries of a tree; raises `BadManifest` for names no file system takes, or one blob with two sizes."""
    content = Outline()
    for line in lines:
        if isinstance(line, TreeEntry):
            if not fits(line.path, line.target):
                raise BadManifest(f"{line.path[:80]!r} is too long a path")
            if line.kind != "file":
                continue
            path, size, digest = line.path, line.size, line.digest
        else:
            path, size, digest = line[1].decode("ascii"), int(line[2]), line[3].decode("ascii")
            if not fits(path):
                raise BadManifest(f"{path[:80]!r} is too long a path")
        content.files += 1
        content.size += size
        if content.blobs.setdefault(digest, size) != size:
            raise BadManifest(f"{path[:80]!r} has another size than another file of the same digest")
    return content


def find_entry(manifest: Path, path: str) -> TreeEntry | None:
    """The entry at `path` of a stored manifest, a made-up one for a folder; None where there is nothing."""
    return next(find_entries(manifest, (path,)))


def find_entries(manifest: Path, paths: Iterable[str]) -> Iterator[TreeEntry | None]:
    """The same for each of `paths`.

    It looks at a few lines only, since they are in order: a client that fetches a million files asks a million times.
    Of `paths` in that order, too, most are the line after the last one.
    """
    with _mapped(manifest) as text:
        place = 0
        for path in paths:
            found, end = _entry_at(text, place)
            if found is None or found.path != path:
                found, end = _entry_at(text, _place_of(text, path_key(path)))
            if found is not None and found.path == path:
                place = end
                yield found
                continue
            inside, _ = _entry_at(text, _place_of(text, path_key(path) + b"/"))
            yield TreeEntry(path, "dir") if inside is not None and inside.path.startswith(path + "/") else None


def entries_in(manifest: Path, folder: str) -> list[TreeEntry]:
    """The entries below `folder` (empty: all) of a stored manifest, with their whole paths; no others are read."""
    return list(map(known_entry, lines_in(manifest, folder)))


def lines_in(manifest: Path, folder: str) -> Iterator[bytes]:
    """The lines of the same."""
    prefix = path_key(f"{folder}/" if folder else "")
    with _mapped(manifest) as text:
        lines = _lines_from(text, prefix)
        yield from takewhile(lambda line: known_parts(line)[1].startswith(prefix), lines) if prefix else lines


def right_in(manifest: Path, folder: str) -> tuple[list[TreeEntry], dict[str, int]]:
    """What lies right in `folder` of a stored manifest, and its folders with the sums of all that they hold, in bytes.

    Of a million lines below them only the sizes are read: a screen shows a few names.
    """
    prefix = path_key(f"{folder}/" if folder else "")
    entries: list[TreeEntry] = []
    folders: dict[str, int] = {}
    with _mapped(manifest) as text:
        for line in _lines_from(text, prefix):
            code, path, size = known_parts(line)
            if not path.startswith(prefix):
                break
            name, slash, _ = path[len(prefix) :].partition(b"/")
            if slash or code == b"d":
                shown = name.decode("utf-8", "surrogateescape")
                folders[shown] = folders.get(shown, 0) + size
            else:
                entries.append(known_entry(line))
    return entries, folders


@contextlib.contextmanager
def _mapped(manifest: Path) -> Iterator[mmap.mmap | bytes]:
    with manifest.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            yield b""  # an empty file cannot be mapped
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            yield text


def _entry_at(text: mmap.mmap | bytes, place: int) -> tuple[TreeEntry | None, int]:
    """The entry of the line that begins at `place`, None at the end; and where the next one begins."""
    end = text.find(b"\n", place) + 1
    return (known_entry(text[place:end]), end) if end else (None, place)


def _lines_from(text: mmap.mmap | bytes, key: bytes) -> Iterator[bytes]:
    """The lines from the first one on whose path, as bytes, is `key` or comes after it."""
    low = _place_of(text, key)
    while low < len(text):
        end = text.find(b"\n", low) + 1
        yield text[low:end]
        low = end


def _place_of(text: mmap.mmap | bytes, key: bytes) -> int:
    """Where the first of them begins; the end of the text where there is none."""
    low, high = 0, len(text)
    while low < high:
        start = text.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = text.find(b"\n", start) + 1
        if path_key(known_entry(text[start:end]).path) < key:
            low = end
        else:
            high = start
    return low


def below(entries: Iterable[TreeEntry], folder: str) -> list[TreeEntry]:
    """The entries of the tree that `folder` is (empty: the whole), with their paths from there."""
    prefix = f"{folder}/" if folder else ""
    return [replace(e, path=e.path[len(prefix) :]) for e in entries if e.path.startswith(prefix)]


def fits(path: str, target: str = "") -> bool:
    """Whether a file system takes `path` below some folder, and `target` as what a link says."""
    if len(path) <= MAX_NAME and path.isascii() and not target:
        return True
    name = path.encode("utf-8", "surrogateescape")
    says = target.encode("utf-8", "surrogateescape")
    return len(name) <= _MAX_PATH and len(says) <= _MAX_TARGET and max(map(len, name.split(b"/"))) <= MAX_NAME
