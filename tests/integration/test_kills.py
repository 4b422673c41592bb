"""Clients and runners that end in the middle, by SIGKILL, SIGTERM and Ctrl-C: what was done stays, the rest goes on.

A seed makes the files and the places of the kills: put the one that a failure names in the place of `SEED`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from floyd_tui.client.links import Links
from floyd_tui.config import Config
from floyd_tui.project.run import submit
from floyd_tui.project.snapshot import Snapshot, take
from runner.models import JobState, Launch
from tests.support.api import Api
from tests.support.line import Line, Way
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.tapped import tapped, tapped_shell
from tests.support.wait import wait_for

SEED = int.from_bytes(os.urandom(4), "big")
KILLS = 10
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# What may be lost when a process ends, in bytes: what it holds in memory, which is less than a blob kept in parts.
LOST = 2 << 20
# And what is on its way to a client besides: an SSH window, and what waits for the disk.
COMING = 2 << 20
# What asking and answering cost besides, in bytes.
ASKING = 256 << 10
LARGE, SMALL, MANY = 12 << 20, 10 << 10, 100


@pytest.fixture
def dice() -> random.Random:
    return random.Random(SEED)


@pytest.fixture
def tap(tmp_path: Path, runner: RunnerProcess) -> Iterator[tuple[Line, Shell]]:
    with tapped_shell(tmp_path, runner) as both:
        yield both


def grown(root: Path, dice: random.Random) -> Path:
    """A folder with a large file and many small ones, none of which can be made smaller."""
    for number in range(MANY):
        path = root / f"small/{number % 9}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(dice.randrange(SMALL)))
    (root / "large.bin").write_bytes(dice.randbytes(LARGE))
    return root


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def lacking(api: Api, snapshot: Snapshot) -> int:
    """How many bytes of the tree the runner does not have yet."""
    answer = api.http.get(f"/v1/trees/{snapshot.digest}/status")
    if answer.status_code == 404:
        return snapshot.size
    sizes = {entry.digest: entry.size for entry in snapshot.entries}
    return sum(sizes[blob["digest"]] - blob["have"] for blob in answer.json()["missing"])


def ends(signum: int, line: Line, way: Way, after: int, shell: Shell, *words: str) -> None:
    """Run ``floyd-tui WORDS`` and send it `signum` after so many bytes; it is to end by that, and well."""
    begun: list[subprocess.Popen[str]] = []
    line.at_byte(way, after, lambda: begun[0].send_signal(signum))
    begun.append(shell.start(*words))
    _, said = begun[0].communicate(timeout=60)
    assert begun[0].returncode == (130 if signum == signal.SIGINT else -signum), f"at {after}: {said}"
    assert "Traceback" not in said


def crash(runner: RunnerProcess) -> None:
    """End it as the kernel would, and start it as systemd would."""
    runner.kill()
    runner.start()


def crash_at(places: list[int], line: Line, way: Way, runner: RunnerProcess) -> None:
    """Crash the runner after so many bytes more, one place after the other."""

    def act() -> None:
        crash(runner)
        if places:
            line.at_byte(way, places.pop(), act)

    line.at_byte(way, places.pop(), act)


def sound(runner: RunnerProcess) -> None:
    """Every blob and manifest that the runner has is what it is named by."""
    command = [sys.executable, "-m", "runner", "fsck", "--data-dir", str(runner.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_upload_whose_client_is_ended_ten_times(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, Shell], dice: random.Random
) -> None:
    line, shell = tap
    root = grown(tmp_path / "data", dice)
    snapshot = asyncio.run(take(root, defaults=()))
    send = ("data", "upload", str(root), "--name", "d")
    with runner.http() as http:
        api = Api(http)
        for turn in range(KILLS):
            before, rest = line.crossed["up"], lacking(api, snapshot)
            signum, place = SIGNALS[turn % len(SIGNALS)], dice.randrange(max(1, min(LARGE // 6, rest)))
            what = f"seed {SEED}, turn {turn}: {signum} at {place}, {rest} to go"
            ends(signum, line, "up", place, shell, *send)
            assert api.ask("GET", "/v1/datasets") == [], what
            wanted = rest + LOST - (line.crossed["up"] - before)
            wait_for(partial(no_more_lacks, wanted, api, snapshot), f"what came to be kept ({what})")
        before, rest = line.crossed["up"], lacking(api, snapshot)
        assert shell(*send).stdout == "d/1\n"
        assert line.crossed["up"] - before <= rest + ASKING, SEED
        assert {path: api.content("d/1", path) for path in api.files("d/1")} == files_below(root), SEED


def no_more_lacks(wanted: int, api: Api, snapshot: Snapshot) -> bool:
    return lacking(api, snapshot) <= wanted


def test_a_download_whose_client_is_ended_ten_times(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, Shell], dice: random.Random
) -> None:
    line, shell = tap
    root, to = grown(tmp_path / "data", dice), tmp_path / "back"
    wanted = files_below(root)
    with runner.http() as http:
        Api(http).dataset("d", wanted)
    left = sum(map(len, wanted.values()))
    for turn in range(KILLS):
        before = line.crossed["down"]
        ends(
            SIGNALS[turn % len(SIGNALS)], line, "down", dice.randrange(LARGE // 6), shell, "data", "clone", "d", str(to)
        )
        seen = {name: data for name, data in files_below(to).items() if not name.endswith(".floyd-part")}
        assert seen.items() <= wanted.items(), f"seed {SEED}, turn {turn}"
        left -= max(0, line.crossed["down"] - before - LOST - COMING)
    before = line.crossed["down"]
    shell("data", "clone", "d", str(to))
    assert line.crossed["down"] - before <= left + ASKING, SEED
    assert files_below(to) == wanted, SEED


def test_a_runner_that_crashes_ten_times_each_way(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, Shell], dice: random.Random
) -> None:
    line, shell = tap
    root = grown(tmp_path / "data", dice)
    size = sum(map(len, files_below(root).values()))
    # Five in a row that bring nothing are given up, and less than a MiB is nothing; only the first one may.
    places = [dice.randrange(1_060_000, 1_180_000) for _ in range(KILLS - 1)] + [dice.randrange(1 << 20)]
    crash_at(list(places), line, "up", runner)
    assert shell("data", "upload", str(root), "--name", "d").stdout == "d/1\n"
    assert line.crossed["up"] <= size + KILLS * LOST, f"seed {SEED}: {places}"
    assert line.sprung, f"seed {SEED}: {places}"
    sound(runner)
    line.crossed["down"] = 0
    crash_at(list(places), line, "down", runner)
    shell("data", "clone", "d", str(tmp_path / "back"))
    assert line.crossed["down"] <= size + KILLS * LOST, f"seed {SEED}: {places}"
    assert line.sprung, f"seed {SEED}: {places}"
    assert files_below(tmp_path / "back") == files_below(root)


def test_many_small_files_of_one_request_outlive_the_runner(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, Shell], dice: random.Random
) -> None:
    """All of them are one batch, which nothing but the request's end would have brought to the disk."""
    line, shell = tap
    root = tmp_path / "data"
    root.mkdir()
    for number in range(400):
        (root / f"{number}").write_bytes(dice.randbytes(dice.randrange(2 * LARGE // 400)))
    for number in range(4):
        (root / f"{number}.large").write_bytes(dice.randbytes(LARGE // 8))
    size = sum(map(len, files_below(root).values()))
    places = [dice.randrange(5 << 20) for _ in range(3)]
    crash_at(list(places), line, "up", runner)
    assert shell("data", "upload", str(root), "--name", "d").stdout == "d/1\n"
    assert line.sprung, f"seed {SEED}: {places}"
    assert line.crossed["up"] <= size + 3 * LOST, f"seed {SEED}: {places}"
    with runner.http() as http:
        api = Api(http)
        assert {path: api.content("d/1", path) for path in api.files("d/1")} == files_below(root), SEED
    assert not list(runner.data_dir.glob("partial/*/*"))
    sound(runner)


def test_a_version_is_made_once_or_not_at_all_when_the_runner_crashes(
    runner: RunnerProcess, tap: tuple[Line, Shell], dice: random.Random
) -> None:
    line, _ = tap
    for turn in range(KILLS):
        place = dice.choice((("up", dice.randrange(250)), ("up", 0), ("down", dice.randrange(40))))
        what = f"seed {SEED}, turn {turn}: {place}"
        with runner.http() as http:
            tree = Api(http).upload({"file": b"version %d" % turn, "same": b"same"})
        line.at_byte(*place, partial(crash, runner))  # type: ignore[arg-type]
        with httpx.Client(transport=httpx.HTTPTransport(uds=line.at), base_url="http://runner") as through:
            with suppress(httpx.TransportError):
                through.post("/v1/datasets/d/versions", json={"tree": tree})
            wait_for(lambda: line.sprung, what)
        with runner.http() as http:
            api = Api(http)
            made = versions(api)
            assert made in (turn, turn + 1), what
            again = api.ask("POST", "/v1/datasets/d/versions", {"tree": tree})
            assert (again["version"]["version"], again["created"]) == (turn + 1, made == turn), what
            assert api.content(f"d/{turn + 1}", "file") == b"version %d" % turn, what
    sound(runner)


def versions(api: Api) -> int:
    found: list[dict[str, Any]] = api.ask("GET", "/v1/datasets")
    return len(found[0]["versions"]) if found else 0


async def test_a_launch_beside_crashes_of_the_runner_makes_one_job_of_whole_code(
    tmp_path: Path, runner: RunnerProcess, dice: random.Random
) -> None:
    (tmp_path / "code").mkdir()
    with tapped(runner) as (line, host):
        links = Links(Config.load(tmp_path / "config").with_host(host))
        await links["local"].connected()
        for turn in range(1, KILLS + 1):
            code = dice.randbytes(200_000)
            await asyncio.to_thread((tmp_path / "code/model.bin").write_bytes, code)
            place = dice.randrange(len(code) + 1500)
            line.at_byte("up", place, partial(crash, runner))
            job = await submit(links["local"], tmp_path / "code", Launch("p", "sha256sum model.bin"))
            what = f"seed {SEED}, turn {turn}: crash at {place}"
            assert (job.number, line.sprung) == (turn, True), what
        await links.close()
    with runner.http() as http:
        api = Api(http)
        assert len(api.ask("GET", "/v1/jobs")) == KILLS
        assert api.ended(f"p/{KILLS}").state is JobState.SUCCEEDED
        assert api.log(f"p/{KILLS}").decode() == f"{hashlib.sha256(code).hexdigest()}  model.bin\n"


def test_a_launch_whose_client_is_ended_makes_no_job_of_half_its_code(
    runner: RunnerProcess, tap: tuple[Line, Shell], dice: random.Random
) -> None:
    line, shell = tap
    code = dice.randbytes(3 << 20)
    (shell.folder / "model.bin").write_bytes(code)
    words = ("run", "--follow", "sha256sum model.bin")
    with runner.http() as http:
        for turn in range(KILLS):
            ends(SIGNALS[turn % len(SIGNALS)], line, "up", dice.randrange(LARGE // 50), shell, *words)
            assert http.get("/v1/jobs").json() == [], f"seed {SEED}, turn {turn}"
        assert hashlib.sha256(code).hexdigest() in shell(*words).stdout
        assert len(http.get("/v1/jobs").json()) == 1
