"""Where downloads go: below the folder chosen, whatever the host says; and what is here already."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from floyd_tui.client.place import Place, make_links
from floyd_tui.errors import TransferError
from runner.models import FileInfo


def info(path: str, content: bytes = b"") -> FileInfo:
    return FileInfo(path, "file", len(content), digest=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "", ".", "a/./b", "a\0b", "other/x", "outs"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(TransferError, match="outside"):
        Place(tmp_path / "to", "out").plan([info("out/good"), info(path)])
    assert not (tmp_path / "to").exists()


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="twice"):
        Place(tmp_path, "").plan([info("a", b"1"), info("a", b"2")])


def test_what_is_asked_for_comes_under_its_own_name(tmp_path: Path) -> None:
    plan = Place(tmp_path, "runs/7").plan([info("runs/7/a/b"), FileInfo("runs/7/empty", "dir")])
    assert [file.path for file in plan.files] == [tmp_path / "7/a/b"]
    assert plan.folders == [tmp_path / "7", tmp_path / "7/empty"]
    assert plan.top == tmp_path / "7"
    assert [file.path for file in Place(tmp_path, "runs/log").plan([info("runs/log")]).files] == [tmp_path / "log"]
    assert [file.path for file in Place(tmp_path, "").plan([info("runs/log")]).files] == [tmp_path / "runs/log"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "to/out").symlink_to(tmp_path / "elsewhere")
    for listing in ([info("out/x")], [FileInfo("out/sub", "dir")], [FileInfo("out/l", "link", target="x")]):
        with pytest.raises(TransferError, match="links"):
            Place(tmp_path / "to", "out").plan(listing)
    (tmp_path / "to/file").write_text("")
    with pytest.raises(TransferError, match="not a folder"):
        Place(tmp_path / "to", "").plan([info("file/x")])


def test_the_same_is_kept_and_the_different_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(b"1")
    (tmp_path / "other").write_bytes(b"2")
    (tmp_path / "unknown").write_bytes(b"1")
    (tmp_path / "linked").symlink_to("same")
    (tmp_path / "folder").mkdir()
    live = FileInfo("unknown", "file", 1)  # of a running job: nobody knows its digest yet
    plan = Place(tmp_path, "").plan(
        [*(info(name, b"1") for name in ("same", "other", "linked", "folder", "new")), live]
    )
    assert [file.path.name for file in plan.files if file.same] == ["same"]
    assert sorted(Path(path).name for path in plan.clashes) == ["folder", "linked", "other", "unknown"]
    assert [file.path for file in plan.missing] == ["other", "linked", "folder", "new", "unknown"]


def test_links_are_made_only_where_they_stay_inside(tmp_path: Path) -> None:
    root = tmp_path / "to"
    targets = {
        "latest": "runs/3",
        "runs/up": "..",
        "broken": "not-here",
        "absolute": "/etc",
        "out": "../secret",
        "deep/out": "../../secret",
        "runs/sly": "up/..",  # inside by its text, and outside by what `up` is
    }
    plan = Place(root, "").plan([FileInfo(path, "link", target=target) for path, target in targets.items()])
    plan.make_folders()
    left_out = make_links(plan)
    assert sorted(left_out) == ["absolute", "deep/out", "out", "runs/sly"]
    assert (root / "latest").readlink() == Path("runs/3")
    assert (root / "broken").is_symlink()
    assert not (root / "out").is_symlink()


def test_names_that_a_disk_takes_for_one_are_refused_there_and_nowhere_else(tmp_path: Path) -> None:
    listings = [
        [info("README", b"1"), info("readme", b"2")],
        [info("caf\u00e9", b"1"), info("cafe\u0301", b"2")],
        [info("A/x", b"1"), info("a/x", b"2")],
    ]
    for listing in listings:
        assert len(Place(tmp_path / "to", "").plan(listing).files) == 2
    # A disk that folds case answers to the other spelling as well.
    (tmp_path / "Disk").mkdir()
    (tmp_path / "dISK").symlink_to("Disk")
    for listing in listings:
        with pytest.raises(TransferError, match="one name on the disk here"):
            Place(tmp_path / "Disk/to", "").plan(listing)
    assert len(Place(tmp_path / "Disk", "").plan([info("a/x"), info("A/y")]).files) == 2
