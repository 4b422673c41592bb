"""What refers to what, asked of the database: which trees are wanted, and who holds which blob for nothing.

A tree is wanted by a version, by a job as its code or output, by a job that has not ended as an input, by a claim, and
for a while by having been put: its launch is on the way. What was deleted wants its trees until it is purged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from runner.errors import NotFound
from runner.models import EMPTY_TREE
from runner.store.claims import Claims

_ACTIVE = "('queued', 'preparing', 'running')"
_INPUTS = f"""SELECT json_extract(value, '$.tree') FROM jobs, json_each(jobs.document, '$.inputs')
WHERE state IN {_ACTIVE} AND json_extract(value, '$.tree') != ''"""
_DATASETS = "SELECT owner, tree FROM versions JOIN datasets ON datasets.id = versions.dataset"
_REMOVED = "SELECT owner, json_extract(value, '$.tree') AS tree FROM removed, json_each(document, '$.versions')"
_OF_JOBS = """SELECT owner, json_extract(document, '$.{0}') AS tree
FROM jobs JOIN projects ON projects.id = jobs.project WHERE tree IS NOT NULL"""
_OF_ATTEMPTS = """SELECT owner, json_extract(value, '$.output') AS tree
FROM jobs JOIN projects ON projects.id = jobs.project, json_each(document, '$.attempts') WHERE tree IS NOT NULL"""
_LIVE, _DELETED = "AND deleted_at IS NULL", "AND deleted_at IS NOT NULL"
_CODES, _OUTPUTS = _OF_JOBS.format("code"), (_OF_JOBS.format("output"), _OF_ATTEMPTS)
_LIVE_OUTPUTS = " UNION ".join(f"{sql} {_LIVE}" for sql in _OUTPUTS)
_TRASH = " UNION ".join((_REMOVED, *(f"{sql} {_DELETED}" for sql in (_CODES, *_OUTPUTS))))
_UNWANTED = f"""created_at <= ? AND (owner, digest) NOT IN ({" UNION ".join((_DATASETS, _REMOVED, _CODES, *_OUTPUTS))})
AND digest NOT IN ({_INPUTS})"""
# One row each, however many blobs they hold: DISTINCT would walk the whole table.
_OWNERS = """WITH RECURSIVE o (owner) AS (SELECT min(owner) FROM blob_holders
UNION ALL SELECT (SELECT min(owner) FROM blob_holders WHERE owner > o.owner) FROM o WHERE o.owner IS NOT NULL)
SELECT owner FROM o WHERE owner IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The trees that are wanted, by what for, and `all` that have a row or are mounted somewhere.

    Those in `trash` are wanted by what was deleted, and by nothing else.
    """

    datasets: frozenset[str]
    outputs: frozenset[str]
    code: frozenset[str]
    young: frozenset[str]
    trash: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Every one of them, and the empty tree."""
        return self.datasets | self.outputs | self.code | self.young | self.trash | {EMPTY_TREE}


def wanted(connection: sqlite3.Connection, cutoff: float) -> Wanted:
    """What is wanted now; trees put after `cutoff` (epoch seconds) are."""
    inputs = {row[0] for row in connection.execute(_INPUTS)}
    datasets = {row["tree"] for row in connection.execute(_DATASETS)}
    outputs = {row["tree"] for row in connection.execute(_LIVE_OUTPUTS)}
    code = {row["tree"] for row in connection.execute(f"{_CODES} {_LIVE}")}
    young = {row["digest"] for row in connection.execute("SELECT digest FROM trees WHERE created_at > ?", (cutoff,))}
    trash = {row["tree"] for row in connection.execute(_TRASH)} - datasets - inputs - outputs - code - young
    return Wanted(*map(frozenset, (datasets | inputs, outputs, code, young, trash)))


def forget_trees(connection: sqlite3.Connection, claims: Claims, cutoff: float) -> int:
    """Delete the rows of trees that nobody wants; returns how many."""
    rows = connection.execute(f"SELECT owner, digest FROM trees WHERE {_UNWANTED}", (cutoff,)).fetchall()
    with claims.lock:
        claimed = claims.held(row["digest"] for row in rows)
    unwanted = [tuple(row) for row in rows if row["digest"] not in claimed]
    if unwanted:
        claims.epoch += 1
        connection.executemany("DELETE FROM trees WHERE owner = ? AND digest = ?", unwanted)
    return len(unwanted)


