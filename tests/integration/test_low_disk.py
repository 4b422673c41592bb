"""A host whose disk runs low: what is new is refused early, with figures and the way out; what runs goes on."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from floyd_tui.config import Config, HostConfig
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.small_disk import fill, small_disk, takes_root
from tests.support.wait import wait_for

pytestmark = takes_root

MIB = 1 << 20


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[RunnerProcess]:
    """A runner on a disk of 48 MiB, of which it keeps 16 back."""
    settings: dict[str, object] = {"disk_reserve": 16 * MIB, "gc_grace": 0}
    with (
        small_disk(tmp_path / "disk", "48m") as disk,
        RunnerProcess(tmp_path / "runner", on=disk, settings=settings) as process,
    ):
        yield process


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    """A prompt in a project."""
    Config.load(tmp_path / "config").with_host(HostConfig("local", data_dir=str(runner.data_dir)))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train.py").write_text("print('trained')\n")
    prompt = Shell(tmp_path / "work", tmp_path / "config")
    prompt("init", "p")
    return prompt


def folder(shell: Shell, name: str, mib: int) -> str:
    """A folder with a file of so many random MiB; its path."""
    made = shell.folder.parent / name
    made.mkdir()
    (made / "data.bin").write_bytes(os.urandom(mib * MIB))
    return str(made)


def refused(shell: Shell, *words: str) -> str:
    """What a refusal says: its sentence and the next step, which is to collect."""
    said = shell(*words, code=1).stderr
    assert re.search(r"has [\d.]+ MiB free, and .*; 16\.0 MiB are kept in reserve", said), said
    assert "`floyd-tui gc`" in said
    return said


def test_launches_and_uploads_are_refused_early_until_room_is_made(runner: RunnerProcess, shell: Shell) -> None:
    before = set(runner.data_dir.rglob("*"))
    said = refused(shell, "data", "upload", folder(shell, "huge", 36), "--name", "huge")
    assert "36.0 MiB are to come" in said
    assert "has nothing to free there. Delete jobs or datasets" in said
    assert shell.json("data", "ls") == []
    assert not [path for path in set(runner.data_dir.rglob("*")) - before if path.is_file() and path.parent.name != "d"]

    for name in ("old", "new"):
        shell("data", "upload", folder(shell, name, 12), "--name", name)
    shell("run", "head -c 8388608 /dev/zero >pad; echo padded; sleep 60")
    with runner.http() as http:
        Api(http).prints("p/1", b"padded")
        stats = Api(http).ask("GET", "/v1/stats")
    assert stats["disk_total"] - stats["disk_used"] < stats["disk_reserve"] == 16 * MIB
    assert "a job wants to write" in refused(shell, "run", "python3 train.py")
    refused(shell, "data", "upload", folder(shell, "small", 1), "--name", "small")
    # What needs no room is not refused: it is all there.
    assert shell("data", "upload", str(shell.folder.parent / "new"), "--name", "again").stdout == "again/1\n"

    shell("data", "rm", "old", "--yes")
    said = refused(shell, "run", "python3 train.py")
    assert "would free 12.0 MiB there" in said
    told = shell("gc", "--dry-run")
    assert "launches and uploads are refused" in told.stderr
    assert "12.0 MiB freed" in shell("gc", "--yes").stderr
    assert "trained" in shell("run", "--follow", "python3 train.py").stdout
    shell("stop", "p/1")


def test_a_job_that_fills_the_disk_takes_nobody_along(runner: RunnerProcess, shell: Shell) -> None:
    """To the last byte: jobs beside it end as they do, a collection still makes room, a restart forgets nothing."""
    shell("data", "upload", folder(shell, "old", 8), "--name", "old")
    shell("data", "rm", "old", "--yes")
    shell("run", "--follow", "echo before")
    shell("run", "echo up; while [ ! -e go ]; do sleep 0.05; done; echo went; exit 7")
    shell("run", "cat /dev/zero >zeros; echo full; sleep 60")
    with runner.http() as http:
        api = Api(http)
        api.prints("p/2", b"up")
        wait_for(lambda: shutil.disk_usage(runner.data_dir).free < MIB, "the disk to fill")
        filler = fill(runner.data_dir)
        (next((runner.data_dir / "jobs").glob("*/p/2/home")) / "go").touch()
        ended = api.ended("p/2")
        assert (ended.state, ended.exit_code) == ("failed", 7)
    runner.kill()
    runner.start()
    assert [(job["number"], job["state"]) for job in shell.json("status")][1:] == [(2, "failed"), (1, "succeeded")]
    assert "8.0 MiB freed" in shell("gc", "--yes").stderr
    filler.unlink()
    shell("stop", "p/3")
    with runner.http() as http:
        Api(http).ended("p/3")
    shell("delete", "p/3", "--yes")
    shell("gc", "--yes")
    assert "trained" in shell("run", "--follow", "python3 train.py").stdout
