"""`floyd-tui screenshots`: real screens as pictures, the same each time; those of the documents are there."""

from __future__ import annotations

import re
from pathlib import Path

from floyd_tui.screenshots import SCENES
from tests.support.shell import Shell

ROOT = Path(__file__).parents[2]


def test_the_same_is_drawn_each_time_in_the_theme_and_size_asked_for(tmp_path: Path) -> None:
    shell = Shell(tmp_path, tmp_path / "config")
    done = shell("screenshots", "watch", "hosts", "--out", "one")
    assert done.stdout.splitlines() == [str(tmp_path / "one" / f"{name}.svg") for name in ("watch", "hosts")]
    shell("screenshots", "watch", "--out", "two")
    first = (tmp_path / "one" / "watch.svg").read_text()
    assert (tmp_path / "two" / "watch.svg").read_text() == first
    assert "~/digits" in first
    assert "url(http" not in first.replace('"', ""), "no fonts from the net"
    shell("screenshots", "watch", "--theme", "paper", "--size", "80x24", "--out", "three")
    other = (tmp_path / "three" / "watch.svg").read_text()
    assert "#f8f1e0" in other.lower()
    assert "#f8f1e0" not in first.lower()
    assert len(other) < len(first)
    assert not (tmp_path / "config").exists(), "nothing of the user's is written"


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    shell = Shell(tmp_path, tmp_path / "config")
    assert "no screen 'hom'" in shell("screenshots", "hom", code=2).stderr
    assert "'9x9' is no size" in shell("screenshots", "--size", "9x9", code=2).stderr
    unknown = shell("screenshots", "home", "--theme", "plaid", code=1).stderr
    assert "There is no theme 'plaid'." in unknown
    assert "colorblind-light" in unknown
    assert not (tmp_path / "screenshots").exists()
    assert shell("screenshots", "--list").stdout.count("\n") == len(SCENES)


def test_the_pictures_of_the_documents_are_of_scenes() -> None:
    named = set()
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        named |= set(re.findall(r"images/([\w-]+)\.svg", document.read_text()))
    assert named
    assert named <= set(SCENES)
    assert {path.stem for path in (ROOT / "docs" / "images").glob("*.svg")} == set(SCENES)
