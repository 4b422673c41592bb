"""Options of `run` and `restart` as settings, and commands as one line for the shell."""

from __future__ import annotations

import shlex
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.cli.launching import command_of, settings_of
from floyd_tui.cli.run import restart, run
from floyd_tui.errors import ProjectError
from floyd_tui.project.config import NOTHING_SAID, RunSettings
from runner.models import Limits, Mount, Retry, UtilizationPolicy


def read(command: click.Command, *words: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What `command` makes of `words`."""
    said = command.make_context("x", list(words)).params
    return said, said.pop("command")


def test_nothing_said_is_nothing_said() -> None:
    assert settings_of(*read(run)) == NOTHING_SAID


def test_every_flag_arrives() -> None:
    words = (
        "--retry 2 --gpu2 --gpus 2 --env tf-2.4 --data a:x --data b/3 -m hi --max-runtime 2h --mode job -e A=1 -e B=x=y"
        " --memory 2GiB --cpus 1.5 --shm-size 1G --tag s --tag t --tag s"
        " --utilization-policy 10%:30m --gpu-memory 8GiB --priority 5 --after 3 --after mnist/4 --hold"
    )
    assert settings_of(*read(run, *words.split(), "python -m x")) == RunSettings(
        machine="gpu2",
        gpus=2,
        env="tf-2.4",
        input=(Mount("a", "x"), Mount("b/3", "b")),
        description="hi",
        max_runtime=7200,
        utilization_policy=UtilizationPolicy(10.0, 1800),
        retry=Retry(2),
        mode="job",
        command="python -m x",
        limits=Limits(memory=2 * 2**30, cpus=1.5, shm_size=10**9),
        tags=("s", "t"),
        env_vars={"A": "1", "B": "x=y"},
        gpu_memory=8 * 2**30,
        priority=5,
        after=("3", "mnist/4"),
        hold=True,
    )


def test_a_mount_given_twice_is_refused() -> None:
    with pytest.raises(ProjectError, match="would both be mounted at x"):
        settings_of(*read(run, "--data", "a:x", "--data", "b:x"))


@pytest.mark.parametrize(
    "words",
    [
        ["3", "--gpu", "-m", "x", "python -m y"],
        ["--gpu", "-m", "x", "3", "python -m y"],
        ["3", "--gpu", "-m", "x", "--", "python -m y"],
    ],
)
def test_restart_takes_its_job_first_or_after_the_options(words: list[str]) -> None:
    said, command = read(restart, *words)
    assert (said["job"], said["machine"], said["message"], command) == ("3", "gpu", "x", ("python -m y",))


def test_what_follows_the_command_is_its_own() -> None:
    said, command = read(restart, "mnist/3", "python", "train.py", "--gpu", "-m", "x")
    assert command == ("python", "train.py", "--gpu", "-m", "x")
    assert (said["machine"], said["message"]) == (None, None)


@given(st.lists(st.text(st.characters(exclude_characters=" \0", codec="utf-8"), min_size=1), min_size=2))
def test_words_reach_the_shell_as_they_were(words: list[str]) -> None:
    line = command_of(tuple(words))
    assert line is not None
    assert shlex.split(line) == words


def test_one_word_is_a_line_for_the_shell() -> None:
    assert command_of(("a && b | c > 'd e'",)) == "a && b | c > 'd e'"
    assert command_of(()) is None
    with pytest.raises(ProjectError, match="empty"):
        command_of((" ",))
