"""floyd-tui at a terminal before a real runner: what there is to look at, and the way to open it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.screen import Screen
from tests.support.api import Api
from tests.support.runner import RunnerProcess

FLOYD = Path(sys.executable).parent / "floyd-tui"
PROJECT = "digits"
# Drawn in one piece, beside each job that is listed.
JOB_SIGN = "succeeded"


class Visit:
    """A person's folder and settings, and the runner of this machine."""

    def __init__(self, folder: Path, runner: RunnerProcess) -> None:
        self.folder, self.runner = folder, runner
        self.home = folder / "home"
        self.home.mkdir()
        settings = folder / "config"
        settings.mkdir()
        (settings / "config.yaml").write_text(f"hosts:\n  local:\n    data_dir: {runner.data_dir}\n")
        self.env = {
            **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
            "HOME": str(self.home),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "FLOYD_TUI_CONFIG": str(settings),
        }

    def open(self, program: Path = FLOYD) -> Screen:
        """`program` at a terminal, in the person's home."""
        return Screen([str(program)], self.home, self.env)


@contextmanager
def visit(jobs: int, env: dict[str, str] | None = None) -> Iterator[Visit]:
    """A runner that has `jobs` finished ones, and someone who looks at it."""
    folder = Path(tempfile.mkdtemp(prefix="floyd-bench-"))
    try:
        with RunnerProcess(folder / "runner", env=env) as runner:
            with runner.http() as http:
                api = Api(http)
                api.ended(api.launch("true", PROJECT).name)
            runner.stop()
            _multiply(runner.database, jobs)
            runner.start()
            yield Visit(folder, runner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _multiply(database: Path, jobs: int) -> None:
    """Have the one job there `jobs` times; to launch that many would take most of an hour."""
    with closing(sqlite3.connect(database)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(jobs)") if row[1] not in ("id", "number")]
        others = ", ".join(names)
        values = others.replace("document", "json_set(document, '$.number', n)")
        connection.execute(
            f"INSERT INTO jobs (number, {others}) WITH RECURSIVE more (n) AS "
            f"(SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n < {jobs}) SELECT n, {values} FROM jobs, more"
        )
        connection.execute("UPDATE projects SET last_number = ?", (jobs,))
