"""A host whose disk runs low: what is new is refused early, with figures and the way out; what runs goes on."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from floyd_tui.config import Config, HostConfig
from runner.models import JobState
from tests.support.api import Api, Refused
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

    with runner.http() as http:
        api = Api(http)
        for name in ("old", "new"):
            api.dataset(name, {"data.bin": os.urandom(12 * MIB)})
        api.launch("head -c 8388608 /dev/zero >pad; echo padded; sleep 60")
        api.prints("p/1", b"padded")
        stats = api.ask("GET", "/v1/stats")
        assert stats["disk_total"] - stats["disk_used"] < stats["disk_reserve"] == 16 * MIB
        assert "a job wants to write" in refused(shell, "run", "python3 train.py")
        assert "1.0 MiB are to come" in refused(shell, "data", "upload", folder(shell, "small", 1), "--name", "small")
        # What needs no room is not refused: it is all there.
        again = api.ask("POST", "/v1/datasets/again/versions", {"source": "new/1"})["version"]
        assert (again["dataset"], again["version"]) == ("again", 1)

        api.ask("DELETE", "/v1/dataset", name="old")
        with pytest.raises(Refused, match=r"`floyd-tui gc` would free 12.0 MiB there"):
            api.launch("true")
        assert "launches and uploads are refused" in shell("gc", "--dry-run").stderr
        assert "12.0 MiB freed" in shell("gc", "--yes").stderr
        api.launch("true")
        assert api.ended("p/2").exit_code == 0
        api.stop("p/1")


def go(runner: RunnerProcess, number: int) -> None:
    """Let a job go on that waits for it; an empty file takes no room."""
    (next((runner.data_dir / "jobs").glob(f"*/p/{number}/home")) / "go").touch()


# Takes whatever comes free at once, until it has enough.
HUNGRY = """
import os
file = os.open("zeros", os.O_WRONLY | os.O_CREAT)
while not os.path.exists("enough"):
    try:
        os.write(file, bytes(65536))
    except OSError:
        pass
"""


def test_a_job_that_fills_the_disk_takes_nobody_along(runner: RunnerProcess) -> None:
    """To the last byte: jobs beside it end as they do, a restart forgets nothing, a collection still makes room."""
    with runner.http() as http:
        api = Api(http)
        api.dataset("old", {"data.bin": os.urandom(8 * MIB)})
        api.ask("DELETE", "/v1/dataset", name="old")
        api.launch("echo up; while [ ! -e go ]; do sleep 0.05; done; echo went; exit 7")
        api.launch(f"echo up; while [ ! -e go ]; do sleep 0.05; done; python3 -c '{HUNGRY}'; sleep 60")
        for number in (1, 2):
            api.prints(f"p/{number}", b"up")
            api.reaches(f"p/{number}", JobState.RUNNING)
        go(runner, 2)
        wait_for(lambda: shutil.disk_usage(runner.data_dir).free < MIB, "the disk to fill")
        filler = fill(runner.data_dir)
        go(runner, 1)
        ended = api.ended("p/1")
        assert (ended.state, ended.exit_code) == ("failed", 7)
        (next((runner.data_dir / "jobs").glob("*/p/2/home")) / "enough").touch()
    runner.kill()
    runner.start()
    with runner.http() as http:
        api = Api(http)
        assert [(api.job(f"p/{number}").state) for number in (1, 2)] == ["failed", "running"]
        assert sum(kind["free_size"] for kind in api.ask("POST", "/v1/gc")["kinds"]) >= 8 * MIB
        filler.unlink()
        api.stop("p/2")
        api.ended("p/2")
        api.ask("DELETE", "/v1/job", name="p/2")
        api.ask("POST", "/v1/gc")
        api.launch("true")
        assert api.ended("p/3").exit_code == 0


@pytest.mark.docker
def test_a_container_that_fills_the_disk_ends_as_it_says_and_takes_nobody_along(
    tmp_path: Path, docker_image: str
) -> None:
    """Its exit code and log are its own, what it wrote is kept; what runs beside it and a crash lose nothing by it."""
    settings: dict[str, object] = {"disk_reserve": 16 * MIB, "gc_grace": 0}
    waits = "seq 1 1000; until [ -e go ]; do sleep 0.05; done; "
    lines = "".join(f"{number}\n" for number in range(1, 1001)).encode()
    with (
        small_disk(tmp_path / "disk", "48m") as disk,
        RunnerProcess(tmp_path / "runner", "docker", docker_image, settings, on=disk) as runner,
    ):
        with runner.http() as http:
            api = Api(http)
            api.launch(waits + "exit 7")
            api.launch(waits + "cat /dev/zero >zeros || exit 28")
            api.launch(waits + "sleep 600")
            for number in (1, 2, 3):
                api.prints(f"p/{number}", b"1000\n")
                api.reaches(f"p/{number}", JobState.RUNNING)
            go(runner, 2)
            filled = api.ended("p/2")
            assert (filled.state, filled.exit_code) == (JobState.FAILED, 28)
            assert api.log("p/2").startswith(lines)
            # There is not even room to write down what was written.
            kept = re.search(r"could not be stored \(.* is full: .*\) and lies in (\S+) on the host", filled.reason)
            assert kept, filled.reason
            assert Path(kept[1], "zeros").stat().st_size > 20 * MIB
            assert shutil.disk_usage(disk).free < MIB
            go(runner, 1)
        runner.kill()
        runner.start()
        with runner.http() as http:
            api = Api(http)
            beside = api.ended("p/1")
            assert (beside.state, beside.exit_code, api.log("p/1")) == (JobState.FAILED, 7, lines)
            assert (api.job("p/3").state, api.log("p/3")) == (JobState.RUNNING, lines)
            with pytest.raises(Refused, match="are kept in reserve"):
                api.launch("true")
            for number in (1, 2):
                api.ask("DELETE", "/v1/job", name=f"p/{number}")
            api.ask("POST", "/v1/gc")
            api.launch("echo room")
            assert (api.ended("p/4").exit_code, api.log("p/4")) == (0, b"room\n")
            api.stop("p/3")
            assert (api.ended("p/3").state, api.log("p/3")) == (JobState.STOPPED, lines)
        wait_for(lambda: left(runner) == [], "nothing to be left")


def left(runner: RunnerProcess) -> list[str]:
    """Containers, mounts and folders of jobs that have all ended."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"{runner.data_dir}/" in line]
    folders = [str(path) for name in ("home", "input", "container", "began") for path in runner.jobs_have(name)]
    return [*folders, *mounts, *runner.containers()]
