"""Databases of every schema version that there was, as a runner of that time wrote them.

Each holds datasets mnist/1 and mnist/2, and of project p: job 1 that succeeded, with code, an input, an output, metrics
and (from version 2 on) a launch's key ``once``; job 2 that failed with exit code 3; job 3 that ran at that moment.

``python -c 'from tests.support.schemas import dump; dump()'`` writes that of the runner as it is now: run it before a
migration is added.
"""

from __future__ import annotations

import getpass
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from runner.models import Mount
from tests.support.api import Api, json_line
from tests.support.runner import RunnerProcess

FOLDER = Path(__file__).parent
# Who owns all that is in the dumps.
_OWNER = "root"
_INSIDES = re.compile(r"""PRAGMA writable_schema|INSERT INTO "job_words|CREATE TABLE 'job_words""")


def versions() -> list[int]:
    """The versions that there is a dump of, in order."""
    return sorted(int(path.stem) for path in FOLDER.glob("*.sql"))


def restore(version: int, database: Path) -> None:
    """Make `database` as it was in `version`, all of it the property of this account."""
    text = (FOLDER / f"{version}.sql").read_text().replace(_OWNER, getpass.getuser())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(text)


def dump() -> Path:
    """Write down what a runner of now writes; returns the file."""
    with tempfile.TemporaryDirectory() as folder, RunnerProcess(Path(folder) / "runner") as runner:
        with runner.http() as http:
            _fill(Api(http))
        with closing(sqlite3.connect(runner.database)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            lines = [*_statements(connection), f"PRAGMA user_version = {version};"]
    file = FOLDER / f"{version}.sql"
    file.write_text("\n".join(lines).replace(getpass.getuser(), _OWNER) + "\n")
    return file


def _statements(connection: sqlite3.Connection) -> Iterator[str]:
    """The dump without the insides of the index of words, which cannot be read back: it is made from the jobs again."""
    for statement in connection.iterdump():
        if statement.startswith("INSERT INTO sqlite_master"):
            yield "CREATE VIRTUAL TABLE job_words USING fts5 (words, tokenize = 'trigram');"
        elif statement == "COMMIT;":
            yield "INSERT INTO job_words (rowid, words) SELECT id, words FROM job_texts;"
            yield statement
        elif not _INSIDES.match(statement):
            yield statement


def _fill(api: Api) -> None:
    code = api.upload({"train.py": b"print(1)\n"})
    api.dataset("mnist", {"a.txt": b"one\n"})
    data = api.dataset("mnist", {"a.txt": b"two\n"})
    command = f"{json_line(metric='loss', value=0.5)}; echo out >result"
    more: dict[str, Any] = {"message": "first", "tags": ("a",), "env": {"SEED": "1"}, "key": "once"}
    api.launch(command, code=code, mounts=(Mount(data, "d"),), **more)
    api.ended("p/1")
    api.launch("exit 3")
    api.ended("p/2")
    api.launch("echo up; sleep 600")
    api.prints("p/3", b"up")