def owners(connection: sqlite3.Connection) -> list[str]:
    """Everybody who holds a blob."""
    return [row["owner"] for row in connection.execute(_OWNERS)]


def owners_of(connection: sqlite3.Connection, tree: str) -> list[str]:
    """Everybody who has a row for `tree`, and so holds its blobs."""
    return [row["owner"] for row in connection.execute("SELECT owner FROM trees WHERE digest = ?", (tree,))]


def trees_of(connection: sqlite3.Connection, owner: str) -> set[str]:
    """The trees that `owner` has a row for."""
    return {row["digest"] for row in connection.execute("SELECT digest FROM trees WHERE owner = ?", (owner,))}


def held_page(connection: sqlite3.Connection, owner: str, after: str, limit: int) -> list[str]:
    """The next digests that `owner` holds, in order, from after `after` on."""
    sql = "SELECT digest FROM blob_holders WHERE owner = ? AND digest > ? ORDER BY digest LIMIT ?"
    return [row["digest"] for row in connection.execute(sql, (owner, after, limit))]


def held_between(connection: sqlite3.Connection, prefix: str) -> set[str]:
    """Digests that anybody holds, of those that begin with `prefix`."""
    sql = "SELECT digest FROM blob_holders WHERE owner = ? AND digest >= ? AND digest < ?"
    after = prefix + "g"  # no hex digit comes after it
    return {row["digest"] for one in owners(connection) for row in connection.execute(sql, (one, prefix, after))}


def release(connection: sqlite3.Connection, claims: Claims, owner: str, digests: Iterable[str]) -> None:
    """Delete `owner`'s hold on `digests`, except on what is claimed."""
    each = list(digests)
    with claims.lock:
        claimed = claims.held(each)
    claims.epoch += 1
    rows = [(owner, digest) for digest in each if digest not in claimed]
    connection.executemany("DELETE FROM blob_holders WHERE owner = ? AND digest = ?", rows)


def unheld(connection: sqlite3.Connection, digests: Iterable[str]) -> set[str]:
    """Those of `digests` that nobody holds."""
    left = set(digests)
    for owner in owners(connection):
        sql = "SELECT digest FROM json_each(?) CROSS JOIN blob_holders ON digest = value WHERE owner = ?"
        left -= {row["digest"] for row in connection.execute(sql, (json.dumps(sorted(left)), owner))}
    return left


def forget_damage(connection: sqlite3.Connection) -> None:
    """Forget damaged blobs that nobody holds any more: there is nothing to be healed."""
    found = {row["digest"] for row in connection.execute("SELECT digest FROM damaged")}
    if found:
        connection.executemany("DELETE FROM damaged WHERE digest = ?", [(one,) for one in unheld(connection, found)])


def unwanted_texts(connection: sqlite3.Connection, digests: Iterable[str]) -> set[str]:
    """Those of `digests` that are trees nobody has put or wants."""
    rows = {row["digest"] for row in connection.execute("SELECT digest FROM trees")}
    return set(digests) - rows - wanted(connection, 0.0).all


def unmounted(connection: sqlite3.Connection, digests: Iterable[str]) -> set[str]:
    """Those of `digests` that no job that has not ended has as an input."""
    return set(digests) - {row[0] for row in connection.execute(_INPUTS)}


def let_go(connection: sqlite3.Connection, owner: str, trees: Iterable[str | None]) -> None:
    """Say that `trees` are not on the way to anything: whoever referred to them is gone."""
    rows = [(owner, tree) for tree in trees if tree is not None]
    connection.executemany("UPDATE trees SET created_at = 0 WHERE owner = ? AND digest = ?", rows)


def require_tree(connection: sqlite3.Connection, owner: str, tree: str | None) -> None:
    """Raise `NotFound` unless `owner` has the whole tree: in the transaction that refers to it, so that it stays."""
    if tree in (None, EMPTY_TREE):
        return
    sql = "SELECT 1 FROM trees WHERE owner = ? AND digest = ? AND complete"
    if connection.execute(sql, (owner, tree)).fetchone() is None:
        raise NotFound(f"Tree {tree[:12] if tree else ''} was removed meanwhile.", "Send it again.")
