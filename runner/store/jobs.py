"""The projects, jobs and metrics in the database. Each change of a job's state is one durable transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from runner.errors import Conflict, NotFound
from runner.models import Curve, Job, JobState, Metric, Project, decode, encode, is_transition_allowed
from runner.store.curves import curves
from runner.store.db import Database
from runner.store.deleted import delete_job
from runner.store.roots import let_go, require_tree

ACTIVE = (JobState.QUEUED, JobState.PREPARING, JobState.RUNNING)
_JOB = """SELECT jobs.*, projects.owner, projects.name FROM jobs
          JOIN projects ON projects.id = jobs.project AND deleted_at IS NULL"""
# In this order: the words are asked first, and their jobs by number.
_WORDS = """SELECT jobs.*, projects.owner, projects.name FROM job_words CROSS JOIN jobs ON jobs.id = job_words.rowid
            JOIN projects ON projects.id = jobs.project AND deleted_at IS NULL"""
# The plus keeps SQLite from counting along all jobs of the project: unfinished ones are few.
_PROJECT = f"""
SELECT p.*, (SELECT count(*) FROM jobs WHERE +project = p.id AND state IN ('{"', '".join(ACTIVE)}')) AS active,
       (SELECT number FROM jobs WHERE project = p.id AND deleted_at IS NULL ORDER BY number DESC LIMIT 1) AS latest,
       (SELECT state FROM jobs WHERE project = p.id AND deleted_at IS NULL ORDER BY number DESC LIMIT 1) AS latest_state
