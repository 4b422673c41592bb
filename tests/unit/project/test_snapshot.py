"""Snapshots of real folders."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floyd_tui.errors import ProjectError
from floyd_tui.project import snapshot as module
from floyd_tui.project.ignore import DATA_DEFAULTS
from floyd_tui.project.reading import Reader
from floyd_tui.project.snapshot import ScanProgress, Snapshot, take
from runner.models import TreeEntry, manifest_of, parse_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


async def snap(folder: Path, tmp_path: Path, **options: object) -> Snapshot:
    return await take(folder, cache=tmp_path / "cache" / "index.db", **options)  # type: ignore[arg-type]


def by_path(shot: Snapshot) -> dict[str, TreeEntry]:
    return {entry.path: entry for entry in shot.entries}


def age(path: Path, seconds: float = 60) -> None:
    """Make a file look as if it had been left alone for a while."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def bind(path: Path) -> None:
    """Leave a socket at `path`; by a relative name, since those of sockets must be short."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


async def test_every_kind_of_entry(folder: Path, tmp_path: Path) -> None:
    (folder / "train.py").write_bytes(b"print(1)\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "empty").mkdir()
    (folder / "broken").symlink_to("nowhere")
    (folder / "link-to-folder").symlink_to("empty")
    odd = os.fsdecode(b"caf\xe9.txt")
    (folder / odd).write_bytes(b"")
    shot = await snap(folder, tmp_path)
    entries = by_path(shot)
    assert entries["train.py"] == TreeEntry(
        "train.py", "file", 9, hashlib.sha256(b"print(1)\n").hexdigest(), executable=False
    )
    assert entries["run.sh"].executable
    assert entries["empty"].kind == "dir"
    assert entries["broken"].target == "nowhere"
    assert entries["link-to-folder"] == TreeEntry("link-to-folder", "link", target="empty")
    assert odd in entries
    assert (shot.files, shot.size) == (3, 19)
    assert list(parse_manifest(shot.manifest.splitlines(keepends=True))) == list(shot.entries)
    assert shot.digest == manifest_of(shot.entries)[0]


async def test_what_cannot_go_is_said(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "only-socket").mkdir()
    bind(folder / "only-socket" / "s")
    (folder / "out").symlink_to("../elsewhere")
    shot = await snap(folder, tmp_path)
    assert [e.path for e in shot.entries] == ["only-socket", "out"]
    assert any("pipe" in note and "only-socket/s" in note for note in shot.warnings)
    assert any("lead out of the folder" in note and "out" in note for note in shot.warnings)


async def test_left_out_names_rule_count_and_size(folder: Path, tmp_path: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    (folder / ".floydignore").write_text("# mine\n*.bin\nlogs/*\n!__pycache__/\n")
    (folder / "a.bin").write_bytes(b"x" * 10)
    (folder / "lib").mkdir()
    (folder / "lib" / "b.bin").write_bytes(b"x" * 5)
    (folder / "lib" / "keep.py").write_text("")
    (folder / "logs").mkdir()
    (folder / "logs" / "today").write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "m.txt").write_text("")
    shot = await snap(folder, tmp_path)
    assert sorted(by_path(shot)) == [".floydignore", "__pycache__/m.txt", "lib/keep.py", "logs"]
    told = {str(one.rule): (one.files, one.size, one.more) for one in shot.left_out}
    assert told == {
        "*.bin (.floydignore:2)": (2, 15, False),
        "logs/* (.floydignore:3)": (1, 1, False),
        ".git (built in)": (1, 3, False),
    }


async def test_data_is_taken_as_it_is(folder: Path, tmp_path: Path) -> None:
    (folder / "m.pyc").write_bytes(b"1")
    assert by_path(await snap(folder, tmp_path)) == {}
    assert "m.pyc" in by_path(await snap(folder, tmp_path, defaults=DATA_DEFAULTS))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are taken as settled at once; their time of change cannot be set back as that of modification can."""
    monkeypatch.setattr("floyd_tui.project.folders.SETTLED_NS", -(10**10))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files that are read."""
    paths: list[str] = []
    original = Reader._once

    def spy(reader: Reader, path: str) -> object:
        paths.append(path)
        return original(reader, path)

    monkeypatch.setattr(Reader, "_once", spy)
    return paths


@pytest.mark.usefixtures("settled")
async def test_unchanged_files_are_not_read_again(folder: Path, tmp_path: Path, read: list[str]) -> None:
    (folder / "old").write_text("old")
    age(folder / "old")
    first = await snap(folder, tmp_path)
    read.clear()
    assert (await snap(folder, tmp_path)).digest == first.digest
    assert read == []
    (folder / "old").write_text("new")
    assert (await snap(folder, tmp_path)).digest != first.digest
    assert read == ["old"]


@pytest.mark.usefixtures("settled")
async def test_a_renamed_folder_is_not_read_again(folder: Path, tmp_path: Path, read: list[str]) -> None:
    (folder / "old" / "deep").mkdir(parents=True)
    (folder / "old" / "a").write_text("a")
    (folder / "old" / "deep" / "b").write_text("b")
    await snap(folder, tmp_path)
    (folder / "old").rename(folder / "new")
    (folder / "new" / "more").write_text("more")
    read.clear()
    shot = await snap(folder, tmp_path)
    assert read == ["new/more"]
    assert list(by_path(shot)) == ["new/a", "new/deep/b", "new/more"]
    assert by_path(shot)["new/deep/b"].digest == hashlib.sha256(b"b").hexdigest()


@pytest.mark.usefixtures("settled")
async def test_a_new_ignore_line_is_seen_in_a_folder_that_is_as_it_was(folder: Path, tmp_path: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "x.bin").write_text("x")
    (folder / "sub" / "y").write_text("y")
    assert list(by_path(await snap(folder, tmp_path))) == ["sub/x.bin", "sub/y"]
    (folder / ".floydignore").write_text("*.bin\n")
    assert list(by_path(await snap(folder, tmp_path))) == [".floydignore", "sub/y"]
    (folder / ".floydignore").unlink()
    (folder / "sub" / ".floydignore").write_text("y\n")
    assert list(by_path(await snap(folder, tmp_path))) == ["sub/.floydignore", "sub/x.bin"]
    (folder / "sub" / ".floydignore").write_text("# y\n")
    assert list(by_path(await snap(folder, tmp_path))) == ["sub/.floydignore", "sub/x.bin", "sub/y"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("program", [sys.executable, "/bin/false"])
async def test_processes_that_look_for_changes_miss_none(
    folder: Path, tmp_path: Path, read: list[str], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder of very many files; and if they fail, nothing but time is lost."""
    monkeypatch.setattr("floyd_tui.project.recheck._FILES_EACH", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    odd = os.fsdecode(b"odd \xff\n")
    for name in ("one", "two", "three", odd):
        (folder / name).mkdir()
        (folder / name / "a").write_text(name.replace("\udcff", ""))
        (folder / name / "b").symlink_to("a")
    first = await snap(folder, tmp_path)
    read.clear()
    monkeypatch.setattr("sys.executable", program)
    assert (await snap(folder, tmp_path)).digest == first.digest
    (folder / odd / "a").write_text("changed")
    (folder / "one" / "b").unlink()
    (folder / "one" / "b").symlink_to("c")
    (folder / "two" / "new").mkdir()
    (folder / "three" / "a").chmod(0o755)
    shot = await snap(folder, tmp_path)
    assert read == [f"{odd}/a", "three/a"] or read == ["three/a", f"{odd}/a"]
    entries = by_path(shot)
    assert entries[f"{odd}/a"].size == len("changed")
    assert entries["one/b"].target == "c"
    assert entries["two/new"].kind == "dir"
    assert entries["three/a"].executable


async def test_a_fresh_file_is_not_trusted_to_its_times(folder: Path, tmp_path: Path) -> None:
    """Two writes of equal length within one tick of the clock: the second must be seen."""
    target = folder / "same-length"
    target.write_text("one")
    before = target.stat()
    first = await snap(folder, tmp_path)
    target.write_text("two")
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await snap(folder, tmp_path)).digest != first.digest


