"""What was deleted and can be restored, until a collection takes it away for good.

A deleted job keeps its row, its folder and its number, and is in no list. A removed dataset or version is gone from the
tables; the rows that it was are kept beside them, as JSON. Each step is one transaction: a runner that is killed leaves
the one or the other.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from runner.errors import BadRequest, Conflict, NotFound
from runner.models import Job, Ref, Trashed, decode
from runner.store.db import Database

_JOBS = """SELECT jobs.id, owner, name, number, document, deleted_at FROM jobs
JOIN projects ON projects.id = jobs.project WHERE deleted_at IS NOT NULL"""
# So many are taken away in one transaction: each may have very many metrics.
_BATCH = 10


@dataclass(slots=True)
class Purged:
    """What was taken away for good: the trees that it referred to, and the (owner, project, number) of jobs."""

    trees: set[str] = field(default_factory=set)
    jobs: set[tuple[str, ...]] = field(default_factory=set)


class Deleted:
    """The trash, as its owners see it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(self, owner: str) -> list[Trashed]:
        """What the owner can have back, the last deleted first."""
        found = await self._db.read(lambda c: [*_jobs(c, owner), *_datasets(c, owner)])
        return sorted(found, key=lambda one: -one.deleted_at)

    async def restore(self, name: str, owner: str) -> Trashed:
        """Bring back the owner's deleted job, dataset or version; of several of one name the last deleted.

        Raises `NotFound`, and `Conflict` where another has its name by now. The answer has the name it has now.
        """
        ref = Ref.parse(name).with_defaults(owner, "projects")
        if ref.path or (ref.kind == "projects" and ref.number is None):
            raise BadRequest(f"{name!r} names nothing that can be restored.", "See what can be: floyd-tui trash")
        if ref.owner != owner:
            raise _nothing(ref)
        restore = _restore_job if ref.kind == "projects" else _restore_dataset
        return await self._db.write(lambda c: restore(c, ref))


def delete_job(connection: sqlite3.Connection, row: int) -> None:
    """Put an ended job away, by the id of its row."""
    connection.execute("UPDATE jobs SET deleted_at = ? WHERE id = ?", (time.time(), row))
    # Sent once more, a launch is to make a job that there is.
    connection.execute("DELETE FROM launches WHERE job = ?", (row,))


def remove_versions(connection: sqlite3.Connection, dataset: int, version: int | None) -> None:
    """Put a version away, or with None the whole dataset."""
    sql = "SELECT * FROM datasets WHERE id = ?"
    kept = dict(connection.execute(sql, (dataset,)).fetchone())
    rows = [dict(row) for row in connection.execute("SELECT * FROM versions WHERE dataset = ?", (dataset,))]
    versions = [row for row in rows if version in (None, row["version"])]
    document = json.dumps({"dataset": kept, "versions": versions})
    sql = "INSERT INTO removed (owner, dataset, version, removed_at, document) VALUES (?, ?, ?, ?, ?)"
    connection.execute(sql, (kept["owner"], kept["name"], version, time.time(), document))
    if version is None:
        connection.execute("DELETE FROM datasets WHERE id = ?", (dataset,))
    else:
        connection.execute("DELETE FROM versions WHERE dataset = ? AND version = ?", (dataset, version))


def purge_some(connection: sqlite3.Connection, before: float, purged: Purged) -> bool:
    """Take away for good some of what was deleted `before` (epoch seconds), told to `purged`; whether any was left."""
    sql = f"{_JOBS} AND deleted_at <= ? LIMIT {_BATCH}"
    jobs = connection.execute(sql, (before,)).fetchall()
    for row in jobs:
        job = decode(row["document"], Job)
        trees = (job.code, job.output, *(one.output for one in job.attempts))
        purged.trees.update(tree for tree in trees if tree is not None)
        purged.jobs.add((row["owner"], row["name"], str(row["number"])))
        connection.execute("DELETE FROM jobs WHERE id = ?", (row["id"],))
    sql = f"SELECT id, document FROM removed WHERE removed_at <= ? LIMIT {_BATCH}"
    removed = connection.execute(sql, (before,)).fetchall()
    for row in removed:
        purged.trees.update(version["tree"] for version in json.loads(row["document"])["versions"])
        connection.execute("DELETE FROM removed WHERE id = ?", (row["id"],))
    return bool(jobs or removed)


