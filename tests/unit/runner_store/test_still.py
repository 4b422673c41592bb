"""When a file may be taken for whole: as the kernel and the clock say, for real files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import still
from runner.still import NotStill, check_still, stamp


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def opened(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some seconds have passed since the file was written."""
    now = time.time()
    monkeypatch.setattr("runner.still.time.time", lambda: now + still.REST + 0.1)


def test_a_file_has_to_rest(opened: int, later: None, monkeypatch: pytest.MonkeyPatch) -> None:
    check_still(opened, "model.pt")
    monkeypatch.undo()
    with pytest.raises(NotStill, match="just changed"):
        check_still(opened, "model.pt")


def test_a_file_that_is_open_for_writing_is_not_whole(file: Path, opened: int, later: None) -> None:
    with file.open("ab"), pytest.raises(NotStill, match="open for writing"):
        check_still(opened, "model.pt")
    check_still(opened, "model.pt")
    with file.open("rb"):  # readers are no matter
        check_still(opened, "model.pt")
    with file.open("ab") as writer:  # nothing is left that would hold up a writer
        writer.write(b"more")


@pytest.fixture
def of_another(file: Path) -> Iterator[int]:
    """A file of another user, of which the kernel tells nobody else."""
    root = os.geteuid() == 0
    descriptor = os.open(file if root else "/etc/passwd", os.O_RDONLY)
    if root:
        os.seteuid(65534)
    yield descriptor
    if root:
        os.seteuid(0)
    os.close(descriptor)


def test_where_the_kernel_does_not_say_it_has_to_rest_longer(of_another: int, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = os.fstat(of_another).st_ctime
    monkeypatch.setattr("runner.still.time.time", lambda: changed + still.REST + 1)
    with pytest.raises(NotStill, match="just changed"):
        check_still(of_another, "model.pt")
    monkeypatch.setattr("runner.still.time.time", lambda: changed + still.LONG_REST + 1)
    check_still(of_another, "model.pt")


def test_a_stamp_changes_with_every_write_and_every_other_file(file: Path, tmp_path: Path) -> None:
    seen = {stamp(file.stat())}
    time.sleep(0.02)  # a file system's clock ticks every few milliseconds
    file.write_bytes(b"WEIGHTS")
    seen.add(stamp(file.stat()))
    os.utime(file, ns=(0, 0))
    seen.add(stamp(file.stat()))
    (tmp_path / "new").write_bytes(b"WEIGHTS")
    os.utime(tmp_path / "new", ns=(0, 0))
    (tmp_path / "new").replace(file)
    seen.add(stamp(file.stat()))
    assert len(seen) == 4
    assert stamp(file.stat()) in seen