async def test_a_damaged_cache_is_replaced(folder: Path, tmp_path: Path) -> None:
    (folder / "a").write_text("a")
    cache = tmp_path / "cache" / "index.db"
    cache.parent.mkdir()
    cache.write_bytes(b"not a database, but long enough to look like one" * 100)
    first = await snap(folder, tmp_path)
    second = await snap(folder, tmp_path)
    assert first.digest == second.digest
    assert not cache.exists() or sqlite3.connect(cache).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("column", ["inode", "print", "rules", "files", "size", "folders", "cuts", "lines"])
async def test_a_bit_that_turned_in_the_cache_is_not_believed(folder: Path, tmp_path: Path, column: str) -> None:
    for number in range(3):
        (folder / f"sub{number}").mkdir()
        (folder / f"sub{number}/file").write_bytes(b"%d" % number * 5000)
    first = await snap(folder, tmp_path)
    cache = tmp_path / "cache" / "index.db"
    assert cache.exists()
    with contextlib.closing(sqlite3.connect(cache)) as db, db:
        for key, value in db.execute(f"SELECT id, {column} FROM folders").fetchall():
            turned = value ^ 16 if isinstance(value, int) else value[:-9] + bytes(byte ^ 1 for byte in value[-9:])
            db.execute(f"UPDATE folders SET {column} = ? WHERE id = ?", (turned, key))
    again = await snap(folder, tmp_path)
    assert (again.digest, list(again.entries)) == (first.digest, list(first.entries))


