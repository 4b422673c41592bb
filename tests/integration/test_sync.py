"""Syncing a job's output: what a running job writes comes when it is whole, what was changed here is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pty
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from floyd_tui.client import sync as syncing
from floyd_tui.client.download import download
from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.progress import Progress
from floyd_tui.client.sync import Round, Sync
from floyd_tui.client.sync_memory import NAME
from floyd_tui.config import LOCAL, Config, HostConfig
from floyd_tui.errors import TransferError
from runner.models import Job, JobState
from tests.support.api import Api
from tests.support.line import Line
from tests.support.road import road
from tests.support.runner import RunnerProcess
from tests.support.shell import PROGRAM, Shell
from tests.support.sshd import Sshd
from tests.support.wait import until, wait_for

RUNS = "while [ ! -e over ]; do sleep 0.05; done; rm over"
BIG = 24 << 20


class Writer:
    """A job that runs, and its home, where the test writes as the job would."""

    def __init__(self, api: Api, runner: RunnerProcess, job: Job) -> None:
        self.api, self.job = api, job
        (self.home,) = (path for path in (runner.data_dir / "jobs").rglob("home") if f"/{job.number}/" in str(path))

    def write(self, path: str, data: bytes) -> None:
        """Put a file there in one go."""
        place = self.home / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.with_name("tmp").write_bytes(data)
        place.with_name("tmp").replace(place)

    def end(self) -> None:
        """Let the job end, and wait for that."""
        (self.home / "over").touch()
        self.job = self.api.ended(self.job.name)
        assert self.job.state is JobState.SUCCEEDED


def started(runner: RunnerProcess, api: Api) -> Writer:
    job = api.launch(RUNS)
    api.reaches(job.name, JobState.RUNNING)
    return Writer(api, runner, job)


@pytest.fixture
def writer(runner: RunnerProcess) -> Iterator[Writer]:
    """A job that runs until it is told to end."""
    with runner.http() as http:
        yield started(runner, Api(http))


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "POLL_SECONDS", 0.1)
    monkeypatch.setattr("floyd_tui.client.progress.TELL_EVERY", 0.0)


@asynccontextmanager
async def local(tmp_path: Path, data_dir: Path) -> AsyncIterator[HostLink]:
    links = Links(Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(data_dir))))
    try:
        await links[LOCAL].connected()
        yield links[LOCAL]
    finally:
        await links.close()


@pytest.fixture
async def link(tmp_path: Path, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    async with local(tmp_path, runner.data_dir) as found:
        yield found


async def rounds(sync: Sync, enough: Callable[[Round], object]) -> Round:
    """Round after round, until one says `enough`."""

    async def one() -> Round | None:
        now = await sync.round()
        return now if now and enough(now) else None

    return await until(one, "the round")


def names(now: Round, to: Path) -> list[str]:
    return sorted(str(path.relative_to(to)) for path in now.came)


def here(to: Path) -> dict[str, bytes]:
    """The files that are here, the sync's own left out."""
    found = (path for path in to.rglob("*") if path.is_file() and not path.name.startswith(NAME))
    return {str(path.relative_to(to)): path.read_bytes() for path in found}


