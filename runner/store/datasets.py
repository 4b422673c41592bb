"""Datasets: names for trees, in numbered versions that never change."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from runner.errors import NotFound
from runner.models import AddedVersion, Dataset, DatasetVersion, Event, Origin, TreeStatus, decode, encode
from runner.store.db import Database
from runner.store.roots import require_tree


@dataclass(frozen=True, slots=True)
class Content:
    """What a new version shall hold: a complete tree, and the job's name or the address that it is from."""

    tree: TreeStatus
    message: str = ""
    source: str | None = None
    origin: Origin | None = None


class Datasets:
    """The table of datasets. Each change is told through `publish`."""

    def __init__(self, db: Database, publish: Callable[[Event], None]) -> None:
        self._db = db
        self._publish = publish

    async def list(self, caller: str) -> list[Dataset]:
        """The caller's datasets and public ones, by owner and name."""
        sql = "SELECT * FROM datasets WHERE owner = ? OR public ORDER BY owner != ?, owner, name"
        return await self._db.read(lambda c: [_dataset(c, row) for row in c.execute(sql, (caller, caller)).fetchall()])

    async def find(self, owner: str, name: str, caller: str) -> Dataset | None:
        """The dataset if `caller` may see it, else None: another's private dataset is as good as none."""
        return await self._db.read(lambda c: _find(c, owner, name, caller))

    async def get(self, owner: str, name: str, caller: str) -> Dataset:
        """The dataset; raises `NotFound` where there is none that `caller` may see."""
        dataset = await self.find(owner, name, caller)
        if dataset is None:
            raise NotFound(f"There is no dataset {owner}/datasets/{name} here.", await self.hint(name, caller))
        return dataset

    async def hint(self, name: str, caller: str) -> str:
        """A sentence that helps someone who asked for the dataset `name`: near names, or how to make one."""
        names = [dataset.name for dataset in await self.list(caller)]
        return near(name, names) or "Upload one with `floyd-tui data upload`, or list yours with `floyd-tui data ls`."

    async def add(self, owner: str, name: str, content: Content) -> AddedVersion:
        """Make the next version of a dataset, and the dataset if it is new.

        Where the latest version has the same content already, that one is the answer and nothing is made.
        """
        added = await self._db.write(lambda c: _add(c, owner, name, content))
        if added.created:
            self._publish(Event(dataset=await self.get(owner, name, owner)))
        return added


def near(name: str, names: Sequence[str]) -> str:
    """A "did you mean" for `name` among `names`, or an empty string where none is like it."""
    import difflib

    matches = difflib.get_close_matches(name, sorted(set(names)), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(matches)}?" if matches else ""


def _find(connection: sqlite3.Connection, owner: str, name: str, caller: str) -> Dataset | None:
    sql = "SELECT * FROM datasets WHERE owner = ? AND name = ? AND (owner = ? OR public)"
    row = connection.execute(sql, (owner, name, caller)).fetchone()
    return _dataset(connection, row) if row else None


def _dataset(connection: sqlite3.Connection, row: sqlite3.Row) -> Dataset:
    sql = "SELECT * FROM versions WHERE dataset = ? ORDER BY version DESC"
    versions = tuple(_version(row, version) for version in connection.execute(sql, (row["id"],)))
    return Dataset(row["owner"], row["name"], row["created_at"], row["description"], bool(row["public"]), versions)


def _version(dataset: sqlite3.Row, row: sqlite3.Row) -> DatasetVersion:
    return DatasetVersion(
        owner=dataset["owner"],
        dataset=dataset["name"],
        version=row["version"],
        tree=row["tree"],
        files=row["files"],
        size=row["size"],
        created_at=row["created_at"],
        message=row["message"],
        source=row["source"],
        origin=decode(row["origin"], Origin) if row["origin"] else None,
    )


def _add(connection: sqlite3.Connection, owner: str, name: str, content: Content) -> AddedVersion:
    now = time.time()
    require_tree(connection, owner, content.tree.digest)
    connection.execute(
        "INSERT INTO datasets (owner, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (owner, name, now)
    )
    dataset = _find(connection, owner, name, owner)
    assert dataset is not None
    latest = dataset.versions[0] if dataset.versions else None
    if latest is not None and latest.tree == content.tree.digest:
        return AddedVersion(latest, created=False)
    tree = content.tree
    sql = "UPDATE datasets SET last_version = last_version + 1 WHERE owner = ? AND name = ? RETURNING last_version"
    number: int = connection.execute(sql, (owner, name)).fetchone()[0]
    version = DatasetVersion(owner, name, number, tree.digest, tree.files, tree.size, now, content.message)
    version = replace(version, source=content.source, origin=content.origin)
    origin = encode(content.origin).decode() if content.origin else None
    connection.execute(
        """INSERT INTO versions (dataset, version, tree, files, size, message, source, origin, created_at)
           SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM datasets WHERE owner = ? AND name = ?""",
        (number, tree.digest, tree.files, tree.size, content.message, content.source, origin, now, owner, name),
    )
    return AddedVersion(version, created=True)
