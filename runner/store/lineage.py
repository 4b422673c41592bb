"""Walks from a job or a dataset's version to what it came from, and to what came from it.

Each step is a look-up by an index, and so is as quick with a hundred thousand jobs as with ten. How far a walk goes is
bounded in depth, in neighbours of one thing and in all. Told is what the caller may see: their own jobs, their own and
public datasets, and of anything else no more than the name by which their own job mounted it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

from runner.errors import BadRequest, NotFound
from runner.models import (
    BadName,
    Job,
    Lineage,
    LineageEdge,
    LineageLink,
    LineageNode,
    LineageStanding,
    Origin,
    Ref,
    decode,
    version_name,
)
from runner.store.db import Database

DEPTH, MOST_DEPTH = 4, 16
# Neighbours of one thing in one direction, the newest; and things in all.
FAN, MOST = 30, 300
_JOB = """SELECT jobs.id, document, deleted_at FROM jobs JOIN projects ON projects.id = jobs.project
WHERE owner = ? AND name = ? AND number = ?"""
_USERS = """SELECT jobs.id, document, deleted_at FROM job_sources JOIN jobs ON jobs.id = job_sources.job
WHERE source = ? AND person = ? AND deleted_at IS NULL ORDER BY job_sources.job DESC LIMIT ?"""
_SAME_CODE = """SELECT document FROM jobs
WHERE person = ? AND json_extract(document, '$.code') = ? AND deleted_at IS NULL AND id <> ?
ORDER BY id DESC LIMIT ?"""
_VERSION = """SELECT versions.*, datasets.owner FROM versions JOIN datasets ON datasets.id = versions.dataset
WHERE datasets.owner = ? AND name = ? AND version = ? AND (datasets.owner = ? OR public)"""
_REMOVED = "SELECT 1 FROM removed WHERE owner = ? AND dataset = ? AND (version IS NULL OR version = ?)"
# A version's source is a job, or a place in what it left: the character after the slash ends the range.
_KEPT = """SELECT owner, name, version, source FROM versions JOIN datasets ON datasets.id = versions.dataset
WHERE (source = :name OR source > :name || '/' AND source < :name || '0') AND owner = :caller
ORDER BY versions.created_at DESC LIMIT :most"""


class Lineages:
    """Who came from whom, of all that is here."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, name: str, caller: str, depth: int = DEPTH) -> Lineage:
        """The lineage of the job or version of that full name, up to `depth` steps away.

        Raises `NotFound` where the caller may see no such thing, `BadRequest` where no one walks so far.
        """
        if not 1 <= depth <= MOST_DEPTH:
            raise BadRequest(f"depth={depth} cannot be.", f"Ask for 1 to {MOST_DEPTH}.")
        return await self._db.read(lambda connection: _Walk(connection, caller).of(name, depth))