async def test_a_file_comes_when_it_is_whole_and_again_when_it_is_newer(
    tmp_path: Path, link: HostLink, writer: Writer
) -> None:
    to = tmp_path / "to"
    writer.write("ckpt/1.pt", b"one")
    log = (writer.home / "train.log").open("wb", buffering=0)
    log.write(b"epoch 1\n")
    async with Sync(link, writer.job, to) as sync:
        first = await sync.round()
        assert first is not None
        assert (first.came, set(first.waiting)) == ((), {"ckpt/1.pt", "train.log"})  # each changed a moment ago
        now = await rounds(sync, lambda now: now.came)
        # Both have rested by now, and one of them is open for writing still.
        assert (names(now, to), now.waiting) == (["ckpt/1.pt"], ("train.log",))
        assert here(to) == {"ckpt/1.pt": b"one"}
        log.close()
        assert names(await rounds(sync, lambda now: now.came), to) == ["train.log"]
        assert await sync.round() is None  # nothing has changed: nothing was sent, nothing read

        writer.write("ckpt/1.pt", b"newer")
        writer.write("train.log", b"epoch 1\nepoch 2\n")
        (to / "train.log").write_bytes(b"mine")
        now = await rounds(sync, lambda now: now.came)
        assert (names(now, to), now.clashes) == (["ckpt/1.pt"], (str(to / "train.log"),))
        assert here(to) == {"ckpt/1.pt": b"newer", "train.log": b"mine"}
        (to / "ckpt/1.pt").unlink()
        sync.allow(now.clashes)
        now = await rounds(sync, lambda now: now.came)
        assert (names(now, to), now.clashes, now.gone) == (["train.log"], (), 1)
        assert here(to) == {"train.log": b"epoch 1\nepoch 2\n"}

        writer.write("ckpt/2.pt", b"two")
        with (writer.home / "train.log").open("ab") as file:
            file.write(b"the end\n")
        writer.end()
        told: list[Round] = []
        last = await sync.follow(told.append)
        assert last.ended
        assert (names(last, to), last.waiting, last.gone) == (["ckpt/2.pt", "train.log"], (), 1)
    files = writer.api.files(writer.job.name)
    assert here(to)["train.log"] == b"epoch 1\nepoch 2\nthe end\n"
    for name in ("ckpt/2.pt", "train.log"):
        assert hashlib.sha256((to / name).read_bytes()).hexdigest() == files[name].digest

    # Later, by another client: what is here is known without being read, what was changed here is left alone.
    (to / "train.log").write_bytes(b"my notes")
    async with Sync(link, writer.job, to) as sync:
        again = await sync.round()
        assert again is not None
        assert (again.came, again.here, again.changed, again.gone, again.clashes) == ((), 1, 1, 1, ())
    async with Sync(link, writer.job, to, overwrite=True) as sync:
        again = await sync.round()
        assert again is not None
        assert names(again, to) == ["ckpt/1.pt", "train.log"]


HALF = """
import os, pathlib, time
half = open("half.pt", "wb")
half.write(b"h" * 1000)
half.flush()
pathlib.Path("whole.pt").write_bytes(b"w")
while not os.path.exists("over"):
    time.sleep(0.05)
os.remove("over")
half.write(b"h" * 1000)
half.close()
"""


@pytest.mark.docker
async def test_what_a_container_is_writing_is_waited_for(tmp_path: Path, docker_runner: RunnerProcess) -> None:
    with docker_runner.http() as http:
        api = Api(http)
        job = api.launch(f"python3 -c '{HALF}'")
        api.reaches(job.name, JobState.RUNNING)
        writer = Writer(api, docker_runner, job)
        to = tmp_path / "to"
        async with local(tmp_path, docker_runner.data_dir) as link, Sync(link, job, to) as sync:
            now = await rounds(sync, lambda now: now.came)
            assert (names(now, to), now.waiting) == (["whole.pt"], ("half.pt",))
            await asyncio.to_thread(writer.end)
            last = await sync.follow(lambda _: None)
        assert names(last, to) == ["half.pt"]
        assert here(to) == {"whole.pt": b"w", "half.pt": b"h" * 2000}


def once(act: Callable[[], object]) -> Callable[[Progress], None]:
    """Acts once when some has come: on a slow day the host has sent the rest by the time that half is here."""
    done: list[bool] = []

    def tell(now: Progress) -> None:
        if not done and now.done_bytes:
            done.append(True)
            act()

    return tell


async def test_what_changes_while_it_comes_is_no_mixture(tmp_path: Path, link: HostLink, writer: Writer) -> None:
    to = tmp_path / "to"
    writer.write("model.pt", b"a" * BIG)

    def change() -> None:
        with (writer.home / "model.pt").open("r+b") as file:
            file.write(b"b" * BIG)

    async with Sync(link, writer.job, to) as sync:
        changes = once(change)

        async def passed() -> bool:
            now = await sync.round(changes)
            assert now is None or not now.came
            return (writer.home / "model.pt").read_bytes()[-1:] == b"b"

        await until(passed, "the change in the middle")
        assert here(to) == {}, "nothing of the mixture, under any name"
        await rounds(sync, lambda now: now.came)
    assert here(to) == {"model.pt": b"b" * BIG}

    # Fetched as it stands, it is said to have changed underneath.
    came = await download(link, f"{writer.job.name}/output", "", tmp_path / "got", progress=once(change))
    assert came.unsteady == ("model.pt",)
    writer.end()