FROM projects p WHERE p.owner = ?"""
# Characters in a row that the index of words knows at least.
_INDEXED = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """An unfinished job as the database knows it.

    `ending` is the state that a stop already asked for, `parsed` the bytes of its log that were read for metrics,
    `turn` where it stands among waiting jobs of its priority, the smallest first.
    """

    job: Job
    ending: JobState | None
    parsed: int
    turn: int = 0


class JobStore:
    """Projects and jobs of all owners; callers are checked by who uses this."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # Projects

    async def projects(self, owner: str) -> list[Project]:
        """The owner's projects, the one last touched first."""
        rows = await self._db.read(lambda c: c.execute(_PROJECT, (owner,)).fetchall())
        return sorted(map(_project, rows), key=lambda project: -project.updated_at)

    async def project_names(self, owner: str) -> list[str]:
        """The names of the owner's projects."""
        sql = "SELECT name FROM projects WHERE owner = ? ORDER BY name"
        rows = await self._db.read(lambda c: c.execute(sql, (owner,)).fetchall())
        return [row["name"] for row in rows]

    async def ensure_project(self, owner: str, name: str, description: str = "") -> Project:
        """Make the project unless it is there; one that is there stays as it is."""
        await self._db.write(lambda c: _ensure_project(c, owner, name, description))
        sql = f"{_PROJECT} AND p.name = ?"
        return _project(await self._db.read(lambda c: c.execute(sql, (owner, name)).fetchone()))

    # Jobs

    async def create(self, job: Job, key: str | None = None) -> tuple[Job, bool]:
        """Store a queued job under its project's next number, which the answer carries; the project is made if new.

        Where a launch with this `key` made a job before, that one is the answer, and False: nothing is made.
        """

        def change(connection: sqlite3.Connection) -> tuple[Job, bool]:
            if (before := _launched(connection, job.owner, key)) is not None:
                return before, False
            require_tree(connection, job.owner, job.code)
            project = _ensure_project(connection, job.owner, job.project, "")
            sql = "UPDATE projects SET last_number = last_number + 1 WHERE id = ? RETURNING last_number"
            made = replace(job, number=connection.execute(sql, (project,)).fetchone()[0])
            sql = "INSERT INTO jobs (project, person, number, state, document, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
            values = (project, made.owner, made.number, made.state, _text(made), time.time())
            row = connection.execute(sql, values).lastrowid
            if key is not None:
                connection.execute("INSERT INTO launches (owner, key, job) VALUES (?, ?, ?)", (job.owner, key, row))
            return made, True

        return await self._db.write(change)

    async def launched(self, owner: str, key: str | None) -> Job | None:
        """The job that the owner's launch with `key` made, if it made one."""
        return await self._db.read(lambda c: _launched(c, owner, key))

    async def find(self, owner: str, project: str, number: int | None = None) -> Job | None:
        """The job, or the project's latest where `number` is None; None where there is none."""
        sql = f"{_JOB} WHERE owner = ? AND name = ?" + (" AND number = ?" if number is not None else "")
        values = (owner, project) if number is None else (owner, project, number)
        row = await self._db.read(lambda c: c.execute(f"{sql} ORDER BY number DESC LIMIT 1", values).fetchone())
        return _job(row) if row is not None else None

    async def select(
        self,
        owner: str,
        project: str | None = None,
        states: Sequence[JobState] = (),
        limit: int | None = None,
        text: str = "",
        offset: int = 0,
        group: str = "",
    ) -> list[Job]:
        """The owner's jobs, of `group` if that is given, newest first, without the first `offset` of them.

        With `text` those in whose name, message, command and so on each word is.
        """
        words = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").split()
        sql, values = _searched(words) if words else (f"{_JOB} WHERE true", [])
        sql, values = f"{sql} AND person = ?", [*values, owner]
        if project is not None:
            sql = f"{sql} AND project = (SELECT id FROM projects WHERE owner = ? AND name = ?)"
            values += [owner, project]
        if group:
            # Said twice: the index is of those that are in any group.
            sql = f"{sql} AND json_extract(document, '$.group') <> '' AND json_extract(document, '$.group') = ?"
            values.append(group)
        # Found words come in the order of their numbers, so that the search ends with the last job asked for.
        order = f"ORDER BY {'job_words.rowid' if words else 'jobs.id'} DESC LIMIT"
        end = None if limit is None else offset + limit

        def query(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            if not states:
                most = -1 if limit is None else limit
                return connection.execute(f"{sql} {order} {most} OFFSET {offset}", values).fetchall()
            # One state at a time the index gives them in order; several at once would all be looked at.
            found: list[sqlite3.Row] = []
            for state in set(states):
                most = -1 if end is None else end
                found += connection.execute(f"{sql} AND state = ? {order} {most}", (*values, str(state)))
            return sorted(found, key=lambda row: -int(row["id"]))[offset:end]

        return [_job(row) for row in await self._db.read(query)]

    async def standing(self, job: Job) -> Standing:
        """The job with what the database knows of it besides; raises `NotFound`."""
        return await self._db.read(lambda connection: _standing(_locked(connection, job)[0]))

    async def active(self) -> list[Standing]:
        """Every job of anybody that has not ended, oldest first."""
        sql = f"{_JOB} WHERE state IN ({','.join('?' * len(ACTIVE))}) ORDER BY jobs.id"
        rows = await self._db.read(lambda c: c.execute(sql, ACTIVE).fetchall())
        return [_standing(row) for row in rows]

    async def transition(self, job: Job, state: JobState, **changes: Any) -> Job:
        """Take the job to `state`, with other `changes` of its fields, in one transaction; returns it as it is now.

        Raises `Conflict` where the job is in a state that does not lead there, `NotFound` where it is gone.
        """

        def change(connection: sqlite3.Connection) -> Job:
            row, now = _locked(connection, job)
            if not is_transition_allowed(now.state, state):
                raise Conflict(f"{job.short} is {now.state} and cannot become {state}.", "Look at it again.")
            return _save(connection, row["id"], replace(now, state=state, **changes))

        return await self._db.write(change)

    async def try_again(self, job: Job, **changes: Any) -> Job | None:
        """Queue a running job for its next attempt, with other `changes`; None if it was told to end meanwhile."""

        def change(connection: sqlite3.Connection) -> Job | None:
            row, now = _locked(connection, job)
            if row["ending"] is not None:
                return None
            return _save(connection, row["id"], replace(now, state=JobState.QUEUED, **changes))

        return await self._db.write(change)

    async def update(self, job: Job, **changes: Any) -> Job:
        """Change fields of a job other than its state; returns it as it is now."""
        return await self._db.write(lambda c: _update(c, job, changes))

    async def tag(self, job: Job, tags: tuple[str, ...]) -> Job:
        """Give a job these tags, by which it is found from then on; returns it as it is now."""

        def change(connection: sqlite3.Connection) -> Job:
            row, now = _locked(connection, job)
            sql = "UPDATE job_words SET words = (SELECT words FROM job_texts WHERE id = ?) WHERE rowid = ?"
            saved = _save(connection, row["id"], replace(now, tags=tags))
            connection.execute(sql, (row["id"], row["id"]))
            return saved

        return await self._db.write(change)

    async def move(self, turns: Sequence[tuple[Job, int]], priority: int) -> None:
        """Give waiting jobs, all of `priority` from here on, other turns."""

        def change(connection: sqlite3.Connection) -> None:
            for job, turn in turns:
                row, now = _locked(connection, job)
                connection.execute("UPDATE jobs SET turn = ? WHERE id = ?", (turn, row["id"]))
                if now.priority != priority:
                    _save(connection, row["id"], replace(now, priority=priority))

        await self._db.write(change)

    async def ask_end(self, job: Job, ending: JobState, reason: str = "") -> JobState:
        """Note durably that the job is to end as `ending`, for a `reason` that its end is to tell.

        The first one to ask wins, and the answer is theirs.
        """

        def change(connection: sqlite3.Connection) -> JobState:
            row, _ = _locked(connection, job)
            if row["ending"] is None:
                connection.execute("UPDATE jobs SET ending = ? WHERE id = ?", (ending, row["id"]))
                if reason:
                    _update(connection, job, {"reason": reason})
            return JobState(row["ending"] or ending)

        return await self._db.write(change)

    async def delete(self, job: Job) -> None:
        """Put an ended job into the trash (`runner.store.deleted`); raises `Conflict` while it is active."""

        def change(connection: sqlite3.Connection) -> None:
            row, now = _locked(connection, job)
            if not now.state.ended:
                raise Conflict(f"{job.short} is still {now.state}.", f"Stop it first: floyd-tui stop {job.short}")
            delete_job(connection, row["id"])
            let_go(connection, now.owner, (now.code, now.output, *(one.output for one in now.attempts)))

        await self._db.write(change)

    # Metrics

    async def add_metrics(self, job: Job, points: Sequence[Metric], parsed: int) -> Job:
        """Append points read from the log up to byte `parsed`, in one transaction: a crash counts none twice."""

        def change(connection: sqlite3.Connection) -> Job:
            row, now = _locked(connection, job)
            sql = "SELECT coalesce(max(position) + 1, 0) FROM metrics WHERE job = ?"
            first: int = connection.execute(sql, (row["id"],)).fetchone()[0]
            rows = [(row["id"], first + i, p.name, p.value, p.time, p.step, p.epoch) for i, p in enumerate(points)]
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("UPDATE jobs SET parsed = ? WHERE id = ?", (parsed, row["id"]))
            return _save(connection, row["id"], replace(now, metrics=now.metrics | {p.name: p.value for p in points}))

        return await self._db.write(change)

    async def metrics(self, job: Job, after: int = 0) -> list[Metric]:
        """The job's points in the order they came, without the first `after`; negative: so many of the last."""
        sql = f"""SELECT metrics.name, value, time, step, epoch FROM metrics JOIN ({_JOB}) AS j ON j.id = metrics.job
                  WHERE j.owner = ? AND j.name = ? AND j.number = ?"""
        sql += " AND position >= ? ORDER BY position" if after >= 0 else " ORDER BY position DESC LIMIT ?"
        values = (job.owner, job.project, job.number, abs(after))
        found = [Metric(*row) for row in await self._db.read(lambda c: c.execute(sql, values).fetchall())]
        return found if after >= 0 else found[::-1]

    async def curves(self, owner: str, names: Sequence[str], metric: str, points: int) -> list[Curve]:
        """As `runner.store.curves` says."""
        return await self._db.read(lambda c: curves(c, owner, names, metric, points))


def _searched(words: Sequence[str]) -> tuple[str, list[str]]:
    """A query for jobs that have each of `words`, to be gone on with by AND, and its values."""
    sql, values = f"{_WORDS} WHERE true", []
    if known := [word for word in words if len(word) >= _INDEXED]:
        sql = f"{sql} AND words MATCH ?"
        values.append(" ".join('"' + word.replace('"', '""') + '"' for word in known))
    for word in words:
        if len(word) < _INDEXED:
            sql = f"{sql} AND instr(lower(words), ?)"
            values.append(word.lower())
    return sql, values


def _ensure_project(connection: sqlite3.Connection, owner: str, name: str, description: str) -> int:
    sql = "INSERT INTO projects (owner, name, description, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    connection.execute(sql, (owner, name, description, time.time()))
    sql = "SELECT id FROM projects WHERE owner = ? AND name = ?"
    found: int = connection.execute(sql, (owner, name)).fetchone()[0]
    return found


def _launched(connection: sqlite3.Connection, owner: str, key: str | None) -> Job | None:
    if key is None:
        return None
    sql = f"{_JOB} JOIN launches ON launches.job = jobs.id WHERE launches.owner = ? AND launches.key = ?"
    row = connection.execute(sql, (owner, key)).fetchone()
    return _job(row) if row is not None else None


def _locked(connection: sqlite3.Connection, job: Job) -> tuple[sqlite3.Row, Job]:
    """The row of `job`; inside a writing transaction it stays so."""
    sql = f"{_JOB} WHERE owner = ? AND name = ? AND number = ?"
    row: sqlite3.Row | None = connection.execute(sql, (job.owner, job.project, job.number)).fetchone()
    if row is None:
        raise NotFound(f"There is no job {job.short} any more.", "Look at `floyd-tui status`.")
    return row, _job(row)


def _update(connection: sqlite3.Connection, job: Job, changes: dict[str, Any]) -> Job:
    row, now = _locked(connection, job)
    return _save(connection, row["id"], replace(now, **changes))


def _save(connection: sqlite3.Connection, row: int, job: Job) -> Job:
    sql = "UPDATE jobs SET state = ?, document = ?, updated_at = ? WHERE id = ?"
    connection.execute(sql, (job.state, _text(job), time.time(), row))
    return job


def _text(job: Job) -> str:
    return encode(job).decode("ascii")


def _standing(row: sqlite3.Row) -> Standing:
    ending = JobState(row["ending"]) if row["ending"] else None
    return Standing(_job(row), ending, row["parsed"], row["turn"])


def _job(row: sqlite3.Row) -> Job:
    return decode(row["document"], Job)


def _project(row: sqlite3.Row) -> Project:
    return Project(
        row["owner"],
        row["name"],
        row["created_at"],
        row["description"],
        row["jobs"],
        row["active"] or 0,
        row["latest"],
        JobState(row["latest_state"]) if row["latest_state"] else None,
        row["touched_at"] or row["created_at"],
    )
