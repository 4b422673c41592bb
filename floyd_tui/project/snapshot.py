"""A folder at one moment: a manifest of what goes up, with every file's digest, and a word on what does not.

`take` walks and hashes in threads and never blocks the event loop; cancelling it ends the threads at the next file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore import CODE_DEFAULTS, IgnoreRules
from floyd_tui.project.notes import notes_on
from floyd_tui.project.stat_cache import StatCache, stamp
from floyd_tui.project.walk import Found, FoundFile, LeftOut, walk
from runner.models import TreeEntry, manifest_of, path_key

CHUNK = 1 << 20
TRIES = 3
# Calls of a progress callback are at least this far apart, in seconds.
TELL_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is in `root`: `entries` sorted as in `manifest`, whose digest names the tree.

    `size` is the sum of the files, in bytes; `left_out` says what stays here by which rule, `warnings` are sentences.
    """

    root: Path
    entries: list[TreeEntry]
    digest: str
    manifest: bytes = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """How many files it has, folders and links not counted."""
        return sum(1 for entry in self.entries if entry.kind == "file")

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size for entry in self.entries)


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
) -> Snapshot:
    """Take a snapshot of `root`.

    `defaults` is the built-in ignore list (`DATA_DEFAULTS` for a dataset); `progress` is called on the event loop;
    `cache` is the file of remembered digests (default: the user's cache folder). Raises `ProjectError` where a file
    cannot be read or does not hold still.
    """
    loop = asyncio.get_running_loop()
    cancelled = threading.Event()

    def tell(now: ScanProgress) -> None:
        if progress and not cancelled.is_set():
            loop.call_soon_threadsafe(progress, now)

    scan = _Scan(root, cache or default_cache(), tell, cancelled)
    try:
        return await asyncio.to_thread(scan.run, defaults)
    finally:
        cancelled.set()


def default_cache() -> Path:
    """Where digests are remembered: the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("floyd-tui", appauthor=False) / "digests.db"


class _Scan:
    """One walk-and-hash of a folder, run in a worker thread."""

    def __init__(self, root: Path, cache: Path, tell: Tell, cancelled: threading.Event) -> None:
        self._root = root.resolve()
        self._cache = StatCache(cache, self._root)
        self._tell = tell
        self._cancelled = cancelled
        self._told_at = 0.0
        self._lock = threading.Lock()
        self._done_files = self._done_bytes = self._total_files = self._total_bytes = 0

    def run(self, defaults: tuple[str, ...]) -> Snapshot:
        if not self._root.is_dir():
            raise ProjectError(f"{self._root} is not a folder.", "Name the folder that holds your files.")
        found = walk(self._root, IgnoreRules.load(self._root, defaults), self._walked)
        self._total_files, self._total_bytes = len(found.files), sum(file.size for file in found.files)
        started = time.time_ns()
        digests = self._digests(found.files)
        self._cache.save(digests, started)
        self._report(0, 0, force=True)
        return self._snapshot(found, digests)

    def _walked(self, found: Found) -> None:
        self._stop_if_cancelled()
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self._tell(ScanProgress(len(found.files)))

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise _Cancelled

    def _digests(self, files: list[FoundFile]) -> list[tuple[FoundFile, str]]:
        """Each file with its digest, as it was when it was read; those that vanished meanwhile are left out."""
        self._cache.load()
        known: list[tuple[FoundFile, str]] = []
        to_read: list[FoundFile] = []
        for file in files:
            digest = self._cache.get(file)
            if digest:
                known.append((file, digest))
                self._done_files += 1
                self._done_bytes += file.size
            else:
                to_read.append(file)
        return [*known, *self._read_all(to_read)]

    def _read_all(self, files: list[FoundFile]) -> Iterator[tuple[FoundFile, str]]:
        with ThreadPoolExecutor(min(8, (os.cpu_count() or 2) + 1), "hash") as pool:
            try:
                # A thread takes a batch: small files would otherwise cost more in hand-over than in reading.
                for batch in pool.map(self._read_batch, _batches(files)):
                    yield from batch
            except BaseException:
                self._cancelled.set()
                raise

    def _read_batch(self, files: list[FoundFile]) -> list[tuple[FoundFile, str]]:
        return [pair for file in files if (pair := self._read(file))]

    def _read(self, file: FoundFile) -> tuple[FoundFile, str] | None:
        try:
            for _ in range(TRIES):
                now, digest = self._read_once(file.path)
                if digest:
                    self._report(1, 0)
                    return now, digest
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProjectError(
                f"{file.path} cannot be read: {error.strerror}.",
                f"Make it readable, or add {file.path} to .floydignore.",
            ) from error
        raise ProjectError(
            f"{file.path} keeps changing while it is read.",
            f"Wait until it is written, or add {file.path} to .floydignore.",
        )

    def _read_once(self, path: str) -> tuple[FoundFile, str]:
        digest = hashlib.sha256()
        size = 0
        with open(self._root / path, "rb", buffering=0) as stream:
            before = FoundFile.of(path, os.fstat(stream.fileno()))
            while chunk := stream.read(CHUNK):
                self._stop_if_cancelled()
                digest.update(chunk)
                size += len(chunk)
                self._report(0, len(chunk))
            after = FoundFile.of(path, os.fstat(stream.fileno()))
        same = stamp(before) == stamp(after) and size == after.size
        return after, digest.hexdigest() if same else ""

    def _report(self, files: int, size: int, force: bool = False) -> None:
        with self._lock:
            self._done_files += files
            self._done_bytes += size
            now = time.monotonic()
            if not force and now - self._told_at < TELL_EVERY:
                return
            self._told_at = now
            done = min(self._done_bytes, self._total_bytes)
            self._tell(ScanProgress(self._done_files, self._total_files, done, self._total_bytes))

    def _snapshot(self, found: Found, digests: Iterable[tuple[FoundFile, str]]) -> Snapshot:
        entries = [TreeEntry(f.path, "file", f.size, digest, f.executable) for f, digest in digests]
        entries += [TreeEntry(path, "link", target=target) for path, target in found.links]
        entries += [TreeEntry(path, "dir") for path in found.empty]
        entries.sort(key=lambda entry: path_key(entry.path))
        digest, manifest = manifest_of(entries)
        left_out = tuple(sorted(found.left_out.values(), key=lambda one: -one.size))
        notes = notes_on(entries, found.special)
        return Snapshot(self._root, entries, digest, manifest, left_out, notes)


def _batches(files: list[FoundFile], at_most: int = 64, bytes_at_most: int = 4 * CHUNK) -> Iterator[list[FoundFile]]:
    batch: list[FoundFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.size
        if len(batch) >= at_most or size >= bytes_at_most:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
