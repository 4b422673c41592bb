"""The queue of downloads before a real host: paused, cut off, left and taken up again; the bytes are the host's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from floyd_tui.client.transfer import upload
from floyd_tui.client.transfer_memory import TransferMemory
from floyd_tui.client.transfers import Transfers
from floyd_tui.project.snapshot import take
from runner.models import NewVersion
from tests.integration.test_cut_lines import IN_FLIGHT, files_below, link_over
from tests.support.line import Break, Line
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd
from tests.support.wait import comes as until

pytestmark = pytest.mark.sshd
LARGE = 24 << 20


async def sprung(line: Line, act: Callable[[], None]) -> None:
    """Call `act` once a few MiB more have come down."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def reached() -> None:
        loop.call_soon_threadsafe(done.set)

    line.at_byte("down", 5 << 20, reached)
    act()
    async with asyncio.timeout(120):
        await done.wait()


async def test_a_download_paused_cut_and_left_ends_whole(tmp_path: Path, sshd: Sshd, runner: RunnerProcess) -> None:
    folder, to = tmp_path / "data", tmp_path / "here"
    (folder / "more").mkdir(parents=True)
    (folder / "large.bin").write_bytes(random.Random(3).randbytes(LARGE))
    for at in range(30):
        (folder / f"more/{at}.txt").write_text(f"{at}\n" * 100)
    with Line(sshd.port) as line:
        async with link_over(line, sshd, runner, tmp_path / "config") as link:
            snapshot = await take(folder)
            await upload(link, snapshot)
            added = await link.client.add_version("d", NewVersion(tree=snapshot.digest))
            memory = TransferMemory(tmp_path / "state")
            transfers = Transfers(memory)
            before = line.crossed["down"]

            id = 0

            def begin() -> None:
                nonlocal id
                id = transfers.add(link, added.version.name, [""], to).id

            await sprung(line, begin)
            await transfers.pause(id)
            assert transfers.all[0].state == "paused"
            assert not (to / "large.bin").exists()
            assert transfers.busy == []
            line.cut("down", 4 << 20, Break.RESET)
            transfers.resume(id)
            await until(lambda: line.sprung, "the line to break")
            await transfers.close()

            again = Transfers(memory)
            (one,) = again.restore(lambda host: link if host == "gpu1" else None)
            assert (one.state, one.paths, one.to) == ("paused", ("",), to)
            again.resume(one.id)
            await until(lambda: [one.state for one in again.all] == ["done"], "the end")
            assert files_below(to) == files_below(folder)
            assert line.crossed["down"] - before < LARGE + 4 * IN_FLIGHT, "what had come is not fetched again"
            assert again.clear() == 1
            assert memory.take() == []
            await again.close()
