"""Curves of many jobs at once, each in a few values: what a list of jobs draws beside its rows.

However long a job logged, a few short ranges of its points are read: a list may ask for a screenful every few seconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from runner.models import Curve, Ref

# A job with no more points than this is read whole; of a longer one, each value is looked for in so many points.
_WHOLE, _NEAR = 1024, 256
_JOB = """SELECT jobs.id, json_extract(document, '$.metrics') AS metrics FROM jobs
JOIN projects ON projects.id = jobs.project AND deleted_at IS NULL WHERE owner = ? AND name = ? AND number = ?"""


def curves(connection: sqlite3.Connection, owner: str, names: Sequence[str], metric: str, points: int) -> list[Curve]:
    """The curve of `metric` (empty: `usual`) of each of the owner's jobs that has one, in `points` values at most."""
    found = []
    for name in names:
        ref = Ref.parse(name).with_defaults(owner, "projects")
        if (ref.owner, ref.kind) != (owner, "projects"):
            continue
        row = connection.execute(_JOB, (owner, ref.name, ref.number)).fetchone()
        known: dict[str, float] = json.loads(row["metrics"] or "{}") if row is not None else {}
        which = metric if metric in known else usual(known)
        if which and (read := _values(connection, row["id"], which, points)):
            found.append(Curve(name, which, tuple(read)))
    return found


def usual(metrics: Mapping[str, float]) -> str:
    """The metric that tells most of how a job goes: its loss, else the first that it logged; empty where none is."""
    return min(metrics, key=lambda name: (name != "loss", "loss" not in name), default="")


def _values(connection: sqlite3.Connection, job: int, metric: str, points: int) -> list[float]:
    last = connection.execute("SELECT max(position) FROM metrics WHERE job = ?", (job,)).fetchone()[0]
    if last is None:
        return []
    if last < _WHOLE:
        sql = "SELECT value FROM metrics WHERE job = ? AND name = ? ORDER BY position"
        return _thinned([row[0] for row in connection.execute(sql, (job, metric))], points)
    sql = """SELECT value FROM metrics WHERE job = ? AND position BETWEEN ? AND ? AND name = ?
             ORDER BY position DESC LIMIT 1"""
    ends = [last * (place + 1) // points for place in range(points)]
    rows = (connection.execute(sql, (job, end - _NEAR, end, metric)).fetchone() for end in ends)
    return [row[0] for row in rows if row is not None]


def _thinned(values: list[float], points: int) -> list[float]:
    """So many of `values`, evenly, with the last."""
    most = min(points, len(values))
    return [values[len(values) * (place + 1) // most - 1] for place in range(most)]
