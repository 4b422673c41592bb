"""The garbage collector: what takes the disk, what of it nothing refers to, and the taking away of that.

It works beside uploads, launches and jobs. First the database forgets, then files go; a file goes on the database's
writing thread, where nobody can begin to refer to it meanwhile, and only if no `Claim` holds it. Cut off anywhere,
nothing is lost but time: the next pass finds the same again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.errors import Conflict
from runner.models import GcKind, StoreKind, is_digest
from runner.store import roots
from runner.store.blobs import BlobStore
from runner.store.db import Database
from runner.store.manifests import read_entries
from runner.store.trash import Trash
from runner.store.trees import Trees
from runner.threads import to_the_end

_PAGE = 20_000
_BATCH = 500
_ORDER: tuple[StoreKind, ...] = ("datasets", "outputs", "code", "uploads", "unused", "jobs")


@dataclass(slots=True)
class _Figures:
    count: int = 0
    size: int = 0
    free_count: int = 0
    free_size: int = 0

    def add(self, size: int, goes: bool = False) -> None:
        self.count += 1
        self.size += size
        if goes:
            self.free_count += 1
            self.free_size += size


class _Tally(defaultdict[StoreKind, _Figures]):
    def __init__(self) -> None:
        super().__init__(_Figures)

    def kinds(self) -> list[GcKind]:
        each = ((kind, self[kind]) for kind in _ORDER)
        return [GcKind(kind, f.count, f.size, f.free_count, f.free_size) for kind, f in each]


class Collector:
    """Looks over and clears the store below `folder`. One pass at a time; who uses it sees to that."""

    def __init__(self, folder: Path, blobs: BlobStore, trees: Trees, db: Database) -> None:
        self._jobs = folder / "jobs"
        self._blobs, self._trees, self._db = blobs, trees, db
        self._trash = Trash(folder)

    async def survey(self, cutoff: float) -> list[GcKind]:
        """What there is, and what would go; uploads younger than `cutoff` (epoch seconds) stay.

        Raises `Conflict` where a manifest is damaged.
        """
        wanted = await self._db.read(lambda c: roots.wanted(c, cutoff))
        known: dict[bytes, StoreKind] = {}
        groups = (wanted.datasets, wanted.outputs, wanted.code, wanted.young)
        for kind, trees in zip(_ORDER, groups, strict=False):
            for tree in trees:
                known = dict.fromkeys(await self._mark([tree]), kind) | known
        tally = _Tally()
        await to_the_end(lambda: self._count_blobs(known, tally))
        await to_the_end(lambda: self._count_texts(wanted.all, tally))
        for path in await to_the_end(lambda: list(_partials(self._blobs.partials))):
            size, changed_at = _stat_of(path)
            tally["uploads"].add(size, goes=changed_at <= cutoff)
        for folder in await self._ownerless():
            tally["jobs"].add(await to_the_end(partial(_size_of, folder)), goes=True)
        return tally.kinds()

    async def collect(self, cutoff: float) -> list[GcKind]:
        """Take away what `survey` says would go; returns what there is then, with what went.

        Raises `Conflict` where a manifest is damaged: what it holds is not known then, and everything stays.
        """
        freed = _Tally()
        await self._empty()
        await self._db.write(lambda c: roots.forget_trees(c, self._blobs.claims, cutoff))
        for owner in await self._db.read(roots.owners):
            await self._release(owner)
        for folder in sorted(path for path in self._blobs.folder.iterdir() if path.is_dir()):
            await self._sweep(_by_digest(folder), roots.unheld, freed["unused"])
        await self._sweep(await to_the_end(self._all_texts), roots.unwanted_texts, freed["unused"])
        farms = _by_digest(self._trees.farms)
        await self._sweep(farms, roots.unwanted_texts, None)
        spoiled = {digest: [path for path in paths if path.suffix] for digest, paths in farms.items()}
        await self._sweep(spoiled, roots.unmounted, None)
        old = [path for path in _partials(self._blobs.partials) if _stat_of(path)[1] <= cutoff]
        for path in old:
            await to_the_end(partial(self._take, path, freed["uploads"]))
        for folder in await self._ownerless():
            await to_the_end(partial(self._take, folder, freed["jobs"]))
        await self._empty()
        return [_with_freed(kind, freed[kind.kind]) for kind in await self.survey(cutoff)]

    # What is referred to

    async def _mark(self, trees: Iterable[str]) -> set[bytes]:
        """The blobs of `trees`."""
        found: set[bytes] = set()
        for tree in trees:
            found |= await to_the_end(partial(_blobs_of, self._trees.text(tree), tree))
        return found

    async def _release(self, owner: str) -> None:
        """Make `owner` hold no longer what is in no tree of theirs."""
        marked = await self._db.read(lambda c: roots.trees_of(c, owner))
        live = await self._mark(marked)
        last = ""
        while page := await self._db.read(partial(roots.held_page, owner=owner, after=last, limit=_PAGE)):
            last = page[-1]
            while dead := [digest for digest in page if bytes.fromhex(digest) not in live]:
                new = await self._db.write(partial(self._release_unless, owner=owner, marked=marked, dead=dead))
                if not new:
                    break
                live |= await self._mark(new)
                marked |= new

    def _release_unless(
        self, connection: sqlite3.Connection, owner: str, marked: set[str], dead: list[str]
    ) -> set[str]:
        """Let go of `dead`, or, and nothing is done then, the trees put since those `marked` were read."""
        new = roots.trees_of(connection, owner) - marked
        if not new:
            roots.release(connection, self._blobs.claims, owner, dead)
        return new

    async def _ownerless(self) -> list[Path]:
        """Folders of jobs that are in no table: a deletion was cut off."""
        folders = await to_the_end(lambda: list(self._jobs.glob("*/*/*")))
        sql = """SELECT owner, name, number FROM jobs JOIN projects ON projects.id = jobs.project"""
        rows = await self._db.read(lambda c: c.execute(sql).fetchall())
        known = {(row["owner"], row["name"], str(row["number"])) for row in rows}
        return [folder for folder in folders if folder.parts[-3:] not in known]

    # Taking away

    async def _sweep(
        self,
        files: dict[str, list[Path]],
        unwanted: Callable[[sqlite3.Connection, Iterable[str]], set[str]],
        freed: _Figures | None,
    ) -> None:
        suspects = sorted(await self._db.read(lambda c: unwanted(c, files)))
        for start in range(0, len(suspects), _BATCH):
            batch = {digest: files[digest] for digest in suspects[start : start + _BATCH]}
            await self._db.write(partial(self._take_unwanted, files=batch, unwanted=unwanted, freed=freed))
        await self._empty()

    def _take_unwanted(
        self,
        connection: sqlite3.Connection,
        files: dict[str, list[Path]],
        unwanted: Callable[[sqlite3.Connection, Iterable[str]], set[str]],
        freed: _Figures | None,
    ) -> None:
        """Asked once more: on the writing thread nobody can begin to refer to them before they are gone."""
        gone = unwanted(connection, files)
        with self._blobs.claims.lock:
            for digest in gone - self._blobs.claims.held(gone):
                for path in files[digest]:
                    self._take(path, freed)

    def _take(self, path: Path, freed: _Figures | None) -> None:
        size = _size_of(path) if freed is not None else 0
        if self._trash.take(path) and freed is not None:
            freed.add(size, goes=True)

    async def _empty(self) -> None:
        while await to_the_end(self._trash.empty_one):
            pass

    # Counting

    def _count_blobs(self, known: dict[bytes, StoreKind], tally: _Tally) -> None:
        for folder in self._blobs.folder.iterdir():
            for digest, paths in _by_digest(folder).items():
                kind = known.get(bytes.fromhex(digest), "unused")
                for path in paths:
                    tally[kind].add(_size_of(path), goes=kind == "unused")

    def _count_texts(self, wanted: frozenset[str], tally: _Tally) -> None:
        for digest, paths in self._all_texts().items():
            if digest not in wanted:
                tally["unused"].add(_size_of(paths[0]), goes=True)

    def _all_texts(self) -> dict[str, list[Path]]:
        return {digest: paths for each in self._trees.texts.iterdir() for digest, paths in _by_digest(each).items()}


def _blobs_of(text: Path, tree: str) -> set[bytes]:
    try:
        manifest = text.read_bytes()
    except FileNotFoundError:
        manifest = b"\0"
    if hashlib.sha256(manifest).hexdigest() != tree:
        raise Conflict(
            f"The manifest of tree {tree[:12]} is damaged, so nothing can be told to be unused.",
            "Run `floyd-runner fsck` on the host: it says what this touches.",
        )
    return {bytes.fromhex(entry.digest) for entry in read_entries(manifest) if entry.kind == "file"}


def _by_digest(folder: Path) -> dict[str, list[Path]]:
    """The things in `folder` by the digest that their names begin with; others are somebody's temporary files."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    with os.scandir(folder) as listing:
        for entry in listing:
            digest = entry.name.partition(".")[0]
            if is_digest(digest):
                found[digest].append(Path(entry.path))
    return found


def _partials(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*/*") if is_digest(path.name.partition(".")[0]))


def _size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what goes meanwhile counts nothing."""
    if not path.is_dir():
        return _stat_of(path)[0]
    return sum(_stat_of(Path(top, name))[0] for top, _, names in os.walk(path) for name in names)


def _stat_of(path: Path) -> tuple[int, float]:
    """Size in bytes and time of change; nothing and now for what is gone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0, time.time()
    return status.st_size, status.st_mtime


def _with_freed(kind: GcKind, freed: _Figures) -> GcKind:
    return GcKind(kind.kind, kind.count, kind.size, freed.free_count, freed.free_size)
