"""Opening and walking folders that a job has prepared to lead the runner astray."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from runner.store.walk import open_file, open_folder, walk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A job's folder beside a secret one."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_bytes(b"secret")
    folder = tmp_path / "home"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/file").write_bytes(b"mine")
    return folder


def read(root: Path, path: str) -> bytes:
    descriptor = open_file(root, path)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def test_a_file_is_opened_through_real_folders(root: Path) -> None:
    assert read(root, "a/b/file") == b"mine"


def test_no_link_is_followed_wherever_it_stands(root: Path, tmp_path: Path) -> None:
    (root / "folder").symlink_to(tmp_path / "secret")
    (root / "a/up").symlink_to("../..")
    (root / "a/b/link").symlink_to(tmp_path / "secret/key")
    (root / "loop").symlink_to("loop")
    for path in ("folder/key", "a/up/secret/key", "a/b/link", "loop", "loop/x"):
        with pytest.raises(OSError, match=r"Not a directory|Too many levels of symbolic links"):
            read(root, path)


def test_the_root_may_be_reached_through_a_link_and_be_none(root: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(root.parent)
    assert read(tmp_path / "data" / root.name, "a/b/file") == b"mine"
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(NotADirectoryError):
        read(tmp_path / "link", "a/b/file")


@pytest.mark.parametrize("path", ["", "a", "a/b", "none", "a/b/file/x", "a/b/file/"])
def test_what_is_no_file_is_not_opened(root: Path, path: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - each path fails with an errno of its own
        read(root, path)


def test_a_fifo_does_not_hold_the_runner(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read(root, "fifo")


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in ("a/b/file", "a/b/none", "x/y", "a/b"):
        with contextlib.suppress(OSError):
            os.close(open_file(root, path))
    with open_folder(root, "a/b"):
        pass
    assert len(list(walk(root))) == 3
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_walk_sees_links_and_goes_through_none(root: Path, tmp_path: Path) -> None:
    (root / "a/out").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "a/fifo")
    found = {one.path: one.kind for one in walk(root)}
    assert found == {"a": "dir", "a/b": "dir", "a/b/file": "file", "a/out": "link"}
    assert {one.path for one in walk(root, "a", recursive=False)} == {"a/b", "a/out"}


def test_a_folder_that_vanishes_during_a_walk_is_passed_over(root: Path) -> None:
    steps = walk(root)
    assert next(steps).path == "a"
    (root / "a").rename(root.parent / "gone")
    assert list(steps) == []
