"""SQLite behind two threads: one that writes, one that reads, so that the event loop never waits for a disk.

Each write is one transaction, durable when `write` returns (WAL with synchronous=FULL). Where the disk is full, a write
gets the room that was kept back for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from runner.errors import NoSpace, RunnerError, Unavailable
from runner.store.reserve import Reserve
from runner.store.schema import MIGRATIONS

T = TypeVar("T")
_BUSY_SECONDS = 30.0


class Database:
    """The runner's database. Open at once; `close` ends its threads."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path` and bring its schema up to date; raises `Unavailable` if that cannot be."""
        self._path = path
        self._writer = _open(path)
        self._reader = _connect(path)
        self._reader.execute("PRAGMA query_only = 1")
        self._reserve = Reserve(path.with_name("reserve"))
        self._reserve.keep()
        self._write_thread = ThreadPoolExecutor(1, "db-write")
        self._read_thread = ThreadPoolExecutor(1, "db-read")

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in one transaction on the writing thread; whatever it raises rolls back.

        Cancelling the caller does not tear a transaction apart: it is carried out whole or was never begun.
        Raises `NoSpace` if the disk is full.
        """
        return await asyncio.get_running_loop().run_in_executor(self._write_thread, self._transact, change)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` on the reading thread; it sees every write that has returned."""
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, query, self._reader)

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._reader.close()
        self._writer.close()

    def _transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = self._attempt(change)
        except sqlite3.OperationalError as error:
            if not (_is_full(error) and self._reserve.release()):
                raise _clear(error, self._path) from error
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
        if isinstance(error, sqlite3.Error):
            hint = "Restore it from a copy, or move it away to begin with an empty one."
            raise Unavailable(f"The database {path} cannot be used: {error}.", hint) from error
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions are ours alone to begin and end.
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise Unavailable(
            f"{path} was written by a newer runner (schema {version}, this one knows {len(MIGRATIONS)}).",
            "Start that version of the runner, or a newer one.",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _is_full(error: sqlite3.OperationalError) -> bool:
    return "disk is full" in str(error)


def _clear(error: sqlite3.OperationalError, path: Path) -> sqlite3.OperationalError | RunnerError:
    if _is_full(error):
        return NoSpace(f"The disk that holds {path} is full.", "Make room on the host, then try again.")
    return error
