"""Ignore rules, with git itself as the oracle."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from floyd_tui.project.ignore import IgnoreRules

FILES = (
    "a",
    "b.py",
    "foo",
    "dir/a",
    "dir/b.py",
    "dir/foo",
    "foo2/x.txt",
    "dir/sub/a",
    "dir/sub/foo",
    "x/foo/y",
    "#h",
    "!n",
    "A",
    "a b",
    "a ",
    "b\\c",
    "[a]",
    "a*",
    "dir/sub/B",
    "dir/sub/.b",
    "Dir2/a",
    "é",
    "dir/é",
    "a\xa0",
    "\udcff",
    "a\nb",
    "x/aé/b",
)
FOLDERS = ("dir", "foo2", "dir/sub", "x", "x/foo", "Dir2", "x/aé")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with a few files."""
    root = tmp_path_factory.mktemp("tree")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def left_out_by_git(root: Path) -> set[str]:
    """The files and folders that git would ignore."""
    names = b"\0".join(map(os.fsencode, (*FILES, *FOLDERS))) + b"\0"
    command = ["git", "-C", str(root), "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"]
    done = subprocess.run(command, input=names, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}


def left_out_by_us(root: Path) -> set[str]:
    rules = IgnoreRules.load(root, defaults=())
    return {name for name in (*FILES, *FOLDERS) if rules.explain(name)}


CLASSES = ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"]
SEGMENT = st.sampled_from(
    ["a", "foo", "dir", "sub", "x", "*", "**", "*.py", "f*", "?", "[a-f]oo", "[!a]", "foo2", "b.py", ""]
)
PATTERN = st.builds(
    lambda bang, start, segments, end: bang + start + "/".join(segments) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/", "#", "\\#", "\\!"]),
    st.lists(SEGMENT, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "/**", "/*"]),
)
# And whatever else could stand there: blanks, escapes, brackets, stars and what is no ASCII in any order.
SCRIBBLE = st.text(st.sampled_from("aabAB**x ?\\//[]!^-.#:\t\ré\xa0\udcff"), max_size=9)
LINES = st.lists(PATTERN | SCRIBBLE, max_size=6).map("\n".join)


@pytest.mark.git
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=LINES, nested=LINES, deepest=LINES)
@example(top="*\n!*/\n!*.py", nested="", deepest="")
@example(top="dir/*\n!dir/sub/", nested="!a", deepest="")
@example(top="[b-a]\n[[:digit:]]*\n[[]", nested="[B\t\na\t", deepest="a\\\n\\a\\")
@example(top="a\\ \nfoo  ", nested="[!]B]\n[\\]a]", deepest="[[:x:]]\n[]-a]")
@example(top="foo\n!foo/", nested="", deepest="")
@example(top="dir/**", nested="", deepest="")
@example(top="/*\n!/dir", nested="foo\r", deepest="")
@example(top="**/foo/**\n!**/y", nested="", deepest="")
@example(top="\ufefffoo", nested="", deepest="")
@example(top="?", nested="", deepest="")
@example(top="??\n!dir/??", nested="?[\xa9]", deepest="")
@example(top="[^/]", nested="su[/b]", deepest="")
@example(top="x**/y", nested="", deepest="")
@example(top="a**é/b\nx/a?**\\/b", nested="s**\\/foo", deepest="")
def test_rules_are_those_of_git(tree: Path, top: str, nested: str, deepest: str) -> None:
    for name in (".gitignore", ".floydignore"):
        (tree / name).write_bytes(os.fsencode(top))
        (tree / "dir" / name).write_bytes(os.fsencode(nested))
        (tree / "dir/sub" / name).write_bytes(os.fsencode(deepest))
    assert left_out_by_us(tree) == left_out_by_git(tree)


@pytest.mark.git
@pytest.mark.parametrize("negated", ["", "!"])
def test_classes_are_those_of_git(tmp_path: Path, negated: str) -> None:
    root = tmp_path / "tree"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    names = [f"{name}-{os.fsdecode(bytes([byte]))}" for name in CLASSES for byte in range(1, 256) if byte != ord("/")]
    text = "\n".join(f"{name}-[{negated}[:{name}:]]" for name in CLASSES)
    for file in (".gitignore", ".floydignore"):
        (root / file).write_text(text)
    command = ["git", "-C", str(root), "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"]
    asked = b"\0".join(map(os.fsencode, names)) + b"\0"
    told = subprocess.run(command, input=asked, capture_output=True, check=True).stdout
    rules = IgnoreRules.load(root, defaults=())
    ours = {name for name in names if rules.match(name, is_dir=False)}
    assert ours == {os.fsdecode(name) for name in told.split(b"\0") if name}
    assert all(rules.may_match("", [name]) for name in ours)
