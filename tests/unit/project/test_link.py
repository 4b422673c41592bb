"""Folders tied to projects and datasets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from floyd_tui.errors import ProjectError
from floyd_tui.project.link import find_link, write_link


def test_a_folder_tied_by_floydhub_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / ".floydexpt").write_text(json.dumps({"name": "mnist", "family_id": "prj_3X", "namespace": "ada"}))
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    link = find_link(below)
    assert link is not None
    assert (link.folder, link.name, link.family_id, link.namespace) == (tmp_path, "mnist", "prj_3X", "ada")
    assert find_link(below, "dataset") is None


def test_writing_again_keeps_the_family_of_the_same_name(tmp_path: Path) -> None:
    first = write_link(tmp_path, "a")
    assert write_link(tmp_path, "a").family_id == first.family_id
    assert write_link(tmp_path, "b").family_id != first.family_id
    assert json.loads((tmp_path / ".floydexpt").read_text())["name"] == "b"
    assert write_link(tmp_path, "d", "dataset").folder == tmp_path
    assert sorted(p.name for p in tmp_path.iterdir()) == [".floydexpt", ".floyddata"][::-1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": null, "x": []}', '{"name": "a b"}', "\0"])
def test_a_broken_link_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / ".floydexpt").write_text(text)
    with pytest.raises(ProjectError, match="cannot be read") as caught:
        find_link(tmp_path)
    assert "floyd-tui init" in caught.value.hint


def test_a_bad_name_writes_nothing(tmp_path: Path) -> None:
    for name in ("", "a b", "..", "x" * 101, "ä"):
        with pytest.raises(ProjectError, match="cannot be a project name"):
            write_link(tmp_path, name)
    with pytest.raises(ProjectError, match="cannot be written"):
        write_link(tmp_path / "nowhere", "a")
    assert list(tmp_path.iterdir()) == []
