"""The blobs: content of files, each stored once under its SHA-256, and who holds which.

``blobs/ab/abcd…`` is mode 0444. Hard links share their mode, so an executable file needs a blob file of its own beside
it, ``abcd….x`` with mode 0555, made when it is first wanted.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from runner.models import is_digest
from runner.store.claims import Claim, Claims
from runner.store.db import Database
from runner.store.disk import copy_contents, copy_file, full_disk_told, make_durable
from runner.store.found import Found
from runner.store.hashes import HashStates, hash_file
from runner.store.incoming import Uploads
from runner.store.room import Room
from runner.store.trash import Trash
from runner.store.walk import open_regular

_PLAIN, _EXECUTABLE = 0o444, 0o555
_GRANT_ROWS = 20_000
_PARTIAL_SECONDS = 14 * 24 * 3600.0


class BlobStore:
    """Blob files below `folder` and the table of their holders.

    Methods that touch files block: call them in a thread. Those that ask the database are coroutines.
    """

    def __init__(self, folder: Path, db: Database, reserve: int | None = None, shared: bool = False) -> None:
        """Make the folders; `reserve` bytes of the disk are left free, as `Room` says.

        Where the store is `shared` by people that are to know nothing of each other, storing what somebody else has
        costs the time and the disk that it would cost otherwise; the next garbage collection evens that out.
        """
        self.room = Room(folder, reserve)
        self.folder = folder / "blobs"
        self.partials = folder / "partial"
        self.shared = shared
        self._trash = Trash(folder)
        self.claims = Claims()
        self.states = HashStates()
        self.uploads = Uploads()
        self._found = Found()
        self._db = db
        self._partial_folders: dict[str, Path] = {}
        for made in (self.folder, self.partials):
            made.mkdir(exist_ok=True)
        if not (self.folder / "ff").exists():
            for number in range(256):
                (self.folder / f"{number:02x}").mkdir(exist_ok=True)

    def path(self, digest: str, executable: bool = False) -> Path:
        """Where the blob's file lies, whether it is there or not."""
        return self.folder / digest[:2] / (f"{digest}.x" if executable else digest)

    def has(self, digest: str) -> bool:
        """Whether the blob is stored at all, for anybody."""
        return self.path(digest).exists()

    def ensure(self, digest: str, executable: bool = False) -> Path:
        """The blob's file with the mode asked for, made if need be; raises `FileNotFoundError` for an unknown blob."""
        path = self.path(digest, executable)
        if executable and not path.exists():
            self._install_copy(digest, path)
        return path

    def refresh(self, digest: str, executable: bool = False) -> None:
        """Put a new copy in the blob file's place: the file system lets no file have more than so many hard links."""
        self._install_copy(digest, self.path(digest, executable))

    def temporary(self, owner: str) -> Path:
        """A path for a new file on the blobs' file system, to be passed to `install`."""
        return self.partial_folder(owner) / f"tmp.{os.urandom(8).hex()}"

    def arriving(self, owner: str, digest: str) -> Path:
        """The same for a blob that arrives and may be gone on with; of mode 0444 once it is whole, for `salvage`.

        A name of its own: two uploads of one blob at once must not write into one file.
        """
        return self.partial_folder(owner) / f"{digest}.{os.urandom(6).hex()}"

    def install(self, files: Mapping[str, Path], claim: Claim) -> None:
        """Make whole, verified files visible as the blobs named by their digests; durable on return.

        They are added to `claim`, which is to be kept until somebody holds them by `grant`. Raises `NoSpace`; the files
        given are gone in any case.
        """
        try:
            with full_disk_told(self.folder):
                make_durable(self.folder, files.values())
                claim.add(files)
                for digest, temporary in files.items():
                    place = self.path(digest)
                    if place.exists():
                        self._drop(temporary)
                    else:
                        temporary.rename(place)
                make_durable(self.folder, {self.path(digest).parent for digest in files})
        except BaseException:
            for temporary in files.values():
                temporary.unlink(missing_ok=True)
            raise

    def take(self, parent: int, name: str, owner: str) -> Taken:
        """Read the regular file `name` of an open folder in; `install` then makes the blob of it.

        The file becomes the blob itself, by a hard link, where nothing else names or writes it: no byte is copied, and
        until its folder is removed the file stays where it is, so that a crash loses nothing. Else it is copied.
        Raises `OSError` or `NoSpace`.
        """
        temporary = self.temporary(owner)
        source = open_regular(parent, name)
        try:
            with full_disk_told(self.folder):
                if not _link_unshared(source, parent, name, temporary):
                    _copy_open(source, temporary)
        finally:
            os.close(source)
        taken = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return Taken(hash_file(taken), os.fstat(taken).st_size, temporary)
        finally:
            os.close(taken)

    async def held(self, owner: str, digests: Iterable[str]) -> dict[str, int]:
        """Those of `digests` that `owner` holds, with their sizes in bytes."""
        known, asked = self._found.of(owner, self.claims.epoch), set(digests)

        def query(connection: sqlite3.Connection) -> dict[str, int]:
            damaged = connection.execute("SELECT 1 FROM damaged LIMIT 1").fetchone()
            sure = {} if damaged else {digest: known[digest] for digest in asked & known.keys()}
            wanted = json.dumps(sorted(asked - sure.keys()))
            # CROSS keeps SQLite from walking the list once for each blob of the owner.
            sql = "SELECT digest, size FROM json_each(?) CROSS JOIN blob_holders ON digest = value WHERE owner = ?"
            sql += " AND digest NOT IN (SELECT digest FROM damaged)"
            return sure | {row["digest"]: row["size"] for row in connection.execute(sql, (wanted, owner))}

        epoch = self.claims.epoch
        found = await self._db.read(query)
        self._found.keep(owner, epoch, found)
        return found

    async def grant(self, owner: str, blobs: Mapping[str, int]) -> None:
        """Note that `owner` holds these blobs (digest to size in bytes)."""
        rows = iter(blobs.items())
        # In pieces: between two of them a job's state may be written.
        while piece := [(owner, digest, size) for digest, size in islice(rows, _GRANT_ROWS)]:
            await self._db.write(partial(_grant, rows=piece))

    def partial_folder(self, owner: str) -> Path:
        """Where uploads of `owner` that broke off wait to go on, each under its digest."""
        folder = self._partial_folders.get(owner)
        if folder is None:
            folder = self._partial_folders[owner] = self.partials / owner
            folder.mkdir(exist_ok=True)
        return folder

    def is_arriving(self, owner: str, digest: str) -> bool:
        """Whether an upload of `owner` is at the large blob right now."""
        return any(self.partial_folder(owner).glob(f"{digest}.*"))

    def have(self, owner: str, digest: str) -> int:
        """How many bytes of an upload that broke off are here."""
        return self.parts(owner).get(digest, 0)

    def parts(self, owner: str) -> dict[str, int]:
        """Sizes in bytes of the owner's uploads that broke off, by digest."""
        with os.scandir(self.partial_folder(owner)) as listing:
            return {entry.name: entry.stat().st_size for entry in listing if is_digest(entry.name)}

    def tidy(self) -> None:
        """After a crash: put interrupted uploads back in their places, drop what is temporary or very old.

        What had arrived whole is `salvage`'s, before.
        """
        for file in self.partials.glob("*/*"):
            digest = file.name.partition(".")[0]
            if not is_digest(digest) or time.time() - file.stat().st_mtime > _PARTIAL_SECONDS:
                file.unlink()
            elif file.name != digest:
                file.chmod(0o600)
                park(file, file.with_name(digest))

    def _drop(self, temporary: Path) -> None:
        if self.shared:
            self._trash.take(temporary)
        else:
            temporary.unlink()

    def _install_copy(self, digest: str, path: Path) -> None:
        temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
        try:
            with full_disk_told(self.folder):
                copy_file(self.path(digest), temporary, _EXECUTABLE if path.suffix else _PLAIN)
                make_durable(self.folder, [temporary])
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file read in but not yet visible: its digest, size in bytes, and where it lies."""

    digest: str
    size: int
    temporary: Path


def _grant(connection: sqlite3.Connection, rows: list[tuple[str, str, int]]) -> None:
    connection.executemany("INSERT OR IGNORE INTO blob_holders VALUES (?, ?, ?)", rows)
    if connection.execute("SELECT 1 FROM damaged LIMIT 1").fetchone():
        connection.executemany("DELETE FROM damaged WHERE digest = ?", [(digest,) for _, digest, _ in rows])


def park(part: Path, place: Path) -> None:
    """Keep the received `part` of a blob at `place` for an upload that goes on, unless more is there already."""
    if place.exists() and place.stat().st_size >= part.stat().st_size:
        part.unlink()
    else:
        part.rename(place)


def _link_unshared(source: int, parent: int, name: str, temporary: Path) -> bool:
    """Link the open file `name` to `temporary` if it can be a blob from now on; False, and nothing done, if not."""
    status = os.fstat(source)
    if status.st_nlink != 1 or status.st_mode & stat.S_IXUSR:
        return False
    try:
        os.link(name, temporary, src_dir_fd=parent, follow_symlinks=False)
        if status.st_uid != os.geteuid():
            os.fchown(source, os.geteuid(), os.getegid())
        os.fchmod(source, _PLAIN)
        # The kernel grants a read lease only on a file that nobody has open for writing.
        fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        if os.lstat(temporary).st_ino == status.st_ino:
            return True
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
    temporary.unlink(missing_ok=True)
    return False


def _copy_open(source: int, temporary: Path) -> None:
    writing = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        copy_contents(source, writing)
        os.fchmod(writing, _PLAIN)
    except BaseException:
        temporary.unlink()
        raise
    finally:
        os.close(writing)
