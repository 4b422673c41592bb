"""Outputs: what counts as one, and homes that a hostile job has prepared."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runner.models import FileInfo
from runner.output import Collected, stored_times
from tests.unit.runner_store.store import Store, sha


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "job" / "home"


async def prepare(store: Store, home: Path, files: dict[str, bytes]) -> str:
    """A job's home with its code, as at the job's start; returns the code's digest."""
    home.parent.mkdir()
    digest = (await store.add_tree(files)).digest
    store.trees.copy_to(digest, home)
    return digest


def paths(files: list[FileInfo]) -> set[str]:
    return {file.path for file in files}


async def entries(store: Store, collected: Collected) -> dict[str, tuple[str, str]]:
    assert collected.tree is not None
    return {e.path: (e.kind, e.digest or e.target) for e in store.trees.entries(collected.tree)}


async def test_new_and_changed_files_are_output_and_code_is_not(store: Store, home: Path) -> None:
    code = await prepare(store, home, {"train.py": b"code", "data.txt": b"old", "keep/x": b"x"})
    (home / "data.txt").write_bytes(b"new")
    os.utime(home / "train.py")
    (home / "run").mkdir()
    (home / "run/model").write_bytes(b"weights")
    assert paths(store.outputs.live(home, code)) == {"data.txt", "run/model"}
    collected = await store.outputs.collect(home, code, "ann")
    assert await entries(store, collected) == {
        "data.txt": ("file", sha(b"new")),
        "run/model": ("file", sha(b"weights")),
    }
    assert (collected.files, collected.size, collected.skipped) == (2, 10, ())
    assert (await store.trees.require(collected.tree or "", "ann")).missing == ()


async def test_a_rewrite_of_the_same_size_is_seen_while_it_runs(store: Store, home: Path) -> None:
    code = await prepare(store, home, {"a": b"1234"})
    assert store.outputs.live(home, code) == []
    (home / "a").write_bytes(b"4321")
    assert paths(store.outputs.live(home, code)) == {"a"}


async def test_no_change_is_no_output(store: Store, home: Path) -> None:
    code = await prepare(store, home, {"a/b": b"1"})
    (home / "output").mkdir()
    assert await store.outputs.collect(home, code, "ann") == Collected(None)
    (home / "empty").mkdir()
    assert await entries(store, await store.outputs.collect(home, code, "ann")) == {"empty": ("dir", "")}


async def test_what_is_in_the_output_folder_counts(store: Store, home: Path) -> None:
    code = await prepare(store, home, {})
    (home / "output").mkdir()
    (home / "output/x").write_bytes(b"1")
    assert paths(store.outputs.live(home, code)) == {"output/x"}


async def test_links_are_kept_as_text_and_never_followed(store: Store, home: Path, tmp_path: Path) -> None:
    code = await prepare(store, home, {"a": b"1"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (home / "folder").symlink_to(tmp_path / "outside")
    (home / "file").symlink_to(tmp_path / "outside/secret")
    (home / "a").unlink()
    (home / "a").symlink_to("/etc/shadow")
    found = await entries(store, await store.outputs.collect(home, code, "ann"))
    assert {path: kind for path, (kind, _) in found.items()} == {"folder": "link", "file": "link", "a": "link"}
    assert not store.blobs.has(sha(b"secret"))


async def test_sockets_fifos_and_unreadable_things_do_not_stop_it(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await prepare(store, home, {})
    os.mkfifo(home / "fifo")
    monkeypatch.chdir(home)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    (home / "locked").write_bytes(b"mine")
    (home / "locked").chmod(0)
    (home / os.fsdecode(b"\xff\n")).write_bytes(b"odd name")
    found = await entries(store, await store.outputs.collect(home, code, "ann"))
    assert set(found) == {"locked", os.fsdecode(b"\xff\n")}
    assert found["locked"] == ("file", sha(b"mine"))


async def test_a_sole_file_becomes_the_blob_and_a_shared_one_is_copied(
    store: Store, home: Path, tmp_path: Path
) -> None:
    code = await prepare(store, home, {})
    (home / "sole").write_bytes(b"sole")
    (home / "twin").write_bytes(b"twin")
    os.link(home / "twin", tmp_path / "other name")
    await store.outputs.collect(home, code, "ann")
    assert store.blobs.path(sha(b"sole")).samefile(home / "sole")
    (tmp_path / "other name").write_bytes(b"evil")
    assert store.blobs.path(sha(b"twin")).read_bytes() == b"twin"


async def test_a_file_still_being_written_is_copied(store: Store, home: Path) -> None:
    code = await prepare(store, home, {})
    with (home / "log").open("wb") as writer:
        writer.write(b"one")
        writer.flush()
        await store.outputs.collect(home, code, "ann")
        writer.write(b"two")
    assert store.blobs.path(sha(b"one")).read_bytes() == b"one"


async def test_the_executable_bit_is_kept_and_its_blob_is_not_executable(store: Store, home: Path) -> None:
    code = await prepare(store, home, {})
    (home / "tool").write_bytes(b"#!")
    (home / "tool").chmod(0o755)
    tree = (await store.outputs.collect(home, code, "ann")).tree
    assert tree is not None
    assert store.trees.entries(tree)[0].executable
    assert store.blobs.path(sha(b"#!")).stat().st_mode & 0o777 == 0o444


async def test_collecting_twice_gives_the_same(store: Store, home: Path) -> None:
    code = await prepare(store, home, {"a": b"1"})
    for number in range(30):
        (home / f"out{number}").write_bytes(b"%d" % (number // 2))
    first = await store.outputs.collect(home, code, "ann")
    assert first == await store.outputs.collect(home, code, "ann")
    assert not list(store.blobs.partials.glob("*/*"))


async def test_times_are_kept_beside_the_home(store: Store, home: Path) -> None:
    code = await prepare(store, home, {})
    (home / "a").write_bytes(b"1")
    os.utime(home / "a", (1000, 1234.5))
    await store.outputs.collect(home, code, "ann")
    assert stored_times(home.parent) == {"a": 1234.5}
    assert stored_times(home) == {}


async def test_a_home_deeper_than_any_path_is_survived(store: Store, home: Path) -> None:
    code = await prepare(store, home, {})
    descriptor = os.open(home, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 200, dir_fd=descriptor)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    (home / "result").write_bytes(b"1")
    collected = await store.outputs.collect(home, code, "ann")
    assert collected.files == 1


async def test_a_home_that_is_not_there_has_no_files(store: Store, home: Path) -> None:
    assert store.outputs.live(home, None) == []
