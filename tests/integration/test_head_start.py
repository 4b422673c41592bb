"""Large files on their way before their digests are known: sent once, whole whatever happens, over a real sshd."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from floyd_tui.client.head_start import HeadStart
from floyd_tui.client.link import HostLink
from floyd_tui.client.transfer import download, upload
from floyd_tui.project.run import upload_dataset
from floyd_tui.project.snapshot import take
from tests.integration.test_cut_lines import IN_FLIGHT, files_below, line, link_over, sound, version_of
from tests.support.line import Break, Line
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd
from tests.support.wait import wait_for

pytestmark = pytest.mark.sshd
__all__ = ["line"]  # the fixture

SIZE = 48 << 20
# A runner on a slow disk: of a client that has gone, what is on its way takes a while to be written down.
SLOW = """
import time
import runner.store.parts as parts
from runner.cli import main
park = parts.Part.park
parts.Part.park = lambda part: (time.sleep(1.5), park(part))
main()
"""


@pytest.fixture
async def link(tmp_path: Path, line: Line, sshd: Sshd, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    async with link_over(line, sshd, runner, tmp_path / "config") as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one large file of noise."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "big").write_bytes(os.urandom(SIZE))
    return folder


def digest_of(root: Path) -> str:
    return hashlib.sha256((root / "big").read_bytes()).hexdigest()


class Killed(Exception):
    """Ends a client as Ctrl-C would."""


async def begun_and_killed(link: HostLink, root: Path, line: Line, part: int) -> None:
    async with HeadStart(link, root) as start:
        start.begins("big", SIZE)
        await crossed(line, part)
        raise Killed


def parts(runner: RunnerProcess) -> list[Path]:
    """What waits on the host to be gone on with."""
    return list((runner.data_dir / "partial").glob("*/*"))


async def crossed(line: Line, size: int) -> None:
    before = line.crossed["up"]
    await happens(lambda: line.crossed["up"] - before >= size, f"{size} bytes to go up")


async def happens(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_for, condition, what)


async def finish(link: HostLink, root: Path, back: Path) -> None:
    """Upload the folder, and see that what is there is what is here."""
    snapshot = await take(root)
    await upload(link, snapshot)
    await download(link, await version_of(link, snapshot), "", back)
    assert files_below(back) == files_below(root)


@pytest.mark.parametrize("part", [SIZE // 2, SIZE - (8 << 20)])
async def test_what_went_up_before_the_digest_is_not_sent_again(
    tmp_path: Path, link: HostLink, line: Line, runner: RunnerProcess, root: Path, part: int
) -> None:
    async with HeadStart(link, root) as start:
        start.begins("big", SIZE)
        await crossed(line, part)
        start.ends("big", digest_of(root))
    before = line.crossed["up"]
    await upload(link, await take(root))
    assert line.crossed["up"] - before < SIZE - part + IN_FLIGHT
    await finish(link, root, tmp_path / "back")
    sound(runner)


async def test_the_head_of_text_goes_compressed(
    tmp_path: Path, link: HostLink, line: Line, runner: RunnerProcess, root: Path
) -> None:
    lines = (f'{{"step": {step}, "loss": {1 / (step + 1)}}}\n' for step in range(1_000_000))
    (root / "big").write_text("".join(lines))
    async with HeadStart(link, root) as start:
        start.begins("big", (root / "big").stat().st_size)
        await crossed(line, 2 << 20)
        start.ends("big", digest_of(root))
    await finish(link, root, tmp_path / "back")
    sound(runner)


@pytest.mark.parametrize("named", [False, True])
async def test_a_file_that_changed_meanwhile_is_sent_anew(
    tmp_path: Path, link: HostLink, line: Line, runner: RunnerProcess, root: Path, named: bool
) -> None:
    async with HeadStart(link, root) as start:
        start.begins("big", SIZE)
        await crossed(line, SIZE // 3)
        # What was sent is of the file as it was; a digest, where there is one, is of the one that it is now.
        (root / "big").write_bytes(os.urandom(SIZE))
        start.ends("big", digest_of(root) if named else "")
    await finish(link, root, tmp_path / "back")
    sound(runner)


async def test_a_head_start_that_breaks_costs_nothing_but_itself(
    tmp_path: Path, link: HostLink, line: Line, runner: RunnerProcess, root: Path
) -> None:
    async with HeadStart(link, root) as start:
        line.cut("up", SIZE // 3, Break.RESET)
        start.begins("big", SIZE)
        await happens(lambda: line.sprung, "the line to break")
        start.ends("big", digest_of(root))
    await link.connected()
    await finish(link, root, tmp_path / "back")
    sound(runner)


async def test_what_the_host_has_already_is_let_go(
    link: HostLink, line: Line, runner: RunnerProcess, root: Path
) -> None:
    await upload_dataset(link, root, "d")
    async with HeadStart(link, root) as start:
        start.begins("big", SIZE)
        await crossed(line, SIZE // 3)
        start.ends("big", digest_of(root))
    assert not parts(runner)
    assert (await upload_dataset(link, root, "d")).created is False


async def test_a_second_try_goes_on_where_the_first_was_killed(
    tmp_path: Path, sshd: Sshd, line: Line, runner: RunnerProcess, root: Path
) -> None:
    before = line.crossed["up"]
    for part in (SIZE // 3, SIZE // 4):
        async with link_over(line, sshd, runner, tmp_path / "config") as link:
            with pytest.raises(Killed):
                await begun_and_killed(link, root, line, part)
    async with link_over(line, sshd, runner, tmp_path / "config") as link:
        async with HeadStart(link, root) as start:
            start.begins("big", SIZE)
            await crossed(line, SIZE // 4)
            start.ends("big", digest_of(root))
        await upload(link, await take(root))
        assert line.crossed["up"] - before < SIZE + 3 * IN_FLIGHT
        await finish(link, root, tmp_path / "back")
    sound(runner)


async def test_a_host_that_is_slow_to_write_is_waited_for(tmp_path: Path, line: Line, sshd: Sshd, root: Path) -> None:
    with RunnerProcess(tmp_path / "slow", program=(sys.executable, "-c", SLOW)) as slow:
        async with link_over(line, sshd, slow, tmp_path / "config") as link:
            async with HeadStart(link, root) as start:
                start.begins("big", SIZE)
                await crossed(line, SIZE // 2)
                start.ends("big", digest_of(root))
            assert [path.name for path in parts(slow)] == [digest_of(root)]


async def test_of_a_file_that_did_not_hold_still_nothing_stays(
    link: HostLink, line: Line, runner: RunnerProcess, root: Path
) -> None:
    async with HeadStart(link, root) as start:
        start.begins("big", SIZE)
        await crossed(line, SIZE // 3)
        start.ends("big", "")
    assert not parts(runner)


async def test_cancelled_it_leaves_nothing_running(link: HostLink, line: Line, root: Path) -> None:
    async def scan() -> None:
        async with HeadStart(link, root) as start:
            start.begins("big", SIZE)
            await asyncio.Event().wait()

    scanning = asyncio.create_task(scan())
    await crossed(line, SIZE // 3)
    before = asyncio.all_tasks() - {scanning}
    scanning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scanning
    assert asyncio.all_tasks() < before
    assert (await link.client.info()).pid
