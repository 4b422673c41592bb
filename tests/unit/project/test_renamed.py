"""Folders under new names: their files are not looked at one by one, and nothing is taken for what it is not."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floyd_tui.project.folders import Looked
from floyd_tui.project.reading import Reader
from floyd_tui.project.snapshot import Snapshot, take
from runner.models import manifest_of
from tests.unit.project.test_snapshot import NAMES, build

SETTLED = "floyd_tui.project.folders.SETTLED_NS"
FLAT = st.dictionaries(NAMES, st.binary(max_size=20) | st.booleans(), max_size=4)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two, whose files count as settled at once."""
    monkeypatch.setattr(SETTLED, -(10**10))
    for name in ("one", "two"):
        (tmp_path / "root" / name).mkdir(parents=True)
        (tmp_path / "root" / name / "a").write_text(name)
        (tmp_path / "root" / name / "b").write_text("same")
    return tmp_path / "root"


def shot_of(folder: Path, defaults: tuple[str, ...] = ()) -> Snapshot:
    """A snapshot by an index of the test's own."""
    return asyncio.run(take(folder, defaults=defaults, cache=folder.parent / "cache" / "index.db"))


def spied(patch: pytest.MonkeyPatch, of: type, name: str, note: Callable[..., str]) -> list[str]:
    """What `note` says of each call of a method."""
    noted: list[str] = []
    original = getattr(of, name)

    def spy(*words: Any) -> Any:
        noted.append(note(*words))
        return original(*words)

    patch.setattr(of, name, spy)
    return noted


def test_what_was_only_renamed_is_not_looked_at_file_by_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shot_of(folder)
    looked = spied(monkeypatch, Looked, "done", lambda one, at: one.path)
    (folder / "two").rename(folder / 'a "new" one')
    assert [entry.path for entry in shot_of(folder).entries] == [
        *('a "new" one/a', 'a "new" one/b'),
        *("one/a", "one/b"),
    ]
    assert looked == [""]


def test_what_was_renamed_is_remembered_by_its_new_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shot_of(folder)
    (folder / "one").rename(folder / "between")
    (folder / "two").rename(folder / "one")
    (folder / "between").rename(folder / "two")
    swapped = shot_of(folder)
    assert {entry.path: entry.size for entry in swapped.entries} == {"one/a": 3, "one/b": 4, "two/a": 3, "two/b": 4}
    digests = [entry.digest for entry in swapped.entries]
    assert digests[0] != digests[2]
    read = spied(monkeypatch, Reader, "_once", lambda reader, path: path)
    assert (again := shot_of(folder)).digest == swapped.digest
    assert not again.changed
    (folder / "one" / "b").write_text("else")
    assert shot_of(folder).changed
    assert read == ["one/b"]


def test_a_rule_about_the_new_name_holds(folder: Path) -> None:
    (folder / ".floydignore").write_text("/new/b\n")
    shot_of(folder)
    (folder / "one").rename(folder / "new")
    shot = shot_of(folder)
    assert [entry.path for entry in shot.entries] == [".floydignore", "new/a", "two/a", "two/b"]
    assert [left.example for left in shot.left_out] == ["new/b"]


def test_whether_it_is_another_tree_is_only_said_where_it_is_sure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not shot_of(folder).changed  # nothing is known of it
    assert not shot_of(folder).changed
    os.utime(folder / "one" / "a")
    assert not shot_of(folder).changed
    (folder / "one" / "a").unlink()
    assert shot_of(folder).changed
    monkeypatch.setattr(SETTLED, 10**15)  # too young to be remembered, and the same
    (folder / "one" / "b").touch()
    assert not shot_of(folder).changed
    (folder / "one" / "b").unlink()
    (folder / "one").rmdir()
    assert shot_of(folder).changed


@settings(max_examples=40, deadline=None)
@given(trees=st.lists(FLAT, min_size=2, max_size=4), names=st.lists(NAMES, min_size=4, max_size=4, unique=True))
def test_any_folders_are_taken_under_their_new_names(trees: list[dict[bytes, object]], names: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(SETTLED, -(10**10))
        root = os.fsencode(place) + b"/root"
        os.mkdir(root)
        before = {b"%d" % number: tree for number, tree in enumerate(trees)}
        list(build(root, before))
        shot_of(Path(place) / "root")
        for number, name in enumerate(names[: len(trees)]):
            os.rename(root + b"/%d" % number, root + b"/_" + name)
        after = {b"_" + name: tree for name, tree in zip(names, trees, strict=False)}
        with tempfile.TemporaryDirectory() as other:
            made = list(build(os.fsencode(other), after))
        shot = shot_of(Path(place) / "root")
        assert (shot.digest, shot.manifest) == manifest_of(made)
