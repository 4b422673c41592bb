"""Checking the store: every blob and manifest is read again, and what is damaged is named and set aside.

A damaged file goes to ``quarantine/``, and a blob into the table of the damaged: nobody has it then, so that the next
upload of the same content sends it again, which heals all that refer to it. A plain and an executable copy of one blob
are files of their own: where one of them is good, the other is made anew from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from runner.errand import Course
from runner.errors import Damaged
from runner.models import Damage, DamageKind, FsckReport, FsckStep, is_digest, read_entries
from runner.store.damage import manifest_read
from runner.store.db import Database
from runner.store.disk import COPY_CHUNK, copy_file, make_durable
from runner.store.roots import held_between
from runner.threads import to_the_end

QUARANTINE = "quarantine"
_WORKERS = min(8, os.cpu_count() or 1)
_MISSING: DamageKind = "missing"
_REPAIRED: DamageKind = "repaired"
_TREES = """SELECT owner || '/datasets/' || name || '/' || version AS name, tree
FROM versions JOIN datasets ON datasets.id = versions.dataset
UNION ALL SELECT owner || '/projects/' || name || '/' || number, json_extract(document, '$.output')
FROM jobs JOIN projects ON projects.id = jobs.project AND deleted_at IS NULL
UNION ALL SELECT owner || '/projects/' || name || '/' || number || '/code', json_extract(document, '$.code')
FROM jobs JOIN projects ON projects.id = jobs.project AND deleted_at IS NULL"""


@dataclass(slots=True)
class _Findings:
    """Digests of blobs and of manifests, with what is wrong with them."""

    blobs: dict[str, DamageKind] = field(default_factory=dict)
    manifests: dict[str, DamageKind] = field(default_factory=dict)


class Check:
    """One check of the store in `folder`, in the process of its runner or beside it.

    What is collected while it is looked at is not damaged. Told to stop, it deals with what was found until then.
    Memory is bounded by a 256th of the store's names.
    """

    def __init__(self, folder: Path, db: Database, course: Course[FsckStep]) -> None:
        self._folder, self._db, self._course = folder, db, course
        self._found = _Findings()
        self._lock = threading.Lock()
        self._files = self._bytes = 0

    async def run(self) -> FsckReport:
        """Check everything; the report names what the damage touches, whoever's it is.

        Raises `Unavailable` where the database itself is damaged: nobody knows then what belongs to whom.
        """
        await self._db.check()
        folders = [path for top in ("blobs", "trees") for path in sorted((self._folder / top).glob("[0-9a-f][0-9a-f]"))]
        await to_the_end(lambda: self._measure(folders))
        with ThreadPoolExecutor(_WORKERS) as threads:
            for folder in folders:
                if self._stopping:
                    break
                bad = await to_the_end(partial(self._read_folder, folder, threads))
                await self._deal_with(bad)
                if folder.parent.name == "blobs":
                    await self._look_for_missing(folder)
        damage = await self._name()
        return FsckReport(self._files, damage, self._bytes, self._stopping)

    @property
    def _stopping(self) -> bool:
        return self._course.stopping.is_set()

    # Reading

    def _measure(self, folders: Iterable[Path]) -> None:
        sizes = [sum(size for _, size in _files_in(folder)) for folder in folders]
        count = sum(1 for folder in folders for _ in _files_in(folder))
        self._course.step = FsckStep(total_files=count, total_bytes=sum(sizes))

    def _read_folder(self, folder: Path, threads: ThreadPoolExecutor) -> list[Path]:
        """The files of one folder that do not hold what their names say."""
        paths = [path for path, _ in _files_in(folder)]
        return [path for path, good in zip(paths, threads.map(self._read, paths), strict=True) if not good]

    def _read(self, path: Path) -> bool:
        """Whether the file is not damaged, as far as it was read."""
        good = self._is_good(path, self._count)
        with self._lock:
            self._files += not self._stopping
        self._count(0)
        return good

    def _is_good(self, path: Path, count: Callable[[int], None] | None = None) -> bool:
        """Whether a file holds what its name says; one that is gone by now is nobody's damage."""
        sha = hashlib.sha256()
        try:
            with open(path, "rb", buffering=0) as reading:
                while not self._stopping and (chunk := reading.read(COPY_CHUNK)):
                    sha.update(chunk)
                    if count is not None:
                        count(len(chunk))
        except FileNotFoundError:
            return True
        except OSError:
            return False  # the disk does not give it
        return self._stopping or sha.hexdigest() == _digest(path)

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes += size
            self._course.step = replace(self._course.step, done_files=self._files, done_bytes=self._bytes)

    # What is damaged, and what is not there

    async def _deal_with(self, bad: Iterable[Path]) -> None:
        for path in bad:
            digest = _digest(path)
            if not await to_the_end(partial(self._set_aside, path)):
                continue
            if path.parent.parent.name == "trees":
                self._found.manifests[digest] = "damaged"
            elif await to_the_end(partial(self._repair, path)):
                self._found.blobs[digest] = _REPAIRED
            else:
                self._found.blobs[digest] = "damaged"
                await self._db.write(partial(self._note, digests=[digest]))

    def _set_aside(self, path: Path) -> bool:
        place = self._folder / QUARANTINE
        place.mkdir(exist_ok=True)
        try:
            path.rename(place / f"{path.name}.{os.urandom(4).hex()}")
        except FileNotFoundError:
            return False  # collected just now
        return True

    def _repair(self, path: Path) -> bool:
        """Whether what is left is whole: an executable copy is made when it is wanted, a plain one from such a copy."""
        plain = _blob(self._folder, _digest(path))
        if path.suffix:
            return plain.exists() and self._is_good(plain)
        return not self._stopping and self._restore(plain)

    def _restore(self, plain: Path) -> bool:
        """Make a blob's plain file from its executable one, if there is a good one."""
        copy = plain.with_name(f"{plain.name}.x")
        if not copy.exists() or not self._is_good(copy):
            return False
        temporary = plain.with_name(f".{plain.name}.{os.urandom(6).hex()}")
        try:
            copy_file(copy, temporary, 0o444)
            make_durable(plain.parent, [temporary])
            temporary.rename(plain)
        except OSError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    async def _look_for_missing(self, folder: Path) -> None:
        """Blobs of `folder` that somebody holds, and that are not there."""
        held = await self._db.read(lambda c: held_between(c, folder.name))
        lost = await to_the_end(lambda: {digest for digest in held if not _blob(self._folder, digest).exists()})
        if not lost or self._stopping:
            return
        repaired = await to_the_end(lambda: [one for one in lost if self._restore(_blob(self._folder, one))])
        # Asked once more where they are written down: they may have been let go of and collected.
        gone = await self._db.write(lambda c: self._note(c, held_between(c, folder.name) & lost))
        found: dict[str, DamageKind] = {**dict.fromkeys(repaired, _REPAIRED), **dict.fromkeys(gone, _MISSING)}
        self._found.blobs = found | self._found.blobs

    def _note(self, connection: sqlite3.Connection, digests: Iterable[str]) -> set[str]:
        """Write down that nobody has these blobs, unless one has come again meanwhile; returns which."""
        gone = {digest for digest in digests if not _blob(self._folder, digest).exists()}
        connection.executemany("INSERT OR IGNORE INTO damaged VALUES (?)", [(digest,) for digest in gone])
        return gone

    # What that touches

    async def _name(self) -> tuple[Damage, ...]:
        trees = {tree for _, tree in await self._db.read(_in_use)}
        lost = await to_the_end(lambda: {tree for tree in trees if not self._text(tree).exists()})
        # Asked again: a tree that was let go of and collected meanwhile is not missing.
        rows = await self._db.read(_in_use)
        lost &= {tree for _, tree in rows}
        self._found.manifests = dict.fromkeys(lost, _MISSING) | self._found.manifests
        if not self._found.blobs and not self._found.manifests:
            return ()
        touched = await to_the_end(lambda: self._touched({tree for _, tree in rows}))
        names: dict[str, list[str]] = {}
        for name, tree in rows:
            for digest in touched.get(tree, ()):
                names.setdefault(digest, []).append(name)
        found = [Damage(one, what, tuple(sorted(names.get(one, ())))) for one, what in self._found.blobs.items()]
        for one, what in self._found.manifests.items():
            found.append(Damage(one, what, tuple(sorted(names.get(one, ()))), "manifest"))
        return tuple(sorted(found, key=lambda damage: damage.digest))

    def _touched(self, trees: set[str]) -> dict[str, set[str]]:
        """What of the damage each tree has; folders of links to it are taken out of use on the way."""
        hurt = self._found.blobs.keys() | self._found.manifests.keys()
        mounts = self._folder / "mounts"
        touched = {}
        for tree in trees | {farm.name for farm in mounts.iterdir() if is_digest(farm.name)}:
            if found := self._blobs_of(tree) & hurt:
                touched[tree] = found
            if found & self._found.blobs.keys():
                _spoil(mounts / tree)
        return touched

    def _text(self, tree: str) -> Path:
        return self._folder / "trees" / tree[:2] / tree

    def _blobs_of(self, tree: str) -> set[str]:
        """The blobs of a tree, as far as its manifest can be read, and the tree itself."""
        try:
            with manifest_read(tree):
                text = self._text(tree).read_bytes()
                return {tree, *(entry.digest for entry in read_entries(text) if entry.kind == "file")}
        except Damaged:
            return {tree}


def _in_use(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Full names of versions, outputs and codes, and their trees."""
    return [(row["name"], row["tree"]) for row in connection.execute(_TREES) if row["tree"]]


def _spoil(farm: Path) -> None:
    """Take links to damaged files out of use, not away: a running job may have them mounted."""
    if farm.is_dir():
        farm.rename(farm.with_name(f"{farm.name}.damaged.{os.urandom(4).hex()}"))


def _files_in(folder: Path) -> Iterator[tuple[Path, int]]:
    """The stored files of one folder with their sizes in bytes; others are somebody's temporary ones."""
    with os.scandir(folder) as listing:
        for entry in listing:
            if is_digest(entry.name.partition(".")[0]):
                with contextlib.suppress(FileNotFoundError):
                    yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def _digest(path: Path) -> str:
    """What a stored file should hold, by its name."""
    return path.name.partition(".")[0]


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest[:2] / digest