async def test_what_is_changed_here_while_it_comes_is_kept(tmp_path: Path, link: HostLink, writer: Writer) -> None:
    to = tmp_path / "to"
    writer.write("model.pt", b"a" * BIG)
    writer.end()
    async with Sync(link, writer.job, to) as sync:
        now = await sync.round(once(lambda: (to / "model.pt").write_bytes(b"mine")))
        assert now is not None
        assert (now.came, now.clashes) == ((), (str(to / "model.pt"),))
    assert here(to) == {"model.pt": b"mine"}


@pytest.mark.sshd
async def test_following_goes_on_through_cut_lines_and_a_killed_runner(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess
) -> None:
    with runner.http() as http:
        writer = started(runner, Api(http))
        writer.write("1.pt", b"1" * BIG)
        told: list[Round] = []
        to = tmp_path / "to"

        def cut() -> None:
            for pid in sshd.sessions():
                os.kill(pid, signal.SIGKILL)

        async with road(tmp_path / "config", sshd, runner) as link, Sync(link, writer.job, to) as sync:
            following = asyncio.create_task(sync.follow(told.append, once(cut)))
            await asyncio.to_thread(wait_for, lambda: (to / "1.pt").exists(), "the first file")
            await asyncio.to_thread(runner.kill)
            await asyncio.to_thread(runner.start)
            writer.write("2.pt", b"2")
            await asyncio.to_thread(wait_for, lambda: (to / "2.pt").exists(), "the second file")
            await asyncio.to_thread(writer.end)
            assert (await following).ended
        assert here(to) == {"1.pt": b"1" * BIG, "2.pt": b"2"}


async def test_a_folder_is_one_syncs_and_one_jobs(tmp_path: Path, link: HostLink, writer: Writer) -> None:
    to = tmp_path / "to"
    writer.write("a", b"a")
    writer.end()
    other = writer.api.ended(writer.api.launch("echo b > b").name)
    async with Sync(link, writer.job, to) as sync:
        assert (await sync.round() or Round()).came
        with pytest.raises(TransferError, match="Another sync"):
            await Sync(link, writer.job, to).__aenter__()
    with pytest.raises(TransferError, match="holds what was synced from"):
        await Sync(link, other, to).__aenter__()
    (to / NAME).write_bytes(b"damaged" * 1000)
    with pytest.raises(TransferError, match="damaged") as caught:
        await Sync(link, writer.job, to).__aenter__()
    assert "Remove it" in caught.value.hint
    (to / NAME).unlink()
    async with Sync(link, writer.job, to) as sync:
        again = await sync.round()
        assert again is not None
        assert (again.came, again.here) == ((), 1)
    (to / NAME).unlink()
    (to / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match="link"):
        await Sync(link, writer.job, to).__aenter__()
    assert not (tmp_path / "elsewhere").exists()
    async with Sync(link, writer.job, tmp_path / "none", "not/here") as sync:
        with pytest.raises(TransferError, match="no 'not/here'"):
            await sync.round()
    assert not (tmp_path / "none").exists(), "nothing is left of a sync that nothing came of"


async def test_links_folders_and_a_part_of_it(tmp_path: Path, link: HostLink, writer: Writer) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    writer.write("ckpt/1.pt", b"1")
    writer.write("logs/a.log", b"a")
    (writer.home / "ckpt/latest").symlink_to("1.pt")
    (writer.home / "ckpt/out").symlink_to("../../../../etc/passwd")
    (writer.home / "ckpt/empty").mkdir()
    writer.end()
    to = tmp_path / "to"
    async with Sync(link, writer.job, to, "ckpt") as sync:
        now = await sync.round()
        assert now is not None
        assert (names(now, to), now.left_out) == (["ckpt/1.pt"], ("ckpt/out",))
    assert (to / "ckpt/latest").readlink() == Path("1.pt")
    assert not (to / "ckpt/out").is_symlink()
    assert (to / "ckpt/empty").is_dir()
    (to / "logs").symlink_to(outside)
    async with Sync(link, writer.job, to) as sync:
        with pytest.raises(TransferError, match="not written through links"):
            await sync.round()
    assert list(outside.iterdir()) == []


