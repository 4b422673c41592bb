"""A folder at one moment: a manifest of what goes up, with every file's digest, and a word on what does not.

`take` walks and hashes in threads and never blocks the event loop; cancelling it ends the threads at the next file.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.folders import Chunk, Looked, chunks, manifest, moved
from floyd_tui.project.ignore import CODE_DEFAULTS, IGNORE_FILE, IgnoreRules
from floyd_tui.project.index import Index, Remembered
from floyd_tui.project.notes import notes_on
from floyd_tui.project.reading import Large, Reader, in_batches, side_by_side
from floyd_tui.project.recheck import unchanged
from floyd_tui.project.scan import Scan
from floyd_tui.project.walk import LeftOut, Tally, joined, look, rules_in, sift
from runner.models import TreeEntry, read_entries

# Calls of a progress callback are at least this far apart, in seconds.
TELL_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is in `root`: `manifest` says it, and its `digest` names the tree.

    `files` are counted without folders and links, `size` is the sum of theirs in bytes; `left_out` says what stays
    here by which rule, `warnings` are sentences. `changed` says that it is surely not the tree of the last
    time.
    """

    root: Path
    digest: str
    manifest: bytes = field(repr=False)
    files: int = 0
    size: int = 0
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    changed: bool = False

    @property
    def entries(self) -> Iterator[TreeEntry]:
        """What the manifest says, entry by entry: all of them at once are many times its size."""
        return read_entries(self.manifest)


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan is: totals are 0 while the folder is still being walked; sizes in bytes."""

    done_files: int = 0
    total_files: int = 0
    done_bytes: int = 0
    total_bytes: int = 0


Tell = Callable[[ScanProgress], None]


class _Cancelled(Exception):
    """Ends a scan's threads; never leaves this module."""


async def take(
    root: Path,
    *,
    defaults: tuple[str, ...] = CODE_DEFAULTS,
    progress: Tell | None = None,
    cache: Path | None = None,
    large: Large | None = None,
) -> Snapshot:
    """Take a snapshot of `root`.

    `defaults` is the built-in ignore list (`DATA_DEFAULTS` for a dataset); `progress` is called on the event loop;
    `cache` is the index of what was seen last time (default: in the user's cache folder); `large` is told of large
    files while they are read. Raises `ProjectError` where a file cannot be read or does not hold still.
    """
    loop = asyncio.get_running_loop()
    cancelled = threading.Event()

    def tell(now: ScanProgress) -> None:
        if progress and not cancelled.is_set():
            loop.call_soon_threadsafe(progress, now)

    scan = _Scan(root, cache or default_cache(), tell, cancelled, large)
    try:
        return await asyncio.to_thread(scan.run, defaults)
    finally:
        cancelled.set()


