"""The table of fetches: what was asked for, how far it is, how it ended."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from runner.errors import Conflict, NotFound
from runner.fetching.part import Standing
from runner.models import Fetch, decode, encode
from runner.store.db import Database

MAX_UNFINISHED = 100
_INSERT = "INSERT INTO fetches (id, owner, document, wish, standing) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be fetched, with all that logs in. `own` says that the runner's own user asks."""

    url: str
    sha256: str | None
    unpack: bool | None
    message: str
    own: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A fetch that is still to be done, and where it stands."""

    fetch: Fetch
    wish: Wish
    standing: Standing


class FetchStore:
    """Fetches in the database, as JSON documents."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, fetch: Fetch, wish: Wish) -> Unfinished:
        """Write a new one down, unless the same is under way or has failed: that goes on then, and is the answer.

        Raises `Conflict` where its owner has too many under way.
        """
        return await self._db.write(lambda c: _add(c, fetch, wish))

    async def save(self, fetch: Fetch) -> None:
        """Write down how a fetch is now. Of one that cannot go on nothing is kept that could log in."""
        sql = "UPDATE fetches SET document = ?, ended = ?, wish = CASE WHEN ? THEN '' ELSE wish END WHERE id = ?"
        row = (encode(fetch).decode(), fetch.ended, fetch.state in ("done", "cancelled"), fetch.id)
        await self._db.write(lambda c: c.execute(sql, row))

    async def stands(self, fetch: str, standing: Standing) -> None:
        """Write down how far its download is."""
        row = (encode(standing).decode(), fetch)
        await self._db.write(lambda c: c.execute("UPDATE fetches SET standing = ? WHERE id = ?", row))

    async def of_owner(self, owner: str) -> list[Fetch]:
        """The owner's fetches, newest first."""
        sql = "SELECT document FROM fetches WHERE owner = ?"
        rows = await self._db.read(lambda c: c.execute(sql, (owner,)).fetchall())
        return sorted((decode(row["document"], Fetch) for row in rows), key=lambda fetch: -fetch.created_at)

    async def get(self, owner: str, fetch: str) -> Fetch:
        """One of the owner's fetches; raises `NotFound`."""
        sql = "SELECT document FROM fetches WHERE owner = ? AND id = ?"
        row = await self._db.read(lambda c: c.execute(sql, (owner, fetch)).fetchone())
        if row is None:
            raise NotFound(f"There is no fetch {fetch} of yours here.", "List them: floyd-tui data fetches")
        return decode(row["document"], Fetch)

    async def unfinished(self) -> list[Unfinished]:
        """All that are still to be done, oldest first."""
        rows = await self._db.read(lambda c: c.execute("SELECT * FROM fetches WHERE NOT ended").fetchall())
        return sorted((_unfinished(row) for row in rows), key=lambda each: each.fetch.created_at)

    async def resumable(self) -> set[str]:
        """The ids of those whose bytes are of use: under way, or failed and perhaps asked for again."""
        rows = await self._db.read(lambda c: c.execute("SELECT id FROM fetches WHERE wish != ''").fetchall())
        return {row["id"] for row in rows}

    async def remove(self, fetch: str) -> None:
        """Forget one."""
        await self._db.write(lambda c: c.execute("DELETE FROM fetches WHERE id = ?", (fetch,)))

    async def prune(self, before: float) -> None:
        """Forget those that ended before that time (epoch seconds)."""
        sql = "DELETE FROM fetches WHERE ended AND json_extract(document, '$.ended_at') < ?"
        await self._db.write(lambda c: c.execute(sql, (before,)))


def _unfinished(row: sqlite3.Row) -> Unfinished:
    fetch, wish = decode(row["document"], Fetch), decode(row["wish"], Wish)
    return Unfinished(fetch, wish, decode(row["standing"], Standing))


def _add(connection: sqlite3.Connection, fetch: Fetch, wish: Wish) -> Unfinished:
    sql = "SELECT * FROM fetches WHERE owner = ? AND wish != ''"
    known = [_unfinished(row) for row in connection.execute(sql, (fetch.owner,))]
    for one in known:
        if one.wish == wish and one.fetch.dataset == fetch.dataset:
            return _again(connection, one) if one.fetch.ended else one
    under_way = sum(not one.fetch.ended for one in known)
    if under_way >= MAX_UNFINISHED:
        raise Conflict(f"{under_way} fetches of yours are under way.", "Wait for some of them, or cancel some.")
    new = Unfinished(fetch, wish, Standing())
    documents = [encode(each).decode() for each in (fetch, wish, new.standing)]
    connection.execute(_INSERT, (fetch.id, fetch.owner, *documents))
    return new


def _again(connection: sqlite3.Connection, failed: Unfinished) -> Unfinished:
    fetch = replace(failed.fetch, state="waiting", problem=None, ended_at=None)
    sql = "UPDATE fetches SET ended = 0, document = ? WHERE id = ?"
    connection.execute(sql, (encode(fetch).decode(), fetch.id))
    return replace(failed, fetch=fetch)
