"""Ignore rules, with git itself as the oracle."""

from __future__ import annotations

import re
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
)
FOLDERS = ("dir", "foo2", "dir/sub", "x", "x/foo", "Dir2")


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
    names = "\0".join((*FILES, *FOLDERS)).encode() + b"\0"
    command = ["git", "-C", str(root), "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"]
    done = subprocess.run(command, input=names, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {name.decode() for name in done.stdout.split(b"\0") if name}


def left_out_by_us(root: Path) -> set[str]:
    rules = IgnoreRules.load(root, defaults=())
    return {name for name in (*FILES, *FOLDERS) if rules.explain(name)}


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
# And whatever else could stand there: blanks, escapes, brackets and stars in any order.
# A slash in brackets, which no pattern needs, is another matter to us than to git.
SCRIBBLE = st.text(st.sampled_from("aabAB* ?\\/[]!^-.#:\t\r"), max_size=9).filter(
    lambda line: not re.search(r"\[.*/", line)
)
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
def test_rules_are_those_of_git(tree: Path, top: str, nested: str, deepest: str) -> None:
    for name in (".gitignore", ".floydignore"):
        (tree / name).write_text(top)
        (tree / "dir" / name).write_text(nested)
        (tree / "dir/sub" / name).write_text(deepest)
    assert left_out_by_us(tree) == left_out_by_git(tree)
