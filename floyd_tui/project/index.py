"""A folder as the last snapshot of it saw it, so that what has not changed is neither read nor written out again.

One SQLite file in the user's cache folder, a row for each folder of each root: the fingerprint of what lies right in
it, its lines of the manifest, and for when they differ what was seen of each file. A file counts as unchanged while its
size, times of modification and of change, and inode are the same. As in git, it is remembered only once it has been
left alone for a moment: a second write within one tick of the file system's clock would otherwise go unseen. The index
is only ever a shortcut: if it is broken, busy or cannot be written, files are read instead.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from floyd_tui.project.scan import MARKS_BYTES
from runner.models import read_entries

# Coarsest clock of a file system in use (FAT) ticks every two seconds.
SETTLED_NS = 2_000_000_000
KEEP_SECONDS = 90 * 24 * 3600
_SCHEMA = """
CREATE TABLE IF NOT EXISTS roots(id INTEGER PRIMARY KEY, path BLOB UNIQUE NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS folders(
    id INTEGER PRIMARY KEY, root INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE, path BLOB NOT NULL,
    inode BLOB, print BLOB, rules BLOB, files INTEGER, size INTEGER, folders BLOB, cuts BLOB, lines BLOB,
    UNIQUE(root, path));
CREATE TABLE IF NOT EXISTS marks(
    folder INTEGER PRIMARY KEY REFERENCES folders(id) ON DELETE CASCADE, names BLOB, marks BLOB);
"""
_SEAL_BYTES = 4
_COLUMNS = "id, path, inode, print, rules, files, size, folders, cuts, lines"
Row = tuple[int, bytes, bytes, bytes, bytes, int, int, bytes, bytes, bytes]


@dataclass(slots=True)
class Remembered:
    """What is remembered of one folder.

    `print` is its `Scan.print`, empty where it is to be looked at again in any case; `rules` what the ignore rules in
    force there were; `folders` the names of subfolders that went up; `lines` those of its own files and links, and
    `cuts` where in them subfolders belong, in bytes. `files` and `size` (bytes) count its own files.
    """

    path: str
    inode: int
    print: bytes
    rules: bytes
    files: int
    size: int
    folders: list[str]
    cuts: array[int]
    lines: bytes
    key: int = 0

    @classmethod
    def of(cls, row: Row) -> Remembered:
        """The folder of a row."""
        key, path, inode, print_, rules, files, size, folders, cuts, lines = row
        names = [os.fsdecode(name) for name in folders.split(b"\0")[:-1]]
        number = int.from_bytes(inode, "big")
        return cls(os.fsdecode(path), number, print_, rules, files, size, names, array("Q", cuts), lines, key)


# The marks of a file, as bytes, and its digest.
Known = dict[str, tuple[bytes, str]]


class Index:
    """What is remembered of one root. Not thread-safe; `close` it."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file = file
        self._root = os.fsencode(root)
        self._db: sqlite3.Connection | None = None
        self._id = 0
        self.folders: dict[str, Remembered] = {}
        self._by_inode: dict[int, Remembered] = {}
        self._seen: set[str] = set()

    def load(self) -> None:
        """Read what is remembered; nothing if the index cannot be read."""
        with self._unless_broken():
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Another thread may close it.
            self._db = sqlite3.connect(self._file, timeout=1, check_same_thread=False, isolation_level=None)
            self._set_up(self._db)
            found = self._db.execute("SELECT id FROM roots WHERE path = ?", (self._root,)).fetchone()
            self._id = found[0] if found else 0
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM folders WHERE root = ?", (self._id,))
            each = [Remembered.of(whole) for row in rows if (whole := _unsealed(row))]
            self.folders = {one.path: one for one in each}
            self._by_inode = {one.inode: one for one in each}

    def get(self, path: str, rules: bytes) -> Remembered | None:
        """The folder at `path` if what is remembered of it holds under `rules`, should its fingerprint be the same."""
        folder = self.folders.get(path)
        return folder if folder is not None and folder.print and folder.rules == rules else None

    def renamed(self, inode: int, rules: bytes) -> Remembered | None:
        """The folder with that inode, under whatever path, if the same holds of it."""
        folder = self._by_inode.get(inode)
        return folder if folder is not None and folder.print and folder.rules == rules else None

    def stays(self, path: str) -> None:
        """Say that the folder at `path` is as it was."""
        self._seen.add(path)

    @property
    def gone(self) -> set[str]:
        """The folders that are remembered and of which nothing was said or put."""
        return self.folders.keys() - self._seen

    def differs(self, folder: Remembered) -> bool:
        """Whether `folder` holds other files and links than is remembered of it."""
        was = self.folders.get(folder.path)
        return was is None or was.lines != folder.lines

    def known(self, path: str, inode: int) -> Known:
        """The files of a folder that has changed, as they were: by its path, or by its inode where it was renamed."""
        same = {id(one): one for one in (self.folders.get(path), self._by_inode.get(inode)) if one is not None}
        known: Known = {}
        for folder in same.values():
            with self._unless_broken():
                known |= self._files_of(folder)
        return known

    def _files_of(self, folder: Remembered) -> Iterator[tuple[str, tuple[bytes, str]]]:
        row = self._db and self._db.execute("SELECT names, marks FROM marks WHERE folder = ?", (folder.key,)).fetchone()
        if not row:
            return
        entries = read_entries(folder.lines)
        digests = {entry.path.rpartition("/")[2]: entry.digest for entry in entries if entry.kind == "file"}
        for number, name in enumerate(os.fsdecode(row[0]).split("\0")[:-1]):
            if digest := digests.get(name):
                yield name, (row[1][number * MARKS_BYTES : (number + 1) * MARKS_BYTES], digest)

    def begin(self) -> None:
        """Begin to write: all that is put from here on is kept by `commit`, or none of it."""
        with self._unless_broken():
            if self._db is None:
                return
            now = time.time()
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM roots WHERE used < ?", (now - KEEP_SECONDS,))
            self._db.execute(
                "INSERT INTO roots(path, used) VALUES(?, ?) ON CONFLICT(path) DO UPDATE SET used = excluded.used",
                (self._root, now),
            )
            self._id = self._db.execute("SELECT id FROM roots WHERE path = ?", (self._root,)).fetchone()[0]

    def put(self, folder: Remembered, names: list[str], marks: array[int]) -> None:
        """Remember `folder` and what was seen of its files."""
        self._seen.add(folder.path)
        with self._unless_broken():
            if self._db is None:
                return
            row = (
                self._id,
                os.fsencode(folder.path),
                folder.inode.to_bytes(8, "big"),
                folder.print,
                folder.rules,
                folder.files,
                folder.size,
                _joined(folder.folders),
                folder.cuts.tobytes(),
                folder.lines,
            )
            sql = f"INSERT OR REPLACE INTO folders({_COLUMNS.replace('id', 'root', 1)})"
            cursor = self._db.execute(f"{sql} VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _sealed(row))
            self._db.execute("INSERT INTO marks VALUES(?, ?, ?)", (cursor.lastrowid, _joined(names), marks.tobytes()))

    def commit(self) -> None:
        """Keep what was put, and forget what is gone."""
        with self._unless_broken():
            if self._db is not None and self._db.in_transaction:
                gone = [(self._id, os.fsencode(path)) for path in self.gone]
                self._db.executemany("DELETE FROM folders WHERE root = ? AND path = ?", gone)
                self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file and all that was read from it; what was not committed is not kept."""
        self.folders, self._by_inode = {}, {}
        self._let_go()

    def _let_go(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextlib.contextmanager
    def _unless_broken(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._let_go()
            # A damaged file is worth nothing: the next one begins afresh. Busy or full is another matter.
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                with contextlib.suppress(OSError):
                    self._file.unlink()

    @staticmethod
    def _set_up(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA foreign_keys = ON")
        # Losing the last lines in a power cut only costs reading those files again.
        db.execute("PRAGMA synchronous = OFF")
        # Making and removing a journal takes longer than writing one folder.
        db.execute("PRAGMA journal_mode = PERSIST")
        db.executescript(_SCHEMA)


def _sealed(row: Row) -> Row:
    """`row` with a checksum at its end: SQLite has none, and a bit that turned would be another file's content."""
    return (*row[:-1], row[-1] + _checksum(row))


def _unsealed(row: Row) -> Row | None:
    """The row as it was before `_sealed`; None where something of it has changed since."""
    bare = (*row[:-1], row[-1][:-_SEAL_BYTES])
    return bare if row[-1][-_SEAL_BYTES:] == _checksum(bare) else None


def _checksum(row: Row) -> bytes:
    found = 0
    for value in row[1:]:  # the first is a number of the database's own
        data = value if isinstance(value, bytes) else repr(value).encode()
        found = crc32(data, crc32(b"%d:" % len(data), found))
    return found.to_bytes(_SEAL_BYTES, "big")


def _joined(names: list[str]) -> bytes:
    return os.fsencode("".join(f"{name}\0" for name in names))
