"""What takes the disk: everything below the data folder counted by kind, and what of it nothing refers to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from runner.errand import Course
from runner.models import GcKind, GcStep, StoreKind, is_digest, read_entries
from runner.store import roots
from runner.store.blobs import BlobStore
from runner.store.db import Database
from runner.store.fsck import QUARANTINE
from runner.store.trash import TRASH
from runner.store.trees import Trees
from runner.threads import to_the_end
from runner.versions import spare_versions

ORDER: tuple[StoreKind, ...] = (
    "datasets", "outputs", "code", "jobs", "uploads", "unused", "images", "containers", "trash", "quarantine", "runner",
)  # fmt: skip
# Until then what is damaged can be looked at, for what can be saved of it by hand.
_QUARANTINE_SECONDS = 30 * 24 * 3600.0
# A temporary file that has not been written to for so long is nobody's.
_ABANDONED_SECONDS = 3600.0
# Of a million blobs, 31,000 at a time.
_FOLDERS = 8
_PAGE = 20_000
_OWN_FILES = ("runner.*", "reserve", "versions/*/*")
_JOBS = "SELECT owner, name, number, deleted_at FROM jobs JOIN projects ON projects.id = jobs.project"


# What the folder of a job is of.
_Standing = Literal["there", "deleted", "none"]


@dataclass(slots=True)
class Figures:
    """How many things of how many bytes, and how many of them go."""

    count: int = 0
    size: int = 0
    free_count: int = 0
    free_size: int = 0

    def add(self, size: int, goes: bool = False) -> None:
        """Count one more."""
        self.count += 1
        self.size += size
        if goes:
            self.free_count += 1
            self.free_size += size


class Unreadable(Exception):
    """The manifest of the tree `digest` is damaged: which blobs are in use for it, nobody can tell."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


class Tally(defaultdict[StoreKind, Figures]):
    """Figures by kind; `damaged` are manifests that could not be read, and whose owners keep all they hold."""

    def __init__(self) -> None:
        super().__init__(Figures)
        self.damaged: set[str] = set()

    def kinds(self) -> list[GcKind]:
        """As they travel, in their order."""
        each = ((kind, self[kind]) for kind in ORDER)
        return [GcKind(kind, f.count, f.size, f.free_count, f.free_size) for kind, f in each]


