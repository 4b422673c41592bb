"""A job's output: what its home holds that its code snapshot did not have, or has with other content.

A folder counts where it is empty and new; a changed mode alone does not make a file an output. The home belongs to the
job and may be hostile: see `runner.store.walk`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.models import FileInfo, TreeEntry
from runner.still import stamp
from runner.store.blobs import BlobStore, Taken
from runner.store.claims import Claim
from runner.store.hashes import hash_file
from runner.store.manifests import fits
from runner.store.trees import Trees
from runner.store.walk import Found, open_file, open_folder, walk

# Made in every home so that `/output` leads somewhere; left empty it is nobody's output.
OUTPUT_FOLDER = "output"
TIMES_FILE = "output.json"
_INSTALL_FILES = 1000
_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Collected:
    """A job's output as stored: the tree's digest (None where there is none), its files, their size in bytes.

    `skipped` are paths that could not be read, or are longer than can be used again. `claim` keeps the tree from the
    garbage collector until the job names it as its output.
    """

    tree: str | None
    files: int = 0
    size: int = 0
    skipped: tuple[str, ...] = ()
    claim: Claim | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class _Harvest:
    claim: Claim
    entries: list[TreeEntry] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    waiting: dict[str, Path] = field(default_factory=dict)


class Outputs:
    """Looks into the homes of jobs: lists what is output while they run, stores it when they have ended."""

    def __init__(self, blobs: BlobStore, trees: Trees) -> None:
        self._blobs = blobs
        self._trees = trees
        self._hashes: OrderedDict[tuple[int, ...], str] = OrderedDict()

    def live(self, home: Path, code: str | None) -> list[FileInfo]:
        """What of a running job's `home` is output by now, folders implied. Blocks: call it in a thread."""
        return [_info(found) for found in self._changed(home, code)]

    async def collect(self, home: Path, code: str | None, owner: str) -> Collected:
        """Store the output of an ended job for `owner`. The home may be removed afterwards; may be called again.

        Times of the files are kept beside the home, since a tree has none. Raises `NoSpace`.
        """
        import asyncio

        harvest = await asyncio.to_thread(self._harvest, home, code, owner)
        if not harvest.entries:
            return Collected(None, skipped=tuple(harvest.skipped))
        status = await self._trees.save(harvest.entries, owner, harvest.claim)
        times = home.parent / TIMES_FILE
        await asyncio.to_thread(times.write_text, json.dumps(harvest.times), "ascii")
        return Collected(status.digest, status.files, status.size, tuple(harvest.skipped), harvest.claim)

    def _harvest(self, home: Path, code: str | None, owner: str) -> _Harvest:
        harvest = _Harvest(self._blobs.claims.open())
        try:
            for found in self._changed(home, code):
                self._reap(home, found, owner, harvest)
                if len(harvest.waiting) >= _INSTALL_FILES:
                    self._install(harvest)
        finally:
            self._install(harvest)
        return harvest

    def _reap(self, home: Path, found: Found, owner: str, harvest: _Harvest) -> None:
        if not fits(found.path, found.target):
            harvest.skipped.append(found.path)
            return
        harvest.times[found.path] = found.stat.st_mtime
        if found.kind != "file":
            harvest.entries.append(TreeEntry(found.path, found.kind, target=found.target))
            return
        try:
            taken = self._take(home, found, owner)
        except OSError:
            harvest.skipped.append(found.path)
            return
        harvest.claim.add([taken.digest])
        # How long this takes would tell the job's owner that others have such a file.
        known = not self._blobs.shared and self._blobs.has(taken.digest)
        if known or taken.digest in harvest.waiting:
            taken.temporary.unlink()
        else:
            harvest.waiting[taken.digest] = taken.temporary
        entry = TreeEntry(found.path, "file", taken.size, taken.digest, executable=found.executable)
        harvest.entries.append(entry)

    def _take(self, home: Path, found: Found, owner: str) -> Taken:
        folder, _, name = found.path.rpartition("/")
        with open_folder(home, folder) as parent:
            try:
                return self._blobs.take(parent, name, owner)
            except PermissionError:
                # The job took the right to read from its own file; it is still its owner's output.
                _make_readable(parent, name)
                return self._blobs.take(parent, name, owner)

    def _install(self, harvest: _Harvest) -> None:
        waiting, harvest.waiting = harvest.waiting, {}
        self._blobs.install(waiting, harvest.claim)

    def _changed(self, home: Path, code: str | None) -> Iterator[Found]:
        entries = self._trees.entries(code) if code else ()
        before = {entry.path: entry for entry in entries}
        folders = _folders(entries)
        parents: set[str] = set()
        empty: list[Found] = []
        for found in walk(home):
            if found.kind == "dir":
                empty.append(found)
            elif self._differs(home, found, before.get(found.path)):
                yield found
            parents.add(found.path.rpartition("/")[0])
        known = parents | folders | {OUTPUT_FOLDER}
        yield from (found for found in empty if found.path not in known)

    def _differs(self, home: Path, found: Found, entry: TreeEntry | None) -> bool:
        if entry is None or entry.kind != found.kind:
            return True
        if found.kind == "link":
            return found.target != entry.target
        return found.stat.st_size != entry.size or self._hash(home, found) != entry.digest

    def _hash(self, home: Path, found: Found) -> str:
        """Digest of a file, remembered as long as its times do not change; empty if it cannot be read."""
        s = found.stat
        key = (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
        known = self._hashes.get(key)
        if known is not None:
            return known
        digest = ""
        with contextlib.suppress(OSError):
            descriptor = open_file(home, found.path)
            try:
                digest = hash_file(descriptor)
            finally:
                os.close(descriptor)
        self._hashes[key] = digest
        while len(self._hashes) > _REMEMBERED:
            self._hashes.popitem(last=False)
        return digest


def stored_times(job_dir: Path) -> dict[str, float]:
    """When each file of a stored output was last written, by its path; empty where that is not known."""
    try:
        times: dict[str, float] = json.loads((job_dir / TIMES_FILE).read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return times


def _folders(entries: Iterable[TreeEntry]) -> set[str]:
    folders: set[str] = set()
    for entry in entries:
        path = entry.path if entry.kind == "dir" else entry.path.rpartition("/")[0]
        while path and path not in folders:
            folders.add(path)
            path = path.rpartition("/")[0]
    return folders


def _info(found: Found) -> FileInfo:
    return FileInfo(
        found.path,
        found.kind,
        found.stat.st_size if found.kind == "file" else 0,
        found.stat.st_mtime,
        executable=found.kind == "file" and found.executable,
        target=found.target,
        stamp=stamp(found.stat) if found.kind == "file" else "",
    )


def _make_readable(parent: int, name: str) -> None:
    """Give the owner the right to read a file, by a descriptor that cannot be led astray by a link."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o400 | os.fstat(handle).st_mode)
    finally:
        os.close(handle)
