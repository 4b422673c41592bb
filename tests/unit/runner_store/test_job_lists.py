"""Lists of jobs and projects, and the search: what they find, in which order, and that they ask no job twice."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runner.models import Job, JobState
from runner.store.db import Database
from runner.store.deleted import Purged, purge_some
from runner.store.jobs import JobStore


class Kept:
    """A store with jobs of ann, and one of bob."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "runner.db"
        self.db = Database(self.path)
        self.jobs = JobStore(self.db)

    async def add(self, project: str, command: str, owner: str = "ann", **fields: object) -> Job:
        made = Job(owner, project, 0, JobState.QUEUED, command, 0.0, **fields)  # type: ignore[arg-type]
        return (await self.jobs.create(made))[0]

    async def found(self, text: str, **options: object) -> list[str]:
        return [job.short for job in await self.jobs.select("ann", text=text, **options)]  # type: ignore[arg-type]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.db.close()


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


async def test_words_are_found_wherever_a_launch_put_them(kept: Kept) -> None:
    await kept.add("digits", "python train.py --lr 0.1", message="First Try", environment="pytorch-2.1")
    await kept.add("digits", 'echo "50%_done"', tags=("baseline",))
    await kept.add("other", "python train.py --lr 0.2")
    await kept.add("digits", "python train.py", owner="bob")
    assert await kept.found("train") == ["other/1", "digits/1"]
    assert await kept.found("TRAIN rch") == ["digits/1"]
    assert await kept.found("first try 0.1") == ["digits/1"]
    assert await kept.found("baseline") == ["digits/2"]
    assert await kept.found("digits/2") == ["digits/2"]
    assert await kept.found("lr") == ["other/1", "digits/1"]
    assert await kept.found("train", project="digits") == ["digits/1"]
    assert await kept.found("train", limit=1) == ["other/1"]
    assert await kept.found("train", limit=1, offset=1) == ["digits/1"]
    assert await kept.found("", limit=2, offset=1) == ["digits/2", "digits/1"]
    assert await kept.found("", offset=2) == ["digits/1"]
    assert await kept.found("", offset=1, limit=1, states=[JobState.QUEUED, JobState.FAILED]) == ["digits/2"]
    assert await kept.found("", offset=9) == []
    assert await kept.found("nowhere") == []


@pytest.mark.parametrize("text", ['"50%_done"', "%", "_", "50%_", "a\0b \ud800", "NEAR(", "words:x", "*", "-x OR"])
async def test_signs_are_only_signs(kept: Kept, text: str) -> None:
    await kept.add("digits", 'echo "50%_done"')
    assert await kept.found(text) == (["digits/1"] if all(word in 'echo "50%_done"' for word in text.split()) else [])


async def test_jobs_of_several_states_come_newest_first(kept: Kept) -> None:
    made = [await kept.add("p", f"echo {number}") for number in range(6)]
    for job in made[:4]:
        await kept.jobs.transition(job, JobState.PREPARING)
    for job in made[:2]:
        await kept.jobs.transition(job, JobState.FAILED)
    wanted = [JobState.FAILED, JobState.QUEUED]
    assert await kept.found("", states=wanted) == ["p/6", "p/5", "p/2", "p/1"]
    assert await kept.found("", states=wanted, limit=3) == ["p/6", "p/5", "p/2"]
    assert await kept.found("echo p/2", states=wanted) == ["p/2"]


async def test_a_group_is_found_by_its_index_among_the_owners_jobs(kept: Kept) -> None:
    await kept.add("digits", "train", group="lr", values={"lr": "0.1"})
    await kept.add("digits", "train")
    await kept.add("other", "train", group="lr")
    await kept.add("digits", "train", "bob", group="lr")
    assert await kept.found("", group="lr") == ["other/1", "digits/1"]
    assert await kept.found("", group="lr", project="digits", states=[JobState.QUEUED]) == ["digits/1"]
    assert await kept.found("", group="l") == []
    with opened(kept.path) as connection:
        sql = """EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE person = 'ann'
                 AND json_extract(document, '$.group') <> '' AND json_extract(document, '$.group') = 'lr'"""
        assert "jobs_by_group" in str(connection.execute(sql).fetchall())


async def test_a_deleted_job_is_counted_and_found_no_more(kept: Kept) -> None:
    first, second = await kept.add("p", "echo first"), await kept.add("p", "echo second")
    (before,) = await kept.jobs.projects("ann")
    assert (before.jobs, before.active, before.latest) == (2, 2, 2)
    await kept.jobs.transition(first, JobState.STOPPED)
    (touched,) = await kept.jobs.projects("ann")
    assert (touched.jobs, touched.active) == (2, 1)
    assert touched.updated_at > before.updated_at
    await kept.jobs.delete(first)
    (after,) = await kept.jobs.projects("ann")
    assert (after.jobs, after.active, after.latest) == (1, 1, second.number)
    assert await kept.found("first") == []
    await kept.db.write(lambda c: purge_some(c, math.inf, Purged()))
    assert (await kept.jobs.projects("ann"))[0].jobs == 1
    with opened(kept.path) as connection:
        assert connection.execute("SELECT count(*) FROM job_words").fetchone() == (1,)
