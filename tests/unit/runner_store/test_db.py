"""The database: transactions, threads, schema versions."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from runner.errors import NoSpace, Unavailable
from runner.store.db import Database
from runner.store.schema import MIGRATIONS
from tests.support.small_disk import small_disk, takes_root
from tests.unit.runner_store.store import Store


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM datasets").fetchone()[0])


def insert(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("INSERT INTO datasets (owner, name, created_at) VALUES ('ann', ?, 0)", (name,))


async def test_a_failing_change_leaves_nothing(store: Store) -> None:
    def change(connection: sqlite3.Connection) -> None:
        insert(connection, "a")
        raise KeyError("after the insert")

    with pytest.raises(KeyError):
        await store.db.write(change)
    assert await store.db.read(count) == 0
    await store.db.write(lambda c: insert(c, "b"))
    assert await store.db.read(count) == 1


async def test_many_at_once_are_carried_out_one_by_one(store: Store) -> None:
    def change(connection: sqlite3.Connection) -> int:
        number = count(connection)
        insert(connection, str(number))
        return number

    assert sorted(await asyncio.gather(*(store.db.write(change) for _ in range(50)))) == list(range(50))


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await store.db.read(lambda c: insert(c, "a"))


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    for expected in (0, 1):
        db = Database(tmp_path / "db")
        assert await db.read(count) == expected
        await db.write(lambda c: insert(c, "a") if not count(c) else None)
        db.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(Unavailable, match="newer runner"):
        Database(tmp_path / "db")


async def test_a_damaged_file_is_told_by_whatever_meets_it(tmp_path: Path) -> None:
    db = Database(tmp_path / "runner.db")
    rows = [("ann", f"{number:0100}", 0.0) for number in range(3000)]
    await db.write(lambda c: c.executemany("INSERT INTO datasets (owner, name, created_at) VALUES (?, ?, ?)", rows))
    await db.check()
    db.close()
    with (tmp_path / "runner.db").open("r+b") as file:
        size = file.seek(0, 2)
        for page in range(size // 4096 // 2, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    db = Database(tmp_path / "runner.db")
    try:
        for meets in (
            db.check(),
            db.read(lambda c: c.execute("SELECT * FROM datasets").fetchall()),
            db.write(lambda c: c.execute("UPDATE datasets SET description = 'new'").rowcount),
        ):
            with pytest.raises(Unavailable, match=r"runner.db cannot be used: .*") as told:
                await meets
            assert "Restore it from a copy" in told.value.hint
    finally:
        db.close()


async def test_a_full_disk_is_told(store: Store) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        for number in range(2000):
            insert(connection, "x" * 4000 + str(number))

    await store.db.write(lambda c: c.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(NoSpace, match="full"):
        await store.db.write(fill)
    assert await store.db.read(count) == 0


def eat(file: BinaryIO) -> None:
    """Take all that is free on the disk of `file`, to the last block."""
    for size in (1 << 16, 4096):
        with contextlib.suppress(OSError):
            while file.write(bytes(size)) == size:
                pass


@takes_root
async def test_changes_are_written_while_somebody_takes_every_byte_that_comes_free(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk, (disk / "eaten").open("wb", buffering=0) as eaten:
        database = Database(disk / "test.db")
        for name in range(40):
            eat(eaten)
            await database.write(partial(insert, name=str(name)))
        assert await database.read(count) == 40
        database.close()
