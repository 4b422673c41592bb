"""Several hands at one thing: uploads of one content, datasets that go meanwhile, files that will not hold still."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.transfer import upload
from floyd_tui.config import Config, HostConfig
from floyd_tui.errors import ProjectError, TransferError
from floyd_tui.project.run import upload_dataset
from floyd_tui.project.snapshot import take
from runner.models import DatasetChange, NewVersion
from tests.support.api import Api
from tests.support.line import Line
from tests.support.runner import RunnerProcess
from tests.support.tapped import tapped

LARGE, SMALL, MANY = 6 << 20, 4 << 10, 200


def grown(root: Path, seed: int = 1) -> Path:
    """A folder with a large file and many small ones."""
    dice = random.Random(seed)
    root.mkdir(parents=True)
    (root / "large.bin").write_bytes(dice.randbytes(LARGE))
    for number in range(MANY):
        (root / f"{number}").write_bytes(dice.randbytes(dice.randrange(SMALL)))
    return root


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def on_the_host(runner: RunnerProcess, name: str) -> dict[str, bytes]:
    with runner.http() as http:
        api = Api(http)
        return {path: api.content(name, path) for path in api.files(name)}


@pytest.fixture
def tap(runner: RunnerProcess) -> Iterator[tuple[Line, HostConfig]]:
    with tapped(runner) as both:
        yield both


@pytest.fixture
async def three(tmp_path: Path, tap: tuple[Line, HostConfig]) -> AsyncIterator[list[HostLink]]:
    """Three clients of one person, each with a connection of its own."""
    each = [Links(Config.load(tmp_path / f"config{number}").with_host(tap[1])) for number in range(3)]
    for links in each:
        await links["local"].connected()
    yield [links["local"] for links in each]
    for links in each:
        await links.close()


async def test_three_uploads_of_one_content_at_once_make_one_version(
    tmp_path: Path, runner: RunnerProcess, three: list[HostLink]
) -> None:
    root = grown(tmp_path / "data")
    added = await asyncio.gather(*(upload_dataset(link, root, "d") for link in three))
    assert [one.version.version for one in added] == [1, 1, 1]
    assert sum(one.created for one in added) == 1
    assert on_the_host(runner, "d/1") == files_below(root)
    assert not [path for path in (runner.data_dir / "partial").glob("*/*") if path.is_file()]


async def test_uploads_of_one_content_that_break_off_beside_each_other_still_end_well(
    tmp_path: Path, runner: RunnerProcess, three: list[HostLink]
) -> None:
    root = grown(tmp_path / "data")
    snapshot = await take(root, defaults=())
    for _ in range(3):
        tasks = [asyncio.ensure_future(upload(link, snapshot)) for link in three]
        await asyncio.wait(tasks, timeout=0.05)
        for task in tasks[:2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [one for one in results if isinstance(one, Exception)], results
    await three[0].client.add_version("d", NewVersion(tree=snapshot.digest))
    assert on_the_host(runner, "d/1") == files_below(root)


async def test_a_dataset_that_goes_or_is_renamed_while_its_next_version_comes(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, HostConfig], three: list[HostLink]
) -> None:
    for act, left in ((remove, ["d"]), (rename, ["d", "e"])):
        first, second = grown(tmp_path / f"{left}1", len(left)), grown(tmp_path / f"{left}2", 10 + len(left))
        await upload_dataset(three[0], first, "d")
        done = threading.Event()
        tap[0].at_byte("up", LARGE // 2, done.set)
        coming = asyncio.ensure_future(upload_dataset(three[0], second, "d"))
        assert await asyncio.to_thread(done.wait, 30)
        await act(three[1])
        added = await coming
        assert on_the_host(runner, added.version.name) == files_below(second)
        assert sorted(one.name for one in await three[2].client.datasets()) == left
    assert on_the_host(runner, "e") == files_below(first)


async def remove(link: HostLink) -> None:
    await link.client.delete_dataset("d")


async def rename(link: HostLink) -> None:
    await link.client.change_dataset("d", DatasetChange(name="e"))


async def test_files_that_change_and_vanish_while_they_are_read_are_never_stored_torn(
    tmp_path: Path, runner: RunnerProcess, three: list[HostLink]
) -> None:
    root = grown(tmp_path / "data")
    whole = [bytes([letter]) * LARGE for letter in range(97, 101)] + [(root / "large.bin").read_bytes()]
    ended = threading.Event()

    def meddle() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            new = tmp_path / "new"
            new.write_bytes(whole[number % len(whole)])
            new.replace(root / "large.bin")
            with suppress(FileNotFoundError):
                (root / f"{number % MANY}").unlink()
            (root / f"{(number * 7) % MANY}").write_bytes(b"new")

    thread = threading.Thread(target=meddle)
    thread.start()
    made = 0
    try:
        for _ in range(6):
            with suppress(TransferError, ProjectError):
                added = await upload_dataset(three[0], root, "d")
                made = added.version.version
                stored = await asyncio.to_thread(on_the_host, runner, added.version.name)
                assert stored["large.bin"] in whole
    finally:
        ended.set()
        thread.join()
    added = await upload_dataset(three[0], root, "d")
    assert added.version.version == made + added.created
    assert on_the_host(runner, added.version.name) == files_below(root)
