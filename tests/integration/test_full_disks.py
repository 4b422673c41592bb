"""Disks that fill up in the middle, here and on the host: one clear sentence with figures, and room to go on."""

from __future__ import annotations

import os
import random
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_fetching import begin, ended, now
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.small_disk import fill, small_disk, takes_root
from tests.support.tapped import tapped_shell
from tests.support.wait import wait_for
from tests.support.web import Web

pytestmark = takes_root

SIZE = 8 << 20
FIGURES = r"[\d.]+ (B|bytes|[KMG]iB) of [\d.]+ (bytes|[KMG]iB)"
REFUSED = r"has .* free, and .* are to come"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "24m") as folder:
        yield folder


def grown(root: Path) -> Path:
    """A folder of `SIZE` bytes: a large file and many small ones."""
    dice = random.Random(4)
    root.mkdir()
    (root / "large.bin").write_bytes(dice.randbytes(SIZE - (1 << 20)))
    for number in range(64):
        (root / f"{number}").write_bytes(dice.randbytes(1 << 14))
    return root


def files_below(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fails(shell: Shell, *words: str) -> str:
    """The one sentence that ``floyd-tui WORDS`` fails with, and its next step."""
    said = shell(*words, code=1).stderr
    return said[said.index("error: ") :]


def test_a_host_whose_disk_fills_while_files_come(tmp_path: Path, disk: Path) -> None:
    root = grown(tmp_path / "data")
    send = ("data", "upload", str(root), "--name", "d")
    with (
        RunnerProcess(tmp_path / "runner", on=disk, settings={"disk_reserve": 0}) as runner,
        tapped_shell(tmp_path, runner) as (line, shell),
    ):
        line.at_byte("up", SIZE // 2, lambda: filled.append(fill(disk)))
        filled: list[Path] = []
        said = fails(shell, *send)
        # Said by the writing that fails, or of the next part before it is begun.
        assert re.search(rf"{FIGURES}|{REFUSED}", said), said
        assert "elete" in said
        assert shell.json("data", "ls") == []
        said = fails(shell, *send)
        assert re.search(REFUSED, said), said

        filled[0].unlink()
        before = line.crossed["up"]
        assert shell(*send).stdout == "d/1\n"
        assert line.crossed["up"] - before <= SIZE - SIZE // 4
        with runner.http() as http:
            api = Api(http)
            assert {path: api.content("d/1", path) for path in api.files("d/1")} == files_below(root)


def test_what_was_fetched_from_the_net_before_the_disk_was_full_is_gone_on_with(tmp_path: Path, disk: Path) -> None:
    data, hold = os.urandom(SIZE), threading.Event()
    with RunnerProcess(tmp_path / "runner", on=disk, settings={"disk_reserve": 0}) as runner, Web() as web:
        url = web.serve("/d", data, hold=hold, hold_at=SIZE // 2)
        with runner.http() as http:
            api = Api(http)
            fetch = begin(api, url, "d")
            wait_for(lambda: now(api, fetch).done_bytes >= SIZE // 4, "its beginning")
            filled = fill(disk)
            hold.set()
            failed = ended(api, fetch)
            assert failed.problem is not None
            assert re.search(FIGURES, failed.problem.detail)
            filled.unlink()
            assert ended(api, begin(api, url, "d")).state == "done"
            assert api.content("d/1", "d") == data
            (first, again) = web.ranges("/d")
            assert first == ""
            assert int(again.removeprefix("bytes=").removesuffix("-")) >= SIZE // 4, "what had come did not come again"


def test_a_disk_here_that_fills_while_files_come(tmp_path: Path, runner: RunnerProcess, disk: Path) -> None:
    wanted = files_below(grown(tmp_path / "data"))
    with tapped_shell(tmp_path, runner) as (line, shell):
        with runner.http() as http:
            Api(http).dataset("d", wanted)
        fetch = ("data", "clone", "d", str(disk / "d"))
        line.at_byte("down", SIZE // 2, lambda: filled.append(fill(disk)))
        filled: list[Path] = []
        said = fails(shell, *fetch)
        assert re.search(FIGURES, said), said
        seen = {name: data for name, data in files_below(disk / "d").items() if not name.endswith(".floyd-part")}
        assert seen.items() <= wanted.items()
        said = fails(shell, *fetch)
        assert re.search(r"are to come, and .* has room for", said), said

        filled[0].unlink()
        before = line.crossed["down"]
        shell(*fetch)
        assert line.crossed["down"] - before <= SIZE - SIZE // 4
        assert files_below(disk / "d") == wanted


def test_a_full_disk_here_hinders_no_upload(tmp_path: Path, runner: RunnerProcess, disk: Path) -> None:
    root = grown(tmp_path / "data")
    with tapped_shell(tmp_path, runner) as (_, shell), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(disk / "cache"))
        fill(disk)
        assert shell("data", "upload", str(root), "--name", "d").stdout == "d/1\n"


def test_an_output_that_a_full_host_could_not_store_is_kept_and_jobs_go_on_once_there_is_room(
    tmp_path: Path, disk: Path
) -> None:
    with (
        RunnerProcess(tmp_path / "runner", on=disk, settings={"disk_reserve": 0}) as runner,
        tapped_shell(tmp_path, runner) as (_, shell),
    ):
        # A file that another one names too has to be copied.
        shell("run", "--follow", f"head -c {SIZE} /dev/urandom >a; ln a b; cat /dev/zero >z; true")
        job = shell.json("info", "1")
        assert re.search(r"is full: " + FIGURES, job["reason"]), job
        assert job["output"] is None
        kept = Path(job["reason"].partition("lies in ")[2].removesuffix(" on the host."))
        assert (kept / "a").stat().st_size == SIZE
        shutil.rmtree(kept)
        shell("run", "--follow", "echo whole >a; ln a b")
        assert [file["path"] for file in shell.json("output", "ls", "2")] == ["a", "b"]