def default_cache() -> Path:
    """Where digests are remembered: in the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("floyd-tui", appauthor=False) / "index.db"


class _Scan:
    """One walk-and-hash of a folder, run in a worker thread."""

    def __init__(
        self, root: Path, index: Path, tell: Tell, cancelled: threading.Event, large: Large | None = None
    ) -> None:
        self._root = str(root.resolve())
        self._index = Index(index, Path(self._root))
        self._tell = tell
        self._cancelled = cancelled
        self._told_at = 0.0
        self._lock = threading.Lock()
        self._reader = Reader(self._root, self._stop_if_cancelled, self._report, large)
        self._tally = Tally()
        self._special: list[str] = []
        self._done_files = self._done_bytes = self._files = self._size = 0
        self._changed = False
        self._renamed: list[tuple[Remembered, str, array[int]]] = []

    def run(self, defaults: tuple[str, ...]) -> Snapshot:
        if not os.path.isdir(self._root):
            raise ProjectError(f"{self._root} is not a folder.", "Name the folder that holds your files.")
        started = time.time_ns()
        try:
            self._index.load()
            pieces, looked = self._walk(IgnoreRules.load(Path(self._root), defaults))
            side_by_side(self._read, in_batches(file for one in looked for file in one.to_read()), self._cancelled.set)
            pieces += self._finished(looked, started)
        finally:
            self._index.close()
        digest, text = manifest(pieces)
        self._report(0, 0, force=True)
        notes = notes_on(text, self._special)
        left_out = self._tally.by_size()
        return Snapshot(Path(self._root), digest, text, self._files, self._size, left_out, notes, self._changed)

    def _walk(self, rules: IgnoreRules) -> tuple[list[Chunk], list[Looked]]:
        """What the folders that are as they were add to the manifest, and the others."""
        same = self._same()
        pieces: list[Chunk] = []
        looked: list[Looked] = []
        pending = [("", rules, rules.key())]
        while pending:
            folder, rules, key = pending.pop()
            self._walked()
            was = self._index.get(folder, key)
            found = look(self._root, folder) if was is None or folder not in same else None
            if was is not None and (found is None or found.print() == was.print):
                self._count(was.files, was.size, known=was.size)
                self._index.stays(folder)
                pieces += chunks(was)
                pending += [(joined(folder, name), rules, key) for name in was.folders]
                continue
            assert found is not None
            if new := self._moved(folder, found, rules, key):
                self._count(new.files, new.size, known=new.size)
                self._renamed.append((new, "\0".join(found.names), found.marks))
                pieces += chunks(new)
                continue
            one, rules, key = self._look(folder, found, rules, key)
            looked.append(one)
            pending += [(joined(folder, name), rules, key) for name in found.folders]
        return pieces, looked

    def _same(self) -> set[str]:
        """Folders that are known to be as they were before the walk: of many, since that is quicker."""
        folders = [folder for folder in self._index.folders.values() if folder.print]
        return unchanged(self._root, folders, self._stop_if_cancelled)

    def _moved(self, folder: str, found: Scan, rules: IgnoreRules, key: bytes) -> Remembered | None:
        """The folder under its new path, where it was renamed and is else as it was, and no rule is about it."""
        was = self._index.renamed(found.inode, key)
        if was is None or found.folders or found.special or IGNORE_FILE in found.names or found.print() != was.print:
            return None
        links = [name for name, _ in found.links]
        if not folder or not was.path or rules.may_match(folder, [*found.names, *links]):
            return None
        return moved(was, folder)

    def _look(self, folder: str, found: Scan, rules: IgnoreRules, key: bytes) -> tuple[Looked, IgnoreRules, bytes]:
        """A folder that is not as it was, with the rules in force in it."""
        print_ = found.print()
        inner = rules_in(found, folder, rules)
        if inner is not rules:
            rules, key = inner, inner.key()
            print_ = b""
        if sift(found, self._root, folder, rules, self._tally.add) or found.special:
            print_ = b""
        self._special += [joined(folder, name) for name in found.special]
        looked = Looked(folder, found, self._index.known(folder, found.inode), print_, key)
        self._count(*looked.counted, len(looked.unread), looked.known_bytes)
        return looked, rules, key

    def _count(self, files: int, size: int, unread: int = 0, known: int = 0) -> None:
        self._files += files
        self._size += size
        self._done_files += files - unread
        self._done_bytes += known

    def _read(self, files: list[tuple[Looked, int, str]]) -> None:
        for folder, number, path in files:
            if read := self._reader.read(path):
                folder.take(number, read)

    def _finished(self, looked: list[Looked], started: int) -> Iterator[Chunk]:
        """What folders that were looked at add to the manifest; they are remembered for the next time."""
        gone = self._index.gone - {one.path for one in looked}
        self._changed = bool(self._renamed or gone)
        if not (looked or self._changed):
            return
        known = bool(self._index.folders)
        self._index.begin()
        for new, names, marks in self._renamed:
            self._index.put(new, names.split("\0") if names else [], marks)
        while looked:
            self._stop_if_cancelled()
            one = looked.pop()
            done = one.done(started)
            self._changed |= known and self._index.differs(done)
            self._index.put(done, one.names, one.marks)
            # Some may have come, gone or grown since they were counted.
            self._files += done.files - one.counted[0]
            self._size += done.size - one.counted[1]
            yield from chunks(done)
        self._index.commit()

    def _walked(self) -> None:
        self._stop_if_cancelled()
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self._tell(ScanProgress(self._files))

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise _Cancelled

    def _report(self, files: int, size: int, force: bool = False) -> None:
        with self._lock:
            self._done_files += files
            self._done_bytes += size
            now = time.monotonic()
            if not force and now - self._told_at < TELL_EVERY:
                return
            self._told_at = now
            self._tell(ScanProgress(self._done_files, self._files, min(self._done_bytes, self._size), self._size))
