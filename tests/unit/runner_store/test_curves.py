"""The curves that a list of jobs draws: the right metric, thinned, and of a long job only a few ranges read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.models import Curve, Job, JobState, Metric
from runner.store.db import Database
from runner.store.jobs import JobStore


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "runner.db")
    yield made
    made.close()


async def logged(db: Database, owner: str, *points: tuple[str, float]) -> Job:
    """A job that logged these."""
    job, _ = await JobStore(db).create(Job(owner, "p", 0, JobState.QUEUED, "train", 0.0))
    return await JobStore(db).add_metrics(job, [Metric(name, value, 0.0) for name, value in points], 0)


async def test_a_curve_is_thinned_to_its_last_value_and_of_the_metric_that_tells_most(db: Database) -> None:
    jobs = JobStore(db)
    short = await logged(db, "ann", ("acc", 0.1), ("val_loss", 3.0), ("loss", 2.0), ("acc", 0.5), ("loss", 1.0))
    other = await logged(db, "ann", ("reward", 7.0))
    silent = await logged(db, "ann")
    secret = await logged(db, "bob", ("loss", 1.0))
    names = [short.name, other.name, silent.name, secret.name, "p/99"]
    assert await jobs.curves("ann", names, "", 16) == [
        Curve(short.name, "loss", (2.0, 1.0)),
        Curve(other.name, "reward", (7.0,)),
    ]
    assert await jobs.curves("ann", names[:2], "acc", 16) == [
        Curve(short.name, "acc", (0.1, 0.5)),
        Curve(other.name, "reward", (7.0,)),
    ]
    many = await logged(db, "ann", *(("loss", float(value)) for value in range(100)))
    assert await jobs.curves("ann", [many.name], "", 4) == [Curve(many.name, "loss", (24.0, 49.0, 74.0, 99.0))]


async def test_of_a_long_job_little_is_read(db: Database) -> None:
    points = [(name, float(value)) for value in range(40_000) for name in ("loss", "lr")]
    long = await logged(db, "ann", *points)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def ask(connection: object) -> None:
        db._reader.set_progress_handler(count, 10)

    await db.read(ask)
    (curve,) = await JobStore(db).curves("ann", [long.name], "", 8)
    assert [round(value) for value in curve.values] == [4999, 9999, 14999, 19999, 24999, 29999, 34999, 39999]
    assert steps < 200  # ten of SQLite's own steps each; all points would be tens of thousands