class _Walk:
    """One walk, within one reading transaction."""

    def __init__(self, connection: sqlite3.Connection, caller: str) -> None:
        self._connection, self._caller = connection, caller
        self._nodes: dict[str, LineageNode] = {}
        self._edges: dict[LineageEdge, None] = {}
        self._jobs: dict[str, Job] = {}

    def of(self, name: str, depth: int) -> Lineage:
        """Both ways from `name`."""
        root = self._nodes[name] = self._node(name)
        if root.standing != "here":
            raise NotFound(f"There is no {name} here.", "Look at `floyd-tui status` and `floyd-tui data ls`.")
        self._go(name, depth, self._before, lambda edge: edge.source)
        self._go(name, depth, self._after, lambda edge: edge.target)
        same = self._same_code(name)
        return Lineage(name, tuple(self._nodes.values()), tuple(self._edges), same[:FAN], len(same) > FAN)

    def _go(
        self,
        name: str,
        depth: int,
        neighbours: Callable[[str], Iterator[LineageEdge]],
        end: Callable[[LineageEdge], str],
    ) -> None:
        """Take in what lies in one direction, the nearest first. Nothing is gone through twice, whatever is stored."""
        near, seen = [name], {name}
        for step in range(depth + 1):
            further = []
            for one in near:
                for index, edge in enumerate(neighbours(one)):
                    other = end(edge)
                    full = index >= FAN or (other not in self._nodes and len(self._nodes) >= MOST)
                    if full or step == depth:
                        self._nodes[one] = replace(self._nodes[one], more=True)
                        break
                    self._edges[edge] = None
                    if other not in self._nodes:
                        self._nodes[other] = self._node(other)
                    if other not in seen:
                        seen.add(other)
                        further.append(other)
            near = further

    # What a thing is

    def _node(self, name: str) -> LineageNode:
        ref = Ref.parse(name)
        return self._job_node(name, ref) if ref.kind == "projects" else self._version_node(name, ref)

    def _job_node(self, name: str, ref: Ref) -> LineageNode:
        row = None
        if ref.owner == self._caller:
            row = self._connection.execute(_JOB, (ref.owner, ref.name, ref.number)).fetchone()
        if row is None:
            return LineageNode(name, "job", "gone")
        job = self._take(row)
        return LineageNode(
            name,
            "job",
            "here" if row["deleted_at"] is None else "trash",
            job.state,
            job.created_at,
            job.message or job.command,
            job.environment,
            job.image,
            job.output_files,
            job.output_size,
        )

    def _version_node(self, name: str, ref: Ref) -> LineageNode:
        row = self._version(ref)
        if row is None:
            return LineageNode(name, "dataset", self._standing(ref))
        origin = decode(row["origin"], Origin).url if row["origin"] else ""
        about, at = row["message"] or origin, row["created_at"]
        return LineageNode(name, "dataset", "here", None, at, about, files=row["files"], size=row["size"])

    def _standing(self, ref: Ref) -> LineageStanding:
        if ref.owner != self._caller:
            return "gone"
        found = self._connection.execute(_REMOVED, (ref.owner, ref.name, ref.number)).fetchone()
        return "trash" if found else "gone"

    def _version(self, ref: Ref) -> sqlite3.Row | None:
        values = (ref.owner, ref.name, ref.number, self._caller)
        row: sqlite3.Row | None = self._connection.execute(_VERSION, values).fetchone()
        return row

    def _take(self, row: sqlite3.Row) -> Job:
        job = decode(row["document"], Job)
        self._jobs[job.name] = job
        return job

    # Its neighbours

    def _before(self, name: str) -> Iterator[LineageEdge]:
        if name in self._jobs:
            yield from links(self._jobs[name])
            return
        ref = Ref.parse(name)
        row = self._version(ref) if ref.kind == "datasets" else None
        if row is not None and (source := row["source"]) and Ref.parse(source).owner == self._caller:
            yield _edge(source, name, "kept")

    def _after(self, name: str) -> Iterator[LineageEdge]:
        for row in self._connection.execute(_USERS, (name, self._caller, FAN + 1)):
            yield from (edge for edge in links(self._take(row)) if edge.source == name)
        values = {"name": name, "caller": self._caller, "most": FAN + 1}
        for row in self._connection.execute(_KEPT, values):
            yield _edge(row["source"], version_name(row["owner"], row["name"], row["version"]), "kept")

    def _same_code(self, name: str) -> tuple[str, ...]:
        job = self._jobs.get(name)
        if job is None or job.code is None:
            return ()
        row = self._connection.execute(_JOB, (job.owner, job.project, job.number)).fetchone()
        found = self._connection.execute(_SAME_CODE, (self._caller, job.code, row["id"], FAN + 1))
        return tuple(decode(one["document"], Job).name for one in found)


def links(job: Job) -> Iterator[LineageEdge]:
    """What the job itself came from."""
    for given in job.inputs:
        yield _edge(given.source, job.name, "input", given.destination)
    # Runners of once took any text for it.
    with contextlib.suppress(BadName):
        if job.relaunched_from and Ref.parse(job.relaunched_from).owner and job.relaunched_from != job.name:
            yield _edge(job.relaunched_from, job.name, "relaunch")


def _edge(source: str, target: str, link: LineageLink, mount: str = "") -> LineageEdge:
    ref = Ref.parse(source)
    path = "/".join(part for part in (ref.area, ref.path) if part)
    return LineageEdge(str(replace(ref, area="", path="")), target, link, path, mount)