class Census:
    """Counts what lies below `folder`, and finds what of it is nobody's."""

    def __init__(self, folder: Path, blobs: BlobStore, trees: Trees, db: Database) -> None:
        self._folder, self._blobs, self._trees, self._db = folder, blobs, trees, db

    async def count(self, cutoff: float, course: Course[GcStep]) -> Tally:
        """All figures; uploads younger than `cutoff` (epoch seconds) stay. Raises `Stopped`.

        Where a manifest is damaged, all that its owners hold counts as what it is for.
        """
        tally, freed = Tally(), course.step.freed
        wanted = await self._db.read(lambda c: roots.wanted(c, cutoff))
        groups: tuple[tuple[StoreKind, frozenset[str]], ...] = (
            ("datasets", wanted.datasets),
            ("outputs", wanted.outputs),
            ("code", wanted.code),
            ("uploads", wanted.young),
            ("trash", wanted.trash),
        )
        batches = blob_batches(self._blobs)
        todo = sum(len(trees) for _, trees in groups) + len(batches)
        known: dict[bytes, StoreKind] = {}
        spared: dict[str, StoreKind] = {}
        done = 0
        for kind, trees in groups:
            for tree in trees:
                try:
                    for digest in await to_the_end(partial(self.blobs_of, tree)):
                        known.setdefault(digest, kind)
                except Unreadable:
                    tally.damaged.add(tree)
                    spared[tree] = kind
                done += 1
                course.at(GcStep("looking", done, todo, freed))
        for tree, kind in spared.items():
            await self._spare(tree, kind, known)
        for batch in batches:
            await to_the_end(partial(_count_blobs, batch, known, tally))
            done += 1
            course.at(GcStep("looking", done, todo, freed))
        await to_the_end(lambda: self._count_texts(wanted, tally))
        await to_the_end(lambda: self._count_rest(cutoff, tally))
        jobs = await self._job_folders()
        await to_the_end(lambda: _count_jobs(jobs, tally))
        for path in await self.done_with():
            tally["quarantine"].free_count += 1
            tally["quarantine"].free_size += size_of(path)
        return tally

    def blobs_of(self, tree: str) -> set[bytes]:
        """The blobs of a tree. Blocks; raises `Unreadable` where the manifest is damaged."""
        try:
            manifest = self._trees.text(tree).read_bytes()
        except FileNotFoundError:
            manifest = b"\0"
        if hashlib.sha256(manifest).hexdigest() != tree:
            raise Unreadable(tree)
        return {bytes.fromhex(entry.digest) for entry in read_entries(manifest) if entry.kind == "file"}

    async def _spare(self, tree: str, kind: StoreKind, known: dict[bytes, StoreKind]) -> None:
        """Take all that the owners of `tree` hold for what it is for."""
        for owner in await self._db.read(lambda c: roots.owners_of(c, tree)):
            last = ""
            while page := await self._db.read(partial(roots.held_page, owner=owner, after=last, limit=_PAGE)):
                last = page[-1]
                for digest in page:
                    known.setdefault(bytes.fromhex(digest), kind)

    async def ownerless(self) -> list[Path]:
        """Folders of jobs that are in no table: they were purged."""
        return [folder for folder, standing in await self._job_folders() if standing == "none"]

    async def done_with(self) -> list[Path]:
        """What in quarantine is of no use: it was healed since, nothing refers to it, or it is there for 30 days."""
        held = await to_the_end(lambda: list(self._folder.glob(f"{QUARANTINE}/*")))
        found = by_digest(held)
        unheld = await self._db.read(lambda c: roots.unheld(c, found) & roots.unwanted_texts(c, found))

        def useless(digest: str, path: Path) -> bool:
            healed = self._blobs.has(digest) or self._trees.text(digest).exists()
            return healed or digest in unheld or time.time() - path.stat().st_ctime > _QUARANTINE_SECONDS

        return await to_the_end(lambda: [path for one, paths in found.items() for path in paths if useless(one, path)])

    def abandoned(self) -> list[Path]:
        """Temporary files that a crash left between the blobs and manifests. Blocks."""
        old = time.time() - _ABANDONED_SECONDS
        tops = (self._blobs.folder, self._trees.texts)
        return [path for top in tops for path in top.glob("*/.*") if stat_of(path)[1] < old]

    def old_partials(self, cutoff: float) -> list[Path]:
        """Uploads that broke off and were not gone on with since `cutoff`. Blocks.

        What has more than a digest for its name is just being received.
        """
        return [path for path in self._partials() if is_digest(path.name) and stat_of(path)[1] <= cutoff]

    def texts(self) -> dict[str, list[Path]]:
        """All manifests by their digests. Blocks."""
        return listed(self._trees.texts.iterdir())

    def _partials(self) -> Iterator[Path]:
        return (path for path in self._blobs.partials.glob("*/*") if is_digest(path.name.partition(".")[0]))

    async def _job_folders(self) -> list[tuple[Path, _Standing]]:
        """The folders of jobs, and whether there is such a job, or it was deleted."""
        # The folders first: the folder of a job that is made meanwhile is not among them.
        folders = await to_the_end(lambda: list(self._folder.glob("jobs/*/*/*")))
        known = await self._db.read(_job_names)
        return [(folder, known.get(folder.parts[-3:], "none")) for folder in folders]

    def _count_texts(self, wanted: roots.Wanted, tally: Tally) -> None:
        every = wanted.all
        for digest, paths in self.texts().items():
            if digest in wanted.trash or digest not in every:
                tally["trash" if digest in wanted.trash else "unused"].add(size_of(paths[0]), goes=True)

    def _count_rest(self, cutoff: float, tally: Tally) -> None:
        old = set(self.old_partials(cutoff))
        for path in self._partials():
            tally["uploads"].add(size_of(path), goes=path in old)
        for path in self._folder.glob("fetches/*"):
            tally["uploads"].add(size_of(path))
        for path in (*self._folder.glob(f"{TRASH}/*"), *self.abandoned()):
            tally["trash"].add(size_of(path), goes=True)
        for path in self._folder.glob(f"{QUARANTINE}/*"):
            tally["quarantine"].add(size_of(path))
        spare = {path for folder in spare_versions(self._folder, cutoff) for path in folder.iterdir()}
        for pattern in _OWN_FILES:
            for path in self._folder.glob(pattern):
                tally["runner"].add(size_of(path), goes=path in spare)


def _job_names(connection: sqlite3.Connection) -> dict[tuple[str, ...], _Standing]:
    return {
        (row["owner"], row["name"], str(row["number"])): "there" if row["deleted_at"] is None else "deleted"
        for row in connection.execute(_JOBS)
    }


def _count_blobs(folders: Iterable[Path], known: dict[bytes, StoreKind], tally: Tally) -> None:
    for digest, paths in listed(folders).items():
        kind = known.get(bytes.fromhex(digest), "unused")
        for path in paths:
            tally[kind].add(size_of(path), goes=kind in ("unused", "trash"))


def _count_jobs(folders: Iterable[tuple[Path, _Standing]], tally: Tally) -> None:
    for folder, standing in folders:
        tally["trash" if standing == "deleted" else "jobs"].add(size_of(folder), goes=standing != "there")


def blob_batches(blobs: BlobStore) -> list[list[Path]]:
    """The 256 folders of the blobs, a few at a time: what one step of a survey or collection looks at."""
    folders = sorted(path for path in blobs.folder.iterdir() if path.is_dir())
    return [folders[start : start + _FOLDERS] for start in range(0, len(folders), _FOLDERS)]


def listed(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """The things in `folders` by the digest that their names begin with; others are somebody's temporary files."""
    return by_digest(path for folder in folders for path in folder.iterdir())


def by_digest(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """`paths` by the digest that their names begin with, without those that begin with none."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        digest = path.name.partition(".")[0]
        if is_digest(digest):
            found[digest].append(path)
    return found


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what goes meanwhile counts nothing."""
    if not path.is_dir():
        return stat_of(path)[0]
    size, left = 0, [str(path)]
    while left:
        # Not `os.walk`, which calls itself for each folder in a folder: a job may have made thousands.
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                else:
                    size += stat_of(Path(entry.path))[0]
    return size


def stat_of(path: Path) -> tuple[int, float]:
    """Size in bytes and time of change; nothing and now for what is gone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0, time.time()
    return status.st_size, status.st_mtime
