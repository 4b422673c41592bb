"""A line that breaks at any byte of an upload or download: nothing half-made is seen, and going on costs what was lost.

A seed makes the files and the places where the line breaks: put the one that a failure names in the place of `SEED`.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.protocol import LinkState
from floyd_tui.client.transfer import download, upload
from floyd_tui.config import Config, HostConfig
from floyd_tui.project.snapshot import Snapshot, take
from runner.models import NewVersion
from tests.support.line import Break, Line
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.sshd import Sshd

pytestmark = pytest.mark.sshd

SEED = int.from_bytes(os.urandom(4), "big")
TURNS = 20
# What may be on its way when a line breaks, in bytes: an SSH window, what sockets hold, and a blob below 1 MiB.
IN_FLIGHT = 4 << 20
LARGE, SMALL, MANY = 7 << 20, 10 << 10, 100


def settings(line: Line, sshd: Sshd, runner: RunnerProcess, config: Path) -> Config:
    """Settings whose host ``gpu1`` is reached through `line`."""
    known = Path.home() / ".ssh/known_hosts"
    known.parent.mkdir(exist_ok=True)
    with known.open("a") as file:
        file.write(f"[127.0.0.1]:{line.port} {sshd.host_key}\n")
    place = f"{sshd.user}@127.0.0.1:{line.port}"
    host = HostConfig("gpu1", place, data_dir=str(runner.data_dir), identity_file=str(sshd.client_key))
    return Config.load(config).with_host(host).with_default_host("gpu1")


@asynccontextmanager
async def link_over(line: Line, sshd: Sshd, runner: RunnerProcess, config: Path) -> AsyncIterator[HostLink]:
    """A live link through `line`."""
    links = Links(settings(line, sshd, runner, config))
    try:
        await links["gpu1"].connected()
        yield links["gpu1"]
    finally:
        await links.close()


@pytest.fixture
def line(sshd: Sshd) -> Iterator[Line]:
    """The line to `sshd`."""
    with Line(sshd.port) as made:
        yield made


@pytest.fixture
async def link(tmp_path: Path, line: Line, sshd: Sshd, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    async with link_over(line, sshd, runner, tmp_path / "config") as made:
        yield made


class Folder:
    """One large file and many small ones, none of which can be made smaller; `change` gives all of them new content."""

    def __init__(self, root: Path, dice: random.Random) -> None:
        self.root, self._dice = root, dice
        self._noise = dice.randbytes(2 * LARGE)
        for number in range(9):
            (root / f"small/{number}").mkdir(parents=True)

    def change(self) -> None:
        """New content, as far from the last as anything."""
        (self.root / "large.bin").write_bytes(self._slice(LARGE))
        for number in range(MANY):
            (self.root / f"small/{number % 9}/{number}").write_bytes(self._slice(self._dice.randrange(SMALL)))

    def _slice(self, size: int) -> bytes:
        start = self._dice.randrange(LARGE)
        return self._noise[start : start + size]


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def version_of(link: HostLink, snapshot: Snapshot) -> str:
    return (await link.client.add_version("d", NewVersion(tree=snapshot.digest))).version.name


def sound(runner: RunnerProcess) -> None:
    """Every blob and manifest that the runner has is what it is named by."""
    command = [sys.executable, "-m", "runner", "fsck", "--data-dir", str(runner.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


async def test_an_upload_cut_at_twenty_places(
    tmp_path: Path, link: HostLink, line: Line, runner: RunnerProcess
) -> None:
    dice = random.Random(SEED)
    folder = Folder(tmp_path / "data", dice)
    for turn in range(TURNS):
        folder.change()
        snapshot = await take(folder.root, defaults=())
        place, how = dice.randrange(snapshot.size), dice.choice((Break.RESET, Break.END))
        what = f"seed {SEED}, turn {turn}: {how} at {place}"
        before = line.crossed["up"]
        line.cut("up", place, how)
        assert (await upload(link, snapshot)).missing == (), what
        assert line.sprung, what
        assert line.crossed["up"] - before <= snapshot.size + IN_FLIGHT, what
        assert (await version_of(link, snapshot)).endswith(f"/{turn + 1}"), what
    await download(link, "d", "", tmp_path / "back")
    assert files_below(tmp_path / "back") == files_below(folder.root)
    await asyncio.to_thread(sound, runner)


async def test_a_download_cut_at_twenty_places(tmp_path: Path, link: HostLink, line: Line) -> None:
    dice = random.Random(SEED)
    folder = Folder(tmp_path / "data", dice)
    folder.change()
    wanted = files_below(folder.root)
    snapshot = await take(folder.root, defaults=())
    await upload(link, snapshot)
    name = await version_of(link, snapshot)
    seen: dict[str, bytes] = {}
    for turn in range(TURNS):
        place, how, to = dice.randrange(snapshot.size), dice.choice((Break.RESET, Break.END)), tmp_path / f"{turn}"
        what = f"seed {SEED}, turn {turn}: {how} at {place}"
        before = line.crossed["down"]
        line.cut("down", place, how, look_at(to, seen))
        await download(link, name, "", to)
        assert line.sprung, what
        assert line.crossed["down"] - before <= snapshot.size + IN_FLIGHT, what
        assert seen.items() <= wanted.items(), what
        assert files_below(to) == wanted, what


def look_at(folder: Path, seen: dict[str, bytes]) -> Callable[[], None]:
    """Note what of `folder` a person would take for a finished file when the line breaks."""

    def look() -> None:
        seen.clear()
        seen.update({name: data for name, data in files_below(folder).items() if not name.endswith(".floyd-part")})

    return look


async def test_a_line_that_dies_without_a_word(
    tmp_path: Path, sshd: Sshd, runner: RunnerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("floyd_tui.client.ssh_login._KEEPALIVE_SECONDS", 2)
    dice = random.Random(SEED)
    folder = Folder(tmp_path / "data", dice)
    folder.change()
    first = await take(folder.root, defaults=())
    told: list[str] = []
    async with AsyncExitStack() as stack:
        lines = [stack.enter_context(Line(sshd.port)) for _ in range(2)]
        links = [await stack.enter_async_context(link_over(line, sshd, runner, tmp_path / "c")) for line in lines]
        for link in links:
            link.watch(lambda now: told.append(str(now.error)) if now.state is LinkState.CONNECTING else None)
        await upload(links[1], first)
        name = await version_of(links[1], first)
        wanted = files_below(folder.root)
        folder.change()
        second = await take(folder.root, defaults=())
        before = lines[0].crossed["up"], lines[1].crossed["down"]
        lines[0].cut("up", LARGE * 3 // 4, Break.SILENCE)
        lines[1].cut("down", LARGE * 3 // 4, Break.SILENCE)
        await asyncio.gather(upload(links[0], second), download(links[1], name, "", tmp_path / "back"))
        assert lines[0].crossed["up"] - before[0] <= second.size + IN_FLIGHT, SEED
        assert lines[1].crossed["down"] - before[1] <= first.size + IN_FLIGHT, SEED
        assert await version_of(links[0], second) != name
    assert files_below(tmp_path / "back") == wanted
    assert len(told) == 2
    assert all("was lost: Server not responding to keepalive" in text for text in told)
    await asyncio.to_thread(sound, runner)


async def test_text_crosses_compressed_also_where_the_line_breaks(
    tmp_path: Path, link: HostLink, line: Line, runner: RunnerProcess
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    log = "".join(f'{{"step": {step}, "loss": {1 / (step + 1)}}}\n' for step in range(400_000)).encode()
    (root / "log.jsonl").write_bytes(log)
    (root / "weights").write_bytes(os.urandom(2 << 20))
    snapshot = await take(root)
    before = line.crossed["up"]
    line.cut("up", len(log) // 20, Break.RESET)
    await upload(link, snapshot)
    assert line.sprung
    assert line.crossed["up"] - before < len(log) * 2 // 3
    name = await version_of(link, snapshot)
    await download(link, name, "", tmp_path / "back")
    assert files_below(tmp_path / "back") == files_below(root)
    sound(runner)


def test_a_person_is_told_of_a_break_and_of_its_end(
    tmp_path: Path, line: Line, sshd: Sshd, runner: RunnerProcess
) -> None:
    folder = Folder(tmp_path / "data", random.Random(SEED))
    folder.change()
    settings(line, sshd, runner, tmp_path / "config")
    line.cut("up", LARGE // 2, Break.RESET)
    done = Shell(tmp_path, tmp_path / "config")("data", "upload", "data", "--name", "d")
    assert done.stdout == "d/1\n"
    lost, back = done.stderr.index("The connection to gpu1 was lost"), done.stderr.index("gpu1 is back.")
    assert lost < back < done.stderr.index("New version")