def shell_at(tmp_path: Path, data_dir: Path) -> Shell:
    (tmp_path / "work").mkdir()
    Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(data_dir)))
    return Shell(tmp_path / "work", tmp_path / "config")


def test_the_command_from_the_first_file_to_the_last(tmp_path: Path, runner: RunnerProcess, writer: Writer) -> None:
    shell = shell_at(tmp_path, runner.data_dir)
    writer.write("a.txt", b"a")
    half = (writer.home / "b.txt").open("wb", buffering=0)
    half.write(b"b")
    came = shell("output", "sync", "p/1")
    assert came.stdout == "p-1/a.txt\n"
    assert "still being written: b.txt" in came.stderr
    live = shell.start("output", "sync", "p/1", "--live")
    half.close()
    assert live.stdout is not None
    assert live.stdout.readline() == "p-1/b.txt\n"
    live.send_signal(signal.SIGINT)
    live.communicate(timeout=30)
    assert live.returncode == 130
    live = shell.start("output", "sync", "p/1", "--live", "-o", "p-1")
    writer.write("c.txt", b"c")
    writer.end()
    out, err = live.communicate(timeout=30)
    assert (live.returncode, out) == (0, "p-1/c.txt\n"), err
    assert "p/1 succeeded" in err
    again = shell("output", "sync", "p/1", "a.txt")
    assert (again.stdout, "1 here already" in again.stderr) == ("", True)

    (shell.folder / "other").mkdir()
    (shell.folder / "other/a.txt").write_text("mine")
    refused = shell("output", "sync", "p/1", "--to", "other", code=1)
    assert "other/a.txt" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert (shell.folder / "other/a.txt").read_text() == "mine"
    assert (shell.folder / "other/b.txt").read_text() == "b", "the rest came"
    shell("output", "sync", "p/1", "--to", "other", "--overwrite")
    assert (shell.folder / "other/a.txt").read_text() == "a"


def test_a_person_is_asked_before_anything_is_written_over(
    tmp_path: Path, runner: RunnerProcess, writer: Writer
) -> None:
    shell = shell_at(tmp_path, runner.data_dir)
    writer.write("a.txt", b"a")
    writer.end()
    file = shell.folder / "p-1/a.txt"
    file.parent.mkdir()
    for answer, code, content in ((b"n\n", 1, b"mine"), (b"y\n", 0, b"a")):
        file.write_bytes(b"mine")
        mine, its = pty.openpty()
        with subprocess.Popen(
            [*PROGRAM, "output", "sync", "p/1"], cwd=shell.folder, env=shell.env, stdin=its, stdout=its, stderr=its
        ) as client:
            os.close(its)
            said = b""
            while b"[y/N]" not in said:
                said += os.read(mine, 1024)
            os.write(mine, answer)
            with contextlib.suppress(OSError):  # Linux's word for the end of it
                while os.read(mine, 1024):
                    pass
        os.close(mine)
        assert b"p-1/a.txt" in said
        assert (client.returncode, file.read_bytes()) == (code, content)


def test_a_killed_client_leaves_no_half_file_and_the_next_goes_on(tmp_path: Path, runner: RunnerProcess) -> None:
    data = os.urandom(BIG)
    with runner.http() as http, Line(runner.socket, tmp_path / "runner.sock") as line:
        writer = started(runner, Api(http))
        writer.write("model.pt", data)
        shell = shell_at(tmp_path, tmp_path)
        place = shell.folder / "p-1"
        client = shell.start("output", "sync", "p/1", "--live")
        line.at_byte("down", BIG // 2, client.kill)
        client.communicate(timeout=30)
        (part,) = (name for name in here(place))
        assert part.endswith(".floyd-part")
        before = line.crossed["down"]
        shell("output", "sync", "p/1")
        assert line.crossed["down"] - before < BIG * 3 // 4, "what had come did not come again"
        assert here(place) == {"model.pt": data}

        # The job writes another version; what is left of a fetch of the first one goes.
        (place / part).write_bytes(b"left")
        writer.write("model.pt", b"new")
        writer.end()
        shell("output", "sync", "p/1")
        assert here(place) == {"model.pt": b"new"}
