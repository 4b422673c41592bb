"""References as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.models import BadName, Ref, check_name

NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True).filter(
    lambda name: name.strip(".") and not name.isdecimal() and name not in {"projects", "datasets", "output", "code"}
)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("mnist", Ref("mnist")),
        ("mnist/3", Ref("mnist", 3)),
        ("3", Ref("here", 3, kind="projects")),
        ("3/output/model.pt", Ref("here", 3, kind="projects", area="output", path="model.pt")),
        ("mnist/3/output", Ref("mnist", 3, kind="projects", area="output")),
        ("mnist/3/home", Ref("mnist", 3, kind="projects", area="output")),
        ("mnist/3/code/src", Ref("mnist", 3, kind="projects", area="code", path="src")),
        ("alice/projects/mnist/3", Ref("mnist", 3, "alice", "projects")),
        ("alice/datasets/digits/2/train", Ref("digits", 2, "alice", "datasets", path="train")),
        ("datasets/digits", Ref("digits", kind="datasets")),
        ("datasets/digits/1/output", Ref("digits", 1, kind="datasets", path="output")),
        ("/mnist/3/", Ref("mnist", 3)),
    ],
)
def test_reads_what_people_type(text: str, ref: Ref) -> None:
    assert Ref.parse(text, project="here") == ref


@pytest.mark.parametrize(
    "text", ["", "/", "a b", "mnist/0", "mnist/x", "..", "a/projects/m/3/output/../x", "a/datasets/d/1/./x", "é"]
)
def test_refuses_what_names_nothing(text: str) -> None:
    with pytest.raises(BadName):
        Ref.parse(text)


@given(NAMES, NAMES, st.integers(1, 10**6), st.sampled_from(["projects", "datasets"]))
def test_full_names_come_back_unchanged(owner: str, name: str, number: int, kind: str) -> None:
    text = f"{owner}/{kind}/{name}/{number}"
    assert str(Ref.parse(text)) == text


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "x" * 101, "naïve", "a\n"])
def test_bad_names_are_told_the_rule(name: str) -> None:
    with pytest.raises(BadName, match="Use 1 to 100"):
        check_name(name)
