"""A runner that finds the database of an older one goes on with it; one of a newer runner it leaves alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from runner.models import JobState
from runner.store.db import Database
from runner.store.schema import MIGRATIONS
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.schemas import restore, versions

NEWEST = len(MIGRATIONS)


def columns(database: Path) -> dict[str, set[str]]:
    """The columns of each table."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} for table in tables}


def test_there_is_a_database_of_every_older_version() -> None:
    assert set(range(1, NEWEST)) <= set(versions()), "see tests/support/schemas"


@pytest.mark.parametrize("version", versions())
def test_a_database_of_any_version_is_gone_on_with(tmp_path: Path, version: int) -> None:
    runner = RunnerProcess(tmp_path / "runner")
    restore(version, runner.database)
    with runner, runner.http() as http:
        api = Api(http)
        first, second, third = (api.job(f"p/{number}") for number in (1, 2, 3))
        assert (first.state, first.message, first.metrics) == (JobState.SUCCEEDED, "first", {"loss": 0.5})
        assert first.inputs[0].source.endswith("/datasets/mnist/2")
        assert [metric.value for metric in api.metrics("p/1")] == [0.5]
        assert (second.state, second.exit_code) == (JobState.FAILED, 3)
        assert api.ended("p/3").state is JobState.LOST, third
        (dataset,) = api.ask("GET", "/v1/datasets")
        assert [one["version"] for one in dataset["versions"]] == [2, 1]
        if version > 1:
            assert api.launch("true", key="once").number == 1
        assert api.launch("echo new").number == 4
        assert api.ended("p/4").state is JobState.SUCCEEDED
        assert [job["number"] for job in api.ask("GET", "/v1/jobs")] == [4, 3, 2, 1]
        Database(tmp_path / "new.db").close()
        assert columns(runner.database) == columns(tmp_path / "new.db")


def test_a_database_of_a_newer_runner_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    database = tmp_path / "runner.db"
    restore(1, database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    before = database.read_bytes()
    command = [sys.executable, "-m", "runner", "serve", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()
    assert f"runner.db was written by a newer runner (schema {NEWEST + 1}, this one knows {NEWEST})." in said[-1]
    assert "Start that version of the runner, or a newer one." in said[-1]
    assert "Traceback" not in done.stderr
    assert database.read_bytes() == before
