"""What goes up and what stays, path by path, with git as the oracle of which rule it is."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore import IgnoreRules, parse_rule
from floyd_tui.project.ignore_file import leave_out, line_for
from floyd_tui.project.link import write_link
from floyd_tui.project.listing import Goes, folder_and_kind, largest, list_folder


def make(root: Path, **sizes: int) -> None:
    """Files of so many bytes; ``__`` in a name stands for a slash."""
    for name, size in sizes.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with code, checkpoints, and rules in two folders."""
    root = tmp_path / "project"
    make(root, main=10, src__a=20, src__notes=5, runs__1__best=300, runs__2__best=200, tiny__x=1)
    (root / ".git").mkdir()
    (root / ".git" / "objects").write_bytes(bytes(1000))
    (root / ".floydignore").write_text("# ours\nruns/\n")
    (root / "src" / ".floydignore").write_text("notes\n")
    return root


async def test_each_path_that_stays_is_named_once_with_its_size_rule_file_and_line(project: Path) -> None:
    listing = await list_folder(project, "code")
    assert [(one.path, one.files, one.size, one.rule, one.source) for one in listing.stays] == [
        (".git/", 1, 1000, ".git", "built in"),
        ("runs/", 2, 500, "runs/", ".floydignore:2"),
        ("src/notes", 1, 5, "notes", "src/.floydignore:1"),
    ]
    assert [one.path for one in listing.staying("src/")] == ["src/notes"]


@pytest.mark.git
def test_the_rules_named_are_those_that_git_names(project: Path) -> None:
    for file in (".floydignore", "src/.floydignore"):
        (project / file).with_name(".gitignore").write_text((project / file).read_text())
    (project / ".git" / "objects").unlink()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    for one in asyncio.run(list_folder(project, "code")).stays[1:]:
        command = ["git", "-C", str(project), "check-ignore", "-v", one.path]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert told == f"{one.source.replace('.floydignore', '.gitignore')}:{one.rule}\t{one.path}\n"


async def test_what_goes_up_is_summed_by_folder_the_largest_first(project: Path) -> None:
    listing = await list_folder(project, "code")
    assert listing.going() == [
        Goes("src/", 2, 26),
        Goes(".floydignore", 1, 13),
        Goes("main", 1, 10),
        Goes("tiny/", 1, 1),
    ]
    assert listing.going("src/") == [Goes("src/a", 1, 20), Goes("src/.floydignore", 1, 6)]


async def test_a_dataset_takes_more_than_code(project: Path) -> None:
    (project / "cache.pyc").write_bytes(b"x")
    assert "cache.pyc" in {one.path for one in (await list_folder(project, "data")).goes}
    assert "cache.pyc" in {one.path for one in (await list_folder(project, "code")).stays}


def test_the_nearer_tie_says_whose_rules_hold(tmp_path: Path) -> None:
    inner = tmp_path / "inner" / "deep"
    inner.mkdir(parents=True)
    assert folder_and_kind(inner) == (inner, "code")
    assert folder_and_kind(inner, "data") == (inner, "data")
    write_link(tmp_path, "outer")
    assert folder_and_kind(inner) == (tmp_path, "code")
    write_link(tmp_path / "inner", "digits", "dataset")
    assert folder_and_kind(inner) == (tmp_path / "inner", "data")
    assert folder_and_kind(inner, "code") == (tmp_path, "code")
    write_link(inner, "mine")
    assert folder_and_kind(inner) == (inner, "code")


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no folder"):
        await list_folder(tmp_path / "none", "code")


async def test_it_says_how_far_it_is_and_can_be_left(project: Path) -> None:
    told: list[int] = []
    seen = asyncio.Event()

    def tell(files: int) -> None:
        told.append(files)
        seen.set()

    listing = asyncio.create_task(list_folder(project, "code", tell))
    await seen.wait()
    assert not listing.cancelled()
    listing.cancel()
    with suppress(asyncio.CancelledError):
        await listing
    assert told[0] >= 0


def test_the_largest_is_named_as_deep_as_it_goes() -> None:
    files = [Goes("a/b/c/1", 1, 50), Goes("a/b/c/2", 1, 45), Goes("a/x", 1, 1), Goes("d", 1, 20), Goes("e", 1, 2)]
    assert largest(files, 2) == [Goes("a/b/c/", 2, 95), Goes("d", 1, 20)]
    assert largest([Goes("a/b/only", 1, 999), Goes("crumb", 1, 1)]) == [Goes("a/b/", 1, 999)]
    assert largest([Goes("one", 1, 9)]) == [Goes("one", 1, 9)]
    assert largest([]) == []


NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name.strip(".") and len(name.encode()) < 200
)


@pytest.mark.git
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAME, folder=st.booleans())
@example(name="a ", folder=False)
@example(name="a\\", folder=True)
@example(name="[x]*?", folder=False)
@example(name="!x", folder=False)
@example(name="#", folder=True)
@example(name="a\r", folder=False)
@example(name="a\nb", folder=False)
@example(name=" ", folder=False)
@example(name="\t", folder=False)
@example(name="\x85", folder=False)
def test_the_line_for_a_path_leaves_out_that_path(
    tmp_path_factory: pytest.TempPathFactory, name: str, folder: bool
) -> None:
    root = tmp_path_factory.getbasetemp() / "lines"
    if not root.exists():
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    path = name + "/" * folder
    (root / ".gitignore").write_bytes(os.fsencode(line_for(path)) + b"\n")
    rule = parse_rule(line_for(path), "here")
    assert rule is not None
    assert rule.matches(name, is_dir=folder)
    assert not rule.matches(f"below/{name}", is_dir=folder)
    if name.startswith(":") or (name[-1].isspace() and not name[-1].isascii()):
        return  # git takes the one for magic on its command line, and only our reader the other for a line's end.
    command = ["git", "-C", str(root), "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"]
    done = subprocess.run(command, input=os.fsencode(path), capture_output=True, check=False)
    assert done.stdout == os.fsencode(path) + b"\0"


def test_lines_are_added_once_below_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / ".floydignore"
    assert leave_out(tmp_path, ["a/", "b"]) == ("/a/", "/b")
    file.write_bytes(b"*.\xff\n/a/")
    assert leave_out(tmp_path, ["a/", "c*"]) == (r"/c\*",)
    assert file.read_bytes() == b"*.\xff\n/a/\n/c\\*\n"
    rules = IgnoreRules.load(tmp_path)
    (tmp_path / "a").mkdir()
    assert [str(rules.explain(name)) for name in ("a", "c*", "cx")] == [
        "/a/ (.floydignore:2)",
        r"/c\* (.floydignore:3)",
        "None",
    ]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".floydignore").mkdir()
    with pytest.raises(ProjectError, match="cannot be written"):
        leave_out(tmp_path, ["a"])
