"""SQLite behind two threads: one that writes, one that reads, so that the event loop never waits for a disk.

Each write is one transaction, durable when `write` returns (WAL with synchronous=FULL). Where the disk is full, a write
gets the room that was kept back for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from runner.errors import NoSpace, Unavailable
from runner.store.reserve import Reserve
from runner.store.schema import MIGRATIONS

T = TypeVar("T")
_BUSY_SECONDS = 30.0
# Pages of 4 KiB after which the write-ahead log is carried over, and the bytes that it has from the first and keeps:
# a job that takes whatever comes free on a full disk cannot have these.
_LOG_PAGES, _LOG_BYTES = 256, 5 << 18
# A disk with less than this is full, in bytes: the index of the log takes as much.
_LITTLE = 64 << 10


def nothing() -> None:
    """What is to be done after most writes."""


class Database:
    """The runner's database. Open at once; `close` ends its threads."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path` and bring its schema up to date; raises `Unavailable` if that cannot be."""
        self._path = path
        self._reserve = Reserve(path.with_name("reserve"))
        self._writer = self._open()
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only = 1")
        self._reserve.keep()
        _hold_log(path)
        self._write_thread = ThreadPoolExecutor(1, "db-write")
        self._read_thread = ThreadPoolExecutor(1, "db-read")

    async def write(self, change: Callable[[sqlite3.Connection], T], then: Callable[[], None] = nothing) -> T:
        """Run `change` in one transaction on the writing thread; whatever it raises rolls back.

        `then` is called there, too, once it is done and before any other.
        Cancelling the caller does not tear a transaction apart: it is carried out whole or was never begun.
        Raises `NoSpace` if the disk is full.
        """
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, self._carry_out, change, then)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` on the reading thread; it sees every write that has returned. Raises `Unavailable`, as all here,
        where the file turns out to be damaged.
        """
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, self._ask, query)

    async def check(self) -> None:
        """Look through the whole file; raises `Unavailable` naming the first thing that is not as it should be."""
        # By a connection of its own: it may take seconds, and what others ask goes on.
        if (found := await asyncio.to_thread(_look_through, self._path)) != "ok":
            raise _unusable(self._path, found)

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._reader.close()
        self._writer.close()

    def _open(self) -> sqlite3.Connection:
        """The first connection; the little room that opening takes comes out of the reserve."""
        while True:
            with contextlib.suppress(NoSpace):
                return _open(self._path)
            if not self._reserve.release():
                return _open(self._path)

    def _ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return query(self._reader)
        except sqlite3.DatabaseError as error:
            _tell(error, self._path)
            raise

    def _carry_out(self, change: Callable[[sqlite3.Connection], T], then: Callable[[], None]) -> T:
        result = self._transact(change)
        then()
        return result

    def _transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = self._attempt(change)
        except sqlite3.DatabaseError as error:
            if not (_is_full(error, self._path) and self._reserve.release()):
                _tell(error, self._path)
                raise
            return self._transact(change)
        self._reserve.keep()
        return result

    def _attempt(self, change: Callable[[sqlite3.Connection], T]) -> T:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            result = change(self._writer)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return result


def _open(path: Path) -> sqlite3.Connection:
    """The first connection, with the schema up to date."""
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(path)
        _migrate(connection, path)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.DatabaseError):
            _tell(error, path)
            raise _unusable(path, error) from error
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions are ours alone to begin and end.
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _hold_log(path: Path) -> None:
    """Give the write-ahead log its room, as well as that can be; SQLite passes over what it has not written itself."""
    with contextlib.suppress(OSError), path.with_name(f"{path.name}-wal").open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, _LOG_BYTES)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise Unavailable(
            f"{path} was written by a newer runner (schema {version}, this one knows {len(MIGRATIONS)}).",
            "Start that version of the runner, or a newer one.",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _look_through(path: Path) -> str:
    """``ok``, or the first thing that is wrong."""
    try:
        with contextlib.closing(_connect(path)) as connection:
            found: str = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            return found
    except sqlite3.DatabaseError as error:
        _tell(error, path)
        raise


def _is_full(error: sqlite3.DatabaseError, path: Path) -> bool:
    if "disk I/O error" in str(error):  # so it says where the index of its log finds no room
        return shutil.disk_usage(path.parent).free < _LITTLE
    return isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)


def _tell(error: sqlite3.DatabaseError, path: Path) -> None:
    """Raise what `error` is called before people, if it is the disk's fault and not a program's."""
    if _is_full(error, path):
        raise NoSpace(f"The disk that holds {path} is full.", "Make room on the host, then try again.") from error
    if type(error) is sqlite3.DatabaseError:  # a damaged file has no class of its own
        raise _unusable(path, error) from error


def _unusable(path: Path, why: object) -> Unavailable:
    hint = "Restore it from a copy, or move it away to begin with an empty one."
    return Unavailable(f"The database {path} cannot be used: {why}.", hint)
