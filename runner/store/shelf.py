"""Changing what is on the shelf: datasets renamed, described, shared and removed, and who uses them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from runner.errors import BadRequest, Conflict, NotFound
from runner.models import Dataset, DatasetChange, DatasetUse, Event, JobState, check_name
from runner.store.datasets import Datasets
from runner.store.db import Database
from runner.store.deleted import remove_versions
from runner.store.roots import let_go

MAX_DESCRIPTION = 10_000
_USES = """SELECT owner, name, number, state, json_extract(value, '$.source') AS source
FROM jobs JOIN projects ON projects.id = jobs.project AND deleted_at IS NULL, json_each(jobs.document, '$.inputs')
WHERE substr(source, 1, length(:of)) = :of ORDER BY jobs.id DESC"""


class Shelf:
    """Changes to datasets; all but `uses` are for their owner alone, who checks that is who uses this.

    Each is told through `publish`, and through `tell_all` that one is gone which everybody could see.
    """

    def __init__(
        self,
        db: Database,
        datasets: Datasets,
        publish: Callable[[Event], None],
        tell_all: Callable[[Event], None],
    ) -> None:
        self._db = db
        self._datasets = datasets
        self._publish, self._tell_all = publish, tell_all

    async def uses(self, owner: str, name: str, caller: str, version: int | None = None) -> list[DatasetUse]:
        """The jobs that have a version (None: any) as an input, newest first; other people's without their names."""
        return await self._db.read(lambda c: [use for use in _uses(c, owner, name, caller) if _of(use, version)])

    async def change(self, owner: str, name: str, change: DatasetChange) -> Dataset:
        """Change what is given; raises `NotFound`, `BadName`, `BadRequest`, or `Conflict` where it cannot be now."""
        _check(change)
        new = check_name(change.name, "dataset name") if change.name is not None else name
        await self._datasets.get(owner, name, owner)
        was_public = await self._db.write(lambda c: _change(c, owner, name, new, change))
        changed = await self._datasets.get(owner, new, owner)
        if new != name or not changed.public:
            self._gone(owner, name, was_public)
        self._publish(Event(dataset=changed))
        return changed

    async def remove(self, owner: str, name: str, version: int | None) -> None:
        """Put a version, or with None the whole dataset, into the trash (`runner.store.deleted`).

        Raises `NotFound`, or `Conflict` while a job uses it.
        """
        was_public = await self._db.write(lambda c: _remove(c, owner, name, version))
        if version is None:
            self._gone(owner, name, was_public)
        else:
            self._publish(Event(dataset=await self._datasets.get(owner, name, owner)))

    def _gone(self, owner: str, name: str, was_public: bool) -> None:
        """Say that nobody finds it by this name any more, or its owner alone: told that next, they find it again."""
        (self._tell_all if was_public else self._publish)(Event(removed=f"{owner}/datasets/{name}"))


def _check(change: DatasetChange) -> None:
    if change.description is not None and len(change.description) > MAX_DESCRIPTION:
        raise BadRequest(f"A description has at most {MAX_DESCRIPTION:,} characters.", "Shorten it.")
    if change == DatasetChange():
        raise BadRequest("The request changes nothing.", "Give a name, a description, or whether it is public.")


def _uses(connection: sqlite3.Connection, owner: str, name: str, caller: str) -> list[DatasetUse]:
    of = f"{owner}/datasets/{name}/"
    found = []
    for row in connection.execute(_USES, {"of": of}):
        job = f"{row['owner']}/projects/{row['name']}/{row['number']}" if row["owner"] == caller else None
        version = int(row["source"][len(of) :].partition("/")[0])
        found.append(DatasetUse(version, row["owner"], JobState(row["state"]), job))
    return found


def _of(use: DatasetUse, version: int | None) -> bool:
    return version in (None, use.version)


def _require_idle(connection: sqlite3.Connection, owner: str, name: str, version: int | None) -> None:
    active = [u for u in _uses(connection, owner, name, owner) if _of(u, version) and not u.state.ended]
    if active:
        who = ", ".join(sorted({use.job or f"a job of {use.owner}" for use in active}))
        raise Conflict(f"{name} is in use by {who}.", "Wait for the end of that, or stop it.")


def _change(connection: sqlite3.Connection, owner: str, name: str, new: str, change: DatasetChange) -> bool:
    """Returns whether it was public before."""
    where = " WHERE owner = ? AND name = ?"
    before = connection.execute(f"SELECT public FROM datasets{where}", (owner, name)).fetchone()
    if change.description is not None:
        connection.execute(f"UPDATE datasets SET description = ?{where}", (change.description, owner, name))
    if change.public is not None:
        connection.execute(f"UPDATE datasets SET public = ?{where}", (change.public, owner, name))
    if new != name:
        _require_idle(connection, owner, name, None)
        if connection.execute(f"SELECT 1 FROM datasets{where}", (owner, new)).fetchone():
            raise Conflict(f"There is a dataset {new} already.", "Choose another name, or remove that one.")
        connection.execute(f"UPDATE datasets SET name = ?{where}", (new, owner, name))
    return before is not None and bool(before["public"])


def _remove(connection: sqlite3.Connection, owner: str, name: str, version: int | None) -> bool:
    """Returns whether the dataset is public."""
    sql = """SELECT id, public, version, tree FROM datasets LEFT JOIN versions ON versions.dataset = datasets.id
             WHERE owner = ? AND name = ?"""
    rows = [row for row in connection.execute(sql, (owner, name)) if version in (None, row["version"])]
    if not rows:
        what = name if version is None else f"{name}/{version}"
        raise NotFound(f"There is no dataset {what} of yours here.", "List them: floyd-tui data ls")
    _require_idle(connection, owner, name, version)
    remove_versions(connection, rows[0]["id"], version)
    let_go(connection, owner, [row["tree"] for row in rows])
    return bool(rows[0]["public"])