def _jobs(connection: sqlite3.Connection, owner: str) -> Iterable[Trashed]:
    for row in connection.execute(f"{_JOBS} AND person = ?", (owner,)):
        yield _trashed_job(row)


def _trashed_job(row: sqlite3.Row) -> Trashed:
    job = decode(row["document"], Job)
    size = job.output_size + job.log_size
    return Trashed(job.name, row["deleted_at"], size, job.message or job.command)


def _datasets(connection: sqlite3.Connection, owner: str) -> Iterable[Trashed]:
    for row in connection.execute("SELECT * FROM removed WHERE owner = ?", (owner,)):
        document = json.loads(row["document"])
        yield _trashed_dataset(row, row["dataset"], document)


def _trashed_dataset(row: sqlite3.Row, name: str, document: dict[str, Any]) -> Trashed:
    versions = document["versions"]
    number = "" if row["version"] is None else f"/{row['version']}"
    about = versions[-1]["message"] if row["version"] is not None else document["dataset"]["description"]
    size = sum(version["size"] for version in versions)
    return Trashed(f"{row['owner']}/datasets/{name}{number}", row["removed_at"], size, about)


def _restore_job(connection: sqlite3.Connection, ref: Ref) -> Trashed:
    sql = f"{_JOBS} AND owner = ? AND name = ? AND number = ?"
    row = connection.execute(sql, (ref.owner, ref.name, ref.number)).fetchone()
    if row is None:
        raise _nothing(ref)
    connection.execute("UPDATE jobs SET deleted_at = NULL WHERE id = ?", (row["id"],))
    return _trashed_job(row)


def _restore_dataset(connection: sqlite3.Connection, ref: Ref) -> Trashed:
    sql = "SELECT * FROM removed WHERE owner = ? AND dataset = ? AND version IS ? ORDER BY removed_at DESC LIMIT 1"
    row = connection.execute(sql, (ref.owner, ref.name, ref.number)).fetchone()
    if row is None:
        raise _nothing(ref)
    document = json.loads(row["document"])
    kept = document["dataset"]
    name = kept["name"] if ref.number is None else _home_of_version(connection, kept, ref.number)
    if ref.number is None:
        _require_free(connection, ref)
        _insert(connection, "datasets", {key: value for key, value in kept.items() if key != "id"})
    sql = "SELECT id FROM datasets WHERE owner = ? AND name = ?"
    dataset = connection.execute(sql, (ref.owner, name)).fetchone()["id"]
    for version in document["versions"]:
        _insert(connection, "versions", {**version, "dataset": dataset})
    connection.execute("DELETE FROM removed WHERE id = ?", (row["id"],))
    return _trashed_dataset(row, name, document)


def _home_of_version(connection: sqlite3.Connection, kept: dict[str, Any], number: int) -> str:
    """The name of the dataset that a version was of: it may have been renamed since, or another have its name."""
    sql = "SELECT name FROM datasets WHERE owner = ? AND created_at = ?"
    row = connection.execute(sql, (kept["owner"], kept["created_at"])).fetchone()
    if row is None:
        what = f"{kept['name']}/{number}"
        raise Conflict(f"The dataset that {what} was of is deleted.", f"First: floyd-tui data restore {kept['name']}")
    return str(row["name"])


def _require_free(connection: sqlite3.Connection, ref: Ref) -> None:
    sql = "SELECT 1 FROM datasets WHERE owner = ? AND name = ?"
    if connection.execute(sql, (ref.owner, ref.name)).fetchone():
        hint = f"Give that another name first: floyd-tui data rename {ref.name} NEW-NAME"
        raise Conflict(f"There is another dataset {ref.name} by now.", hint)


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def _nothing(ref: Ref) -> NotFound:
    number = "" if ref.number is None else f"/{ref.number}"
    what = "job" if ref.kind == "projects" else "dataset"
    hint = "See what can be restored: floyd-tui trash. A collection (gc) empties it."
    return NotFound(f"There is no deleted {what} {ref.name}{number} here.", hint)
