"""A bit that turns on the way or on a disk: noticed by the digest, never seen in a finished file, healed by going on.

SSH guards the line; so these bits turn between it and the runner, where nothing but the digests does. A seed makes the
files and the places: put the one that a failure names in the place of `SEED`.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.transfer import download, upload
from floyd_tui.config import Config
from floyd_tui.errors import FloydError
from floyd_tui.project.snapshot import Snapshot, take
from runner.models import NewVersion
from tests.support.api import Api
from tests.support.line import Break, Line
from tests.support.runner import RunnerProcess
from tests.support.tapped import tapped

SEED = int.from_bytes(os.urandom(4), "big")
FLIPS = 8
LARGE, SMALL, MANY = 3 << 20, 20 << 10, 100


@pytest.fixture
def line_and_links(tmp_path: Path, runner: RunnerProcess) -> Iterator[tuple[Line, Links]]:
    with tapped(runner) as (line, host):
        yield line, Links(Config.load(tmp_path / "config").with_host(host))


@pytest.fixture
async def tap(line_and_links: tuple[Line, Links]) -> AsyncIterator[tuple[Line, HostLink]]:
    line, links = line_and_links
    await links["local"].connected()
    yield line, links["local"]
    await links.close()


@pytest.fixture
def dice() -> random.Random:
    return random.Random(SEED)


def grow(root: Path, dice: random.Random) -> Path:
    """A folder with a large file, one that goes up compressed, and many small ones."""
    (root / "small").mkdir(parents=True, exist_ok=True)
    for number in range(MANY):
        (root / f"small/{number}").write_bytes(dice.randbytes(dice.randrange(SMALL)))
    (root / "large.bin").write_bytes(dice.randbytes(LARGE))
    (root / "text.csv").write_text("".join(f"{dice.random()},{number}\n" for number in range(LARGE // 24)))
    return root


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def on_the_host(runner: RunnerProcess, name: str) -> dict[str, bytes]:
    with runner.http() as http:
        api = Api(http)
        return {path: api.content(name, path) for path in api.files(name)}


async def version_of(link: HostLink, snapshot: Snapshot) -> str:
    return (await link.client.add_version("d", NewVersion(tree=snapshot.digest))).version.name


async def test_bits_that_turn_on_the_way_up(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, HostLink], dice: random.Random
) -> None:
    line, link = tap
    for turn in range(FLIPS):
        snapshot = await take(grow(tmp_path / "data", dice), defaults=())
        place = dice.randrange(LARGE)
        what = f"seed {SEED}, turn {turn}: at {place}"
        line.flip("up", place)
        try:
            await upload(link, snapshot)
        except FloydError:
            assert line.sprung, what
            await upload(link, snapshot)
        assert line.sprung, what
        name = await version_of(link, snapshot)
        assert on_the_host(runner, name) == files_below(snapshot.root), what


async def test_bits_that_turn_on_the_way_down(tmp_path: Path, tap: tuple[Line, HostLink], dice: random.Random) -> None:
    line, link = tap
    snapshot = await take(grow(tmp_path / "data", dice), defaults=())
    await upload(link, snapshot)
    name, wanted = await version_of(link, snapshot), files_below(snapshot.root)
    before = line.crossed["down"]
    await link.client.files(name, "", recursive=True)
    listing = line.crossed["down"] - before
    for turn in range(FLIPS):
        to, place = tmp_path / f"{turn}", listing + dice.randrange(snapshot.size)
        what = f"seed {SEED}, turn {turn}: at {place}"
        line.flip("down", place)
        try:
            await download(link, name, "", to)
        except FloydError:
            seen = {path: data for path, data in files_below(to).items() if not path.endswith(".floyd-part")}
            assert seen.items() <= wanted.items(), what
            await download(link, name, "", to)
        assert line.sprung, what
        assert files_below(to) == wanted, what


async def test_bits_that_turn_in_the_listing_of_a_download(
    tmp_path: Path, tap: tuple[Line, HostLink], dice: random.Random
) -> None:
    """Paths, modes and where links lead are in no file's digest."""
    line, link = tap
    root = tmp_path / "data"
    root.mkdir()
    (root / "run").write_bytes(b"#!")
    (root / "run").chmod(0o755)
    for number in range(9):
        (root / f"{number}").symlink_to(chr(ord("a") + number) * 200)
    snapshot = await take(root, defaults=())
    await upload(link, snapshot)
    name, wanted = await version_of(link, snapshot), looks_of(root)
    before = line.crossed["down"]
    await link.client.files(name, "", recursive=True)
    listing = line.crossed["down"] - before
    for turn in range(FLIPS):
        to, place = tmp_path / f"{turn}", dice.randrange(listing)
        what = f"seed {SEED}, turn {turn}: at {place} of {listing}"
        line.flip("down", place)
        try:
            await download(link, name, "", to)
        except FloydError:
            assert looks_of(to).items() <= wanted.items(), what
            await download(link, name, "", to)
        assert line.sprung, what
        assert looks_of(to) == wanted, what


def looks_of(root: Path) -> dict[str, tuple[int, str]]:
    """Modes of files, and where links lead."""
    return {
        path.name: (path.lstat().st_mode, os.readlink(path) if path.is_symlink() else "") for path in root.glob("*")
    }


async def test_a_bit_that_turns_in_a_part_that_waits_on_the_host(
    tmp_path: Path, runner: RunnerProcess, tap: tuple[Line, HostLink], dice: random.Random
) -> None:
    line, link = tap
    (tmp_path / "data").mkdir()
    (tmp_path / "data/large.bin").write_bytes(dice.randbytes(LARGE))
    snapshot = await take(tmp_path / "data", defaults=())

    def turn() -> None:
        runner.kill()
        (part,) = (path for path in (runner.data_dir / "partial").glob("*/*") if path.is_file())
        data = bytearray(part.read_bytes())
        data[dice.randrange(len(data))] ^= 1
        part.write_bytes(data)
        runner.start()

    line.cut("up", LARGE * 3 // 4, Break.RESET, turn)
    await upload(link, snapshot)
    assert line.sprung
    assert on_the_host(runner, await version_of(link, snapshot)) == files_below(snapshot.root)
