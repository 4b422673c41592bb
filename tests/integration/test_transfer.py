"""Trees up and down, over a real sshd to a real runner: whole, resumed, cancelled, refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from floyd_tui.client.link import HostLink
from floyd_tui.client.links import Links
from floyd_tui.client.progress import Progress
from floyd_tui.client.protocol import LinkState
from floyd_tui.client.transfer import download, upload
from floyd_tui.config import Config, HostConfig
from floyd_tui.errors import FilesInTheWay, RunnerProblem, TransferError
from floyd_tui.project.snapshot import Snapshot, take
from runner.models import NewVersion
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd
from tests.support.wait import until, wait_for

pytestmark = pytest.mark.sshd

BIG = 24 << 20


@pytest.fixture
async def link(tmp_path: Path, home: Path, sshd: Sshd, runner: RunnerProcess) -> AsyncIterator[HostLink]:
    sshd.trust(home / ".ssh/known_hosts")
    place = f"{sshd.user}@127.0.0.1:{sshd.port}"
    host = HostConfig("gpu1", place, data_dir=str(runner.data_dir), identity_file=str(sshd.client_key))
    links = Links(Config.load(tmp_path / "config").with_host(host))
    yield links["gpu1"]
    await links.close()


@pytest.fixture(autouse=True)
def every_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests act at half of a transfer that takes a tenth of a second."""
    monkeypatch.setattr("floyd_tui.client.progress.TELL_EVERY", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every kind of thing in it."""
    root = tmp_path / "data"
    (root / "many/deep").mkdir(parents=True)
    (root / "empty").mkdir()
    noise = random.Random(7)
    for number in range(300):
        (root / f"many/{number:03}.txt").write_bytes(noise.randbytes(number * 10))
    (root / "many/deep/big.bin").write_bytes(noise.randbytes(5 << 20))
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "nothing").write_bytes(b"")
    (root / "twice").write_bytes(b"once\n")
    (root / "twice-too").write_bytes(b"once\n")
    (root / "latest").symlink_to("many/deep")
    (root / "broken").symlink_to("gone")
    with (root / "sparse").open("wb") as file:
        file.truncate(3 << 20)
    (root / os.fsdecode(b"caf\xe9.txt")).write_text("not UTF-8")
    (root / "naïve 'quoted' \n name").write_text("odd")
    return root


def contents(root: Path) -> dict[str, tuple[str, bytes | str, bool]]:
    """All that lies below `root`: kind, bytes or target, and whether it may be executed."""
    found: dict[str, tuple[str, bytes | str, bool]] = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path), False)
        elif path.is_dir():
            found[name] = ("dir", b"", False)
        else:
            found[name] = ("file", path.read_bytes(), os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100))
    return found


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def random_file(path: Path, size: int = BIG) -> bytes:
    data = random.Random(3).randbytes(size)
    write(path, data)
    return data


def once(progress: list[Progress], act: Callable[[], object]) -> Callable[[Progress], None]:
    """A callback that notes what it is told, and acts once when half is done."""
    acted: list[bool] = []

    def tell(now: Progress) -> None:
        progress.append(now)
        if not acted and now.total_bytes and now.done_bytes > now.total_bytes // 2:
            acted.append(True)
            act()

    return tell


def cut(sshd: Sshd) -> None:
    for pid in sshd.sessions():
        os.kill(pid, 9)
    wait_for(lambda: not sshd.sessions(), "the sessions to be gone")


async def dataset(link: HostLink, snapshot: Snapshot, name: str = "d") -> str:
    """The full name of a new version made of an uploaded tree."""
    return (await link.client.add_version(name, NewVersion(tree=snapshot.digest))).version.name


async def test_what_goes_up_comes_down_the_same(tmp_path: Path, link: HostLink, folder: Path) -> None:
    snapshot = await take(folder, defaults=())
    told: list[Progress] = []
    status = await upload(link, snapshot, told.append)
    assert status.missing == ()
    assert (status.files, status.size) == (snapshot.files, snapshot.size)
    assert told[-1].done_bytes == told[-1].total_bytes
    assert told[-1].done_files == told[-1].total_files == snapshot.files
    came = await download(link, await dataset(link, snapshot), "", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    assert (came.files, came.size, came.kept, came.left_out) == (snapshot.files, snapshot.size, 0, ())

    # Again, both ways: nothing travels.
    again: list[Progress] = []
    await upload(link, snapshot, again.append)
    assert all(progress.done_bytes == progress.total_bytes for progress in again)
    came = await download(link, "d", "", tmp_path / "back")
    assert (came.files, came.kept) == (0, snapshot.files)


async def test_a_link_that_leads_out_is_text_and_never_followed(
    tmp_path: Path, link: HostLink, runner: RunnerProcess
) -> None:
    write(tmp_path / "secret", b"of nobody's business")
    write(tmp_path / "data/sub/file", b"1")
    targets = {"out": "../secret", "sub/far": f"{tmp_path}/secret", "sub/gone": "/nowhere"}
    for path, target in targets.items():
        (tmp_path / "data" / path).symlink_to(target)
    snapshot = await take(tmp_path / "data", defaults=())
    assert snapshot.size == 1
    await upload(link, snapshot)
    name = await dataset(link, snapshot)
    listed = await link.client.files(name, recursive=True)
    assert {one.path: one.target for one in listed if one.kind == "link"} == targets
    with pytest.raises(RunnerProblem):
        b"".join([part async for part in link.client.content(name, "out")])
    stored = [path.read_bytes() for path in (runner.data_dir / "blobs").rglob("*") if path.is_file()]
    assert stored == [b"1"]
    came = await download(link, name, "", tmp_path / "back")
    assert sorted(came.left_out) == sorted(targets)
    assert list(contents(tmp_path / "back")) == ["sub", "sub/file"]


async def test_a_part_of_it_comes_under_its_own_name(tmp_path: Path, link: HostLink, folder: Path) -> None:
    snapshot = await take(folder, defaults=())
    await upload(link, snapshot)
    name = await dataset(link, snapshot)
    to = tmp_path / "to"
    came = await download(link, name, "run.sh", to)
    assert (came.path, came.files) == (to / "run.sh", 1)
    came = await download(link, name, "many/deep", to)
    assert came.path == to / "deep"
    wanted = {"run.sh": contents(folder)["run.sh"], "deep": ("dir", b"", False)}
    assert contents(to) == wanted | {"deep/big.bin": contents(folder)["many/deep/big.bin"]}
    with pytest.raises(RunnerProblem, match="missing"):
        await download(link, name, "missing", to / "new")
    assert "new" not in contents(to)


async def test_an_upload_goes_on_after_a_cut_line(tmp_path: Path, link: HostLink, sshd: Sshd) -> None:
    data = random_file(tmp_path / "data/model.bin")
    told: list[Progress] = []
    snapshot = await take(tmp_path / "data")
    await link.connected()
    states: list[LinkState] = []
    link.watch(lambda now: states.append(now.state))
    status = await upload(link, snapshot, once(told, lambda: cut(sshd)))
    assert status.missing == ()
    assert LinkState.CONNECTING in states
    assert min(progress.done_bytes for progress in told[3:]) >= 1 << 20  # what had arrived is not sent again
    await download(link, await dataset(link, snapshot), "model.bin", tmp_path)
    assert contents(tmp_path)["model.bin"] == ("file", data, False)


async def test_a_cancelled_upload_is_gone_on_with(tmp_path: Path, link: HostLink) -> None:
    random_file(tmp_path / "data/model.bin")
    snapshot = await take(tmp_path / "data")
    told: list[Progress] = []
    task: asyncio.Task[object]
    task = asyncio.create_task(upload(link, snapshot, once(told, lambda: task.cancel())))
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(RunnerProblem):
        await dataset(link, snapshot)
    again: list[Progress] = []

    async def parked() -> bool:
        return any(blob.have for blob in (await link.client.tree_status(snapshot.digest)).missing)

    await until(parked, "the runner to notice that nobody sends any more")
    assert (await upload(link, snapshot, again.append)).missing == ()
    assert again[0].done_bytes >= 1 << 20


async def test_a_runner_killed_in_the_middle_is_no_end(tmp_path: Path, link: HostLink, runner: RunnerProcess) -> None:
    random_file(tmp_path / "data/model.bin")
    snapshot = await take(tmp_path / "data")
    told: list[Progress] = []

    def crash() -> None:
        runner.kill()
        runner.start()

    assert (await upload(link, snapshot, once(told, crash))).missing == ()


@pytest.mark.parametrize("size", [1000, BIG])
async def test_a_file_that_changes_is_noticed(tmp_path: Path, link: HostLink, size: int) -> None:
    data = random_file(tmp_path / "data/model.bin", size)
    snapshot = await take(tmp_path / "data")
    write(tmp_path / "data/model.bin", data[:-1] + b"?")
    with pytest.raises(TransferError, match=r"model\.bin changed while"):
        await upload(link, snapshot)
    write(tmp_path / "data/model.bin", data[:-1])
    with pytest.raises(TransferError, match="changed while"):
        await upload(link, snapshot)
    with pytest.raises(RunnerProblem):
        await dataset(link, snapshot)
    write(tmp_path / "data/model.bin", data)
    assert (await upload(link, snapshot)).missing == ()


async def test_a_file_that_is_gone_is_named(tmp_path: Path, link: HostLink) -> None:
    random_file(tmp_path / "data/model.bin", 10)
    snapshot = await take(tmp_path / "data")
    await asyncio.to_thread((tmp_path / "data/model.bin").unlink)
    with pytest.raises(TransferError, match=r"model\.bin cannot be read"):
        await upload(link, snapshot)


async def uploaded(tmp_path: Path, link: HostLink, name: str = "model.bin") -> tuple[str, bytes]:
    """A dataset with one big file."""
    data = random_file(tmp_path / "data" / name)
    snapshot = await take(tmp_path / "data")
    await upload(link, snapshot)
    return await dataset(link, snapshot), data


async def test_a_download_goes_on_after_a_cut_line(tmp_path: Path, link: HostLink, sshd: Sshd) -> None:
    source, data = await uploaded(tmp_path, link)
    told: list[Progress] = []
    await download(link, source, "model.bin", tmp_path / "to", progress=once(told, lambda: cut(sshd)))
    assert contents(tmp_path / "to") == {"model.bin": ("file", data, False)}
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)


async def test_a_cancelled_download_is_gone_on_with(tmp_path: Path, link: HostLink) -> None:
    source, data = await uploaded(tmp_path, link)
    told: list[Progress] = []
    to = tmp_path / "to"
    task: asyncio.Task[object]
    task = asyncio.create_task(download(link, source, "", to, progress=once(told, lambda: task.cancel())))
    with pytest.raises(asyncio.CancelledError):
        await task
    left = contents(to)
    assert "model.bin" not in left
    assert len(left) == 1
    again: list[Progress] = []
    await download(link, source, "", to, progress=again.append)
    assert contents(to) == {"model.bin": ("file", data, False)}
    assert again[1].done_bytes > len(data) // 2


async def test_a_damaged_part_of_an_earlier_try_is_fetched_anew(tmp_path: Path, link: HostLink) -> None:
    source, data = await uploaded(tmp_path, link)
    to = tmp_path / "to"
    told: list[Progress] = []
    task: asyncio.Task[object]
    task = asyncio.create_task(download(link, source, "", to, progress=once(told, lambda: task.cancel())))
    with pytest.raises(asyncio.CancelledError):
        await task
    (part,) = contents(to)
    write(to / part, b"x" * (10 << 20))
    await download(link, source, "", to)
    assert contents(to) == {"model.bin": ("file", data, False)}


async def test_other_content_is_not_written_over_unless_asked(tmp_path: Path, link: HostLink, folder: Path) -> None:
    snapshot = await take(folder, defaults=())
    await upload(link, snapshot)
    source, to = await dataset(link, snapshot), tmp_path / "to"
    write(to / "run.sh", b"mine")
    write(to / "nothing", b"")
    before = contents(to)
    with pytest.raises(FilesInTheWay) as caught:
        await download(link, source, "", to)
    assert caught.value.paths == (str(to / "run.sh"),)
    assert contents(to) == before
    came = await download(link, source, "", to, overwrite=True)
    assert came.kept == 1
    assert contents(to) == contents(folder)


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, link: HostLink) -> None:
    source, _ = await uploaded(tmp_path, link)
    write(tmp_path / "file", b"")
    with pytest.raises(TransferError, match="file"):
        await download(link, source, "", tmp_path / "file/below")


async def many(tmp_path: Path, link: HostLink) -> str:
    """A dataset of many small files, in `tmp_path`/many."""
    noise = random.Random(5)
    for number in range(2000):
        write(tmp_path / f"many/{number % 7}/{number}", noise.randbytes(2048))
    snapshot = await take(tmp_path / "many", defaults=())
    await upload(link, snapshot)
    return await dataset(link, snapshot)


async def test_many_small_files_come_in_spite_of_a_cut_line(tmp_path: Path, link: HostLink, sshd: Sshd) -> None:
    source, told = await many(tmp_path, link), list[Progress]()
    came = await download(link, source, "", tmp_path / "to", progress=once(told, lambda: cut(sshd)))
    assert contents(tmp_path / "to") == contents(tmp_path / "many")
    assert came.files == 2000
    assert (told[-1].done_files, told[-1].done_bytes) == (2000, 2000 * 2048)


async def test_one_damaged_file_among_many_is_named(tmp_path: Path, link: HostLink, runner: RunnerProcess) -> None:
    source = await many(tmp_path, link)
    digest = hashlib.sha256((tmp_path / "many/3/3").read_bytes()).hexdigest()
    blob = runner.data_dir / "blobs" / digest[:2] / digest
    write(blob.with_name("new"), b"x" * 2048).replace(blob)
    with pytest.raises(TransferError, match=r"3/3 was fetched twice, and was not what its digest says"):
        await download(link, source, "", tmp_path / "to")
    assert "3/3" not in contents(tmp_path / "to")
    write(blob.with_name("new"), (tmp_path / "many/3/3").read_bytes()).replace(blob)
    await download(link, source, "", tmp_path / "to")
    assert contents(tmp_path / "to") == contents(tmp_path / "many")
