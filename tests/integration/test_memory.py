"""Bounds on memory, of the client in this process and of a real runner beside it: one large file, many files."""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.progress import Progress
from floyd_tui.client.transfer import download
from floyd_tui.client.upload import lacking, upload
from floyd_tui.config import Config
from floyd_tui.project.snapshot import Snapshot, take
from runner.models import NewVersion
from tests.support.runner import RunnerProcess
from tests.support.tapped import tapped

FILES, CONTENTS = 10_000, 100
BIG = 256 << 20
MIB = 1 << 20


# A runner that lists no more than 50 of the missing blobs in an answer, where others list 50,000.
TERSE = """
import runner.store.lacking
from runner.cli import main
runner.store.lacking.LISTED = 50
main()
"""


@asynccontextmanager
async def linked(folder: Path, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    with tapped(runner) as (_, host):
        links = Links(Config.load(folder / "config").with_host(host))
        await links["local"].connected()
        yield links["local"]
        await links.close()


@pytest.fixture
async def link(tmp_path: Path, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    async with linked(tmp_path, runner) as live:
        yield live


class Peak:
    """The most memory taken beyond what was taken before, in bytes: what Python allocated here, all of the runner's."""

    client = runner = 0


@contextmanager
def peak(runner: RunnerProcess) -> Iterator[Peak]:
    """Measure it while the block runs."""
    process = Path("/proc") / str(runner.pid)
    (process / "clear_refs").write_text("5")  # the peak begins anew
    before, found = status(process, "VmRSS"), Peak()
    tracemalloc.start()
    try:
        yield found
        found.client = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found.runner = status(process, "VmHWM") - before


def status(process: Path, what: str) -> int:
    lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return int(lines[what].split()[0]) * 1024


async def version(link: HostLink, snapshot: Snapshot) -> str:
    await upload(link, snapshot)
    return (await link.client.add_version("d", NewVersion(tree=snapshot.digest))).version.name


async def test_a_large_file_is_never_in_memory(tmp_path: Path, link: HostLink, runner: RunnerProcess) -> None:
    folder = tmp_path / "up"
    folder.mkdir()
    with (folder / "big").open("wb") as file:
        file.truncate(BIG)  # holes, and in each MiB something of its own
        for start in range(0, BIG, MIB):
            os.pwrite(file.fileno(), os.urandom(64), start)
    with peak(runner) as took:
        name = await version(link, await take(folder, defaults=()))
        await download(link, name, "", tmp_path / "down")
    came = tmp_path / "down" / "big"
    assert came.stat().st_size == BIG
    with came.open("rb") as one, (folder / "big").open("rb") as other:
        assert all(one.read(MIB) == other.read(MIB) for _ in range(BIG // MIB))
    assert took.client < 40 * MIB
    assert took.runner < 80 * MIB


async def test_a_file_of_many_takes_a_line_of_memory(tmp_path: Path, link: HostLink, runner: RunnerProcess) -> None:
    """A file takes about 100 bytes in a manifest, so a million of them some hundred MiB: here is held what that is."""
    folder = tmp_path / "many"
    for number in range(FILES):
        path = folder / f"{number % 20:02}" / f"{number:06}"
        if number < CONTENTS:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % number)
        else:
            # Another name is another file to everybody here, and is made in less time.
            path.hardlink_to(folder / f"{number % 20:02}" / f"{number % CONTENTS:06}")
    with peak(runner) as took:
        first = await version(link, await take(folder, defaults=()))
        (folder / "00" / "000000").unlink()
        second = await version(link, await take(folder, defaults=()))
        assert [change.path for change in await link.client.diff(first, second)] == ["00/000000"]
        assert len(await link.client.files(second)) == 20
    assert took.client / FILES < 800
    assert took.runner / FILES < 2000
    with peak(runner) as took:
        assert (await download(link, second, "", tmp_path / "down")).files == FILES - 1
    # What is told of each, and where it goes: told as JSON that is 220 bytes, and here all are known at once.
    assert took.client / FILES < 1200
    assert took.runner / FILES < 2000


async def test_what_is_missing_is_told_part_by_part(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    folder.mkdir()
    for number in range(230):
        (folder / f"{number}").write_bytes(b"%d" % number)
    told: list[Progress] = []
    with RunnerProcess(tmp_path / "terse", program=(sys.executable, "-c", TERSE)) as runner:
        async with linked(tmp_path, runner) as link:
            shot = await take(folder, defaults=())
            before = await lacking(link, shot)
            assert (len(before.missing), before.lacking, before.lacking_bytes) == (50, 230, shot.size)
            status = await upload(link, shot, told.append)
            assert (status.lacking, status.missing) == (0, ())
            again = await link.client.tree_status(shot.digest)
            assert (again.files, again.lacking) == (230, 0)
            await download(link, await version(link, shot), "", tmp_path / "down")
    assert {path.name: path.read_bytes() for path in (tmp_path / "down").iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    done = [progress.done_files for progress in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 230)
