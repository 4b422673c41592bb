"""Digests remembered from last time, so that a file that has not changed is not read again.

One SQLite file in the user's cache folder. A file counts as unchanged while its size, times of modification and of
change, and inode are the same. As in git, a digest is remembered only once the file has been left alone for a moment:
a second write within one tick of the file system's clock would otherwise go unseen. The cache is only ever a
shortcut: if it is broken, busy or cannot be written, files are read instead.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from floyd_tui.project.walk import FoundFile

# Coarsest clock of a file system in use (FAT) ticks every two seconds.
SETTLED_NS = 2_000_000_000
KEEP_SECONDS = 90 * 24 * 3600
_SCHEMA = """
CREATE TABLE IF NOT EXISTS roots(id INTEGER PRIMARY KEY, path BLOB UNIQUE NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS files(
    root INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE, path BLOB NOT NULL,
    size INTEGER, mtime INTEGER, ctime INTEGER, inode INTEGER, digest BLOB,
    PRIMARY KEY(root, path)) WITHOUT ROWID;
"""

Stamp = tuple[int, int, int, int]


def stamp(file: FoundFile) -> Stamp:
    """What must be equal for a file to count as unchanged."""
    return file.size, file.mtime_ns, file.ctime_ns, _signed(file.inode)


def _signed(inode: int) -> int:
    # Windows file ids fill 64 bits unsigned; SQLite's integers are signed.
    return (inode + (1 << 63)) % (1 << 64) - (1 << 63)


class StatCache:
    """The remembered digests of one root folder."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file = file
        self._root = os.fsencode(root)
        self._known: dict[bytes, tuple[Stamp, str]] = {}

    def load(self) -> None:
        """Read what is remembered of this root; nothing if the cache cannot be read."""
        with contextlib.suppress(sqlite3.Error, OSError), self._open() as db:
            rows = db.execute(
                "SELECT f.path, size, mtime, ctime, inode, digest FROM files f JOIN roots r ON r.id = f.root"
                " WHERE r.path = ?",
                (self._root,),
            )
            self._known = {path: (tuple(rest), digest.hex()) for path, *rest, digest in rows}

    def get(self, file: FoundFile) -> str | None:
        """The digest of `file` if it is known and the file has not changed since."""
        known = self._known.get(os.fsencode(file.path))
        return known[1] if known and known[0] == stamp(file) else None

    def save(self, digests: Iterable[tuple[FoundFile, str]], hashed_at_ns: int) -> None:
        """Remember `digests` (all files of the root) as read from `hashed_at_ns` on; forgets files that are gone."""
        settled = {
            os.fsencode(file.path): (stamp(file), digest)
            for file, digest in digests
            if max(file.mtime_ns, file.ctime_ns) < hashed_at_ns - SETTLED_NS
        }
        changed = [(path, *value) for path, value in settled.items() if self._known.get(path) != value]
        gone = [path for path in self._known if path not in settled]
        if not (changed or gone):
            return
        with contextlib.suppress(sqlite3.Error, OSError), self._open() as db:
            self._write(db, changed, gone)
        self._known = settled

    def _write(self, db: sqlite3.Connection, changed: list[tuple[bytes, Stamp, str]], gone: list[bytes]) -> None:
        now = time.time()
        db.execute("DELETE FROM roots WHERE used < ?", (now - KEEP_SECONDS,))
        db.execute(
            "INSERT INTO roots(path, used) VALUES(?, ?) ON CONFLICT(path) DO UPDATE SET used = excluded.used",
            (self._root, now),
        )
        (root,) = db.execute("SELECT id FROM roots WHERE path = ?", (self._root,)).fetchone()
        db.executemany("DELETE FROM files WHERE root = ? AND path = ?", [(root, path) for path in gone])
        db.executemany(
            "INSERT OR REPLACE INTO files VALUES(?, ?, ?, ?, ?, ?, ?)",
            [(root, path, *marks, bytes.fromhex(digest)) for path, marks, digest in changed],
        )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(self._file, timeout=1)
        try:
            self._set_up(db)
            with db:
                yield db
        except sqlite3.DatabaseError as error:
            # A damaged file is worth nothing: the next one begins afresh. Busy or full is another matter.
            if not isinstance(error, sqlite3.OperationalError):
                self._file.unlink(missing_ok=True)
            raise
        finally:
            db.close()

    @staticmethod
    def _set_up(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA foreign_keys = ON")
        # Losing the last lines in a power cut only costs reading those files again.
        db.execute("PRAGMA synchronous = OFF")
        db.executescript(_SCHEMA)
