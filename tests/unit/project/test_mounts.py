"""Inputs in every spelling."""

from __future__ import annotations

import pytest

from floyd_tui.errors import ProjectError
from floyd_tui.project.mounts import distinct, parse_mount
from runner.models import Mount


@pytest.mark.parametrize(
    ("text", "source", "destination"),
    [
        ("mnist", "mnist", "mnist"),
        ("mnist/2", "mnist/2", "mnist"),
        ("ada/datasets/mnist/2:/mnist/", "ada/datasets/mnist/2", "mnist"),
        ("digits/3/output:previous", "digits/3/output", "previous"),
        ("x:/input", "x", "input"),
        ("x:input", "x", "input"),
        ("x:/floyd/input/y", "x", "y"),
        ("x:../input/y", "x", "y"),
        ("x:a/b", "x", "a/b"),
    ],
)
def test_spellings(text: str, source: str, destination: str) -> None:
    assert parse_mount(text) == Mount(source, destination)


@pytest.mark.parametrize("text", ["", ":x", "a b:x", "a:x y", "a:..", "a:x/../y", "a/b:x"])
def test_what_cannot_be_mounted(text: str) -> None:
    with pytest.raises(ProjectError):
        parse_mount(text)


@pytest.mark.parametrize(("one", "other"), [("a:x", "b:x"), ("a:x", "b:x/y"), ("a:x/y", "b:x")])
def test_a_place_is_given_once(one: str, other: str) -> None:
    with pytest.raises(ProjectError, match="would both be mounted"):
        distinct([parse_mount(one), parse_mount(other)])


def test_neighbours_are_no_clash() -> None:
    assert len(distinct([parse_mount("a:x"), parse_mount("b:xy"), parse_mount("c:y/x")])) == 3
