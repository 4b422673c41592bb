"""What a folder's syncs have fetched so far: so that a file changed here is told from one that is as it came.

One SQLite file in the folder itself: it moves with the files, and its lock keeps a second sync out. Each version is
written down before it is fetched and again when it is there, so that a sync killed in between knows its own files.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from floyd_tui.client.part_file import PartFile
from floyd_tui.client.place import hash_file, same_file
from floyd_tui.errors import TransferError
from runner.models import FileInfo

NAME = ".floyd-sync.db"
# What the host must not write: SQLite's own files beside it too.
RESERVED = (NAME, f"{NAME}-journal", f"{NAME}-wal", f"{NAME}-shm")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files(
    path BLOB NOT NULL, version TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, modified_at REAL,
    mtime_ns INTEGER, PRIMARY KEY(path, version)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A version of a file that was fetched, or was about to be: then `mtime_ns` is None.

    `mtime_ns` is that of the file here when it had come. `digest` is empty where it is not known.
    """

    version: str
    digest: str
    size: int
    modified_at: float | None
    mtime_ns: int | None

    def is_at(self, path: Path, status: os.stat_result) -> bool:
        """Whether the regular file at `path` is this version as it came. May read it whole."""
        if status.st_size != self.size:
            return False
        if self.mtime_ns == status.st_mtime_ns:
            return True
        if self.mtime_ns is None:
            return same_file(FileInfo("", "file", self.size, self.modified_at, self.digest), path)
        return bool(self.digest) and hash_file(path) == self.digest


def version_of(info: FileInfo) -> str:
    """What stands for the content of a listed file."""
    return info.digest or info.stamp


class SyncMemory:
    """The memory of the folder `root`, for `source` alone. Its methods block: call them in threads, one at a time."""

    def __init__(self, root: Path, source: str) -> None:
        self._root, self._source = root, source
        self._db: sqlite3.Connection | None = None
        self._known: dict[str, tuple[Fetched, ...]] = {}
        self._made = self._opened = False

    def open(self) -> None:
        """Open or make it; raises `TransferError` where that cannot be, or the folder belongs to another sync."""
        file = self._root / NAME
        try:
            self._made = not self._root.exists()
            self._root.mkdir(parents=True, exist_ok=True)
            if file.is_symlink():
                raise TransferError(f"{file} is a link, and files are not written through links.", "Move it away.")
            # Autocommit is off only between BEGIN and COMMIT; the lock stays until `close`.
            self._db = sqlite3.connect(file, timeout=0.2, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._claim()
            self._db.execute("COMMIT")
            self._load()
            self._opened = True
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise self._trouble(error) from error
        except BaseException:
            self.close()
            raise

    def _claim(self) -> None:
        assert self._db is not None
        source = os.fsencode(self._source)
        self._db.execute("INSERT OR IGNORE INTO meta VALUES('source', ?)", (source,))
        (found,) = self._db.execute("SELECT value FROM meta WHERE key = 'source'").fetchone()
        if found != source:
            raise TransferError(
                f"{self._root} holds what was synced from {os.fsdecode(found)}.", "Choose another folder with --to."
            )

    def _load(self) -> None:
        assert self._db is not None
        known: dict[str, list[Fetched]] = {}
        for path, *rest in self._db.execute("SELECT path, version, digest, size, modified_at, mtime_ns FROM files"):
            known.setdefault(os.fsdecode(path), []).append(Fetched(*rest))
        self._known = {path: tuple(versions) for path, versions in known.items()}

    def _trouble(self, error: Exception) -> TransferError:
        file = self._root / NAME
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return TransferError(f"Another sync into {self._root} is running.", "Wait for its end, or stop it.")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            hint = "Remove it: what is here is then compared with the host's files by content."
            return TransferError(f"{file}, where syncs write down what came, is damaged.", hint)
        words = error.strerror if isinstance(error, OSError) else error
        return TransferError(f"{self._root} cannot be written: {words}.", "Choose another folder, or make room there.")

    def fetched(self, path: str) -> tuple[Fetched, ...]:
        """The versions of `path` that may be here."""
        return self._known.get(path, ())

    def expect(self, files: Iterable[FileInfo]) -> None:
        """Write down that these versions are about to come. What may be here now is known still."""
        new: dict[str, tuple[Fetched, ...]] = {}
        for info in files:
            version = version_of(info)
            others = [one for one in self.fetched(info.path) if one.version != version]
            came = [one for one in others if one.mtime_ns is not None]
            expected = [one for one in others if one.mtime_ns is None][-1:]
            new[info.path] = (*came, *expected, Fetched(version, info.digest, info.size, info.modified_at, None))
        self._write(new)

    def keep(self, files: Iterable[tuple[FileInfo, str, int]]) -> None:
        """Write down that these versions are here now, each with its digest and its time here (``mtime_ns``)."""
        self._write(
            {
                info.path: (Fetched(version_of(info), digest, info.size, info.modified_at, mtime_ns),)
                for info, digest, mtime_ns in files
            }
        )

    def came(self, files: Iterable[PartFile]) -> None:
        """`keep` for those of `files` that have come."""
        self.keep((file.info, file.received, file.mtime_ns) for file in files if file.placed)

    def _write(self, files: dict[str, tuple[Fetched, ...]]) -> None:
        assert self._db is not None
        if not files:
            return
        rows = [(os.fsencode(path), *astuple(one)) for path, versions in files.items() for one in versions]
        try:
            self._db.execute("BEGIN")
            self._db.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in files])
            self._db.executemany("INSERT INTO files VALUES(?, ?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        self._known |= files

    def close(self) -> None:
        """Let go of the folder; of one that nothing came into nothing is left."""
        if self._db is None:
            return
        self._db.close()
        self._db = None
        if self._opened and not self._known:
            with contextlib.suppress(OSError):
                (self._root / NAME).unlink()
                if self._made:
                    self._root.rmdir()
