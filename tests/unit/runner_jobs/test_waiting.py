"""Jobs that wait, over a database that refuses: what could not be written down has not happened."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.events import Hub
from runner.gpus import Gpus
from runner.launching import Launching
from runner.life import Parts
from runner.models import Attempt, Job, JobChange, JobState, Retry
from runner.settings import Settings
from runner.store.db import Database
from runner.store.jobs import JobStore, Standing
from runner.telemetry.watch import Running
from runner.waiting import WaitingJobs


class Line:
    """Waiting jobs over a real store, which can be made to refuse; `begun` are those that started."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "db")
        self.store = JobStore(self.database)
        self.begun: list[Standing] = []
        self.began = asyncio.Event()
        parts = SimpleNamespace(settings=Settings(folder, retry_delay=0.05), store=self.store, hub=Hub())

        async def measured() -> list[Running]:
            return []

        self.jobs = WaitingJobs(
            cast("Parts", parts), cast("Launching", None), Gpus(), list, measured, self._begin, lambda _: None
        )

    async def add(self, **more: Any) -> Job:
        """A job that waits."""
        made, _ = await self.store.create(Job("ada", "p", 0, JobState.QUEUED, "x", 0.0, **more))
        self.jobs.add(await self.store.standing(made))
        return made

    def _begin(self, standing: Standing) -> None:
        self.begun.append(standing)
        self.began.set()

    def refuse(self, refuses: bool) -> None:
        """Let the database write nothing, or write again."""
        self.database._writer.execute(f"PRAGMA query_only = {int(refuses)}")


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    found = Line(tmp_path)
    yield found
    await found.jobs.close()
    found.database.close()


@pytest.mark.parametrize("change", [JobChange(held=True), JobChange(priority=1), JobChange(before="")])
async def test_a_change_that_could_not_be_written_down_has_not_happened(line: Line, change: JobChange) -> None:
    await line.add(held=True)
    job = await line.add()
    line.refuse(True)
    with pytest.raises(sqlite3.OperationalError):
        await line.jobs.change(job, change)
    line.refuse(False)
    line.jobs.pump()
    assert [one.job.name for one in line.begun] == [job.name]
    assert not line.begun[0].job.held
    assert line.begun[0].job.priority == 0


async def test_a_job_that_could_not_be_stopped_waits_on_and_its_pause_ends_all_the_same(line: Line) -> None:
    attempt = Attempt(JobState.LOST, 1.0, 2.0, log_end=0)
    job = await line.add(retry=Retry(1), attempts=(attempt,), retry_at=time.time() + 60)
    assert line.jobs.shown(job).progress.startswith("attempt 2 of 2 begins in")
    line.refuse(True)
    with pytest.raises(sqlite3.OperationalError):
        await line.jobs.stop(job.name)
    line.refuse(False)
    assert line.jobs.has(job.name)
    await asyncio.wait_for(line.began.wait(), 30)
    assert [one.job.name for one in line.begun] == [job.name]