async def test_a_file_that_will_not_hold_still(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder / "growing"
    target.write_text("x")
    monkeypatch.setattr(module._Scan, "_stop_if_cancelled", lambda scan: target.write_bytes(os.urandom(9)) and None)
    with pytest.raises(ProjectError, match="growing keeps changing"):
        await snap(folder, tmp_path)


async def test_an_unreadable_file_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "secret").write_text("x")

    def refused(reader: Reader, path: str) -> object:
        raise PermissionError(13, "Permission denied", path)  # root may read everything, so the kernel cannot say it

    monkeypatch.setattr(Reader, "_once", refused)
    with pytest.raises(ProjectError, match="secret cannot be read: Permission denied"):
        await snap(folder, tmp_path)


async def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not a folder"):
        await snap(tmp_path / "nowhere", tmp_path)


async def test_progress_ends_complete(folder: Path, tmp_path: Path) -> None:
    for number in range(200):
        (folder / str(number)).write_text(str(number))
    seen: list[ScanProgress] = []
    shot = await snap(folder, tmp_path, progress=seen.append)
    assert seen[-1] == ScanProgress(200, 200, shot.size, shot.size)


async def test_cancelling_ends_the_threads(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "endless").write_bytes(b"x")

    def endless(reader: Reader, path: str) -> object:
        while True:
            reader._check()

    monkeypatch.setattr(Reader, "_once", endless)
    task = asyncio.create_task(snap(folder, tmp_path))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Ends only once the scan's thread has.
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 10)


NAMES = st.binary(min_size=1, max_size=8).filter(lambda name: name not in (b".", b"..") and not {0, 47} & set(name))
TREES = st.recursive(
    st.binary(max_size=20) | st.booleans(), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)


def build(folder: bytes, tree: dict[bytes, Any], path: bytes = b"") -> Iterator[TreeEntry]:
    """Make `tree` below `folder`: bytes are files, booleans links (broken or not); yields what it should be."""
    for name, what in tree.items():
        here, inside = os.path.join(folder, name), os.path.join(path, name)
        shown = os.fsdecode(inside)
        if isinstance(what, dict):
            os.mkdir(here)
            yield from build(here, what, inside)
            if not what:
                yield TreeEntry(shown, "dir")
        elif isinstance(what, bool):
            os.symlink(b"." if what else b"nowhere", here)
            yield TreeEntry(shown, "link", target="." if what else "nowhere")
        else:
            with open(here, "wb") as stream:
                stream.write(what)
            yield TreeEntry(shown, "file", len(what), hashlib.sha256(what).hexdigest())


@settings(max_examples=60, deadline=None)
@given(tree=st.dictionaries(NAMES.filter(lambda name: not name.startswith(b".floyd")), TREES, max_size=5))
def test_any_tree_is_taken_as_it_is(tree: dict[bytes, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        made = list(build(os.fsencode(root), tree))
        shot = asyncio.run(take(root, defaults=(), cache=Path(folder) / "cache.db"))
        assert (shot.digest, shot.manifest) == manifest_of(made)
        assert asyncio.run(take(root, defaults=(), cache=Path(folder) / "cache.db")).digest == shot.digest
