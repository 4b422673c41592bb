"""What tells jobs apart: parameters, settings, last and best values, files, lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from floyd_tui.widgets.job_diff import MOST, bests, files_that_differ, parameters, settings_of, unified
from runner.models import FileInfo, Input, Job, JobState, Limits, Metric

JOB = Job("ada", "p", 1, JobState.SUCCEEDED, "python a.py --lr 0.1", 0.0, started_at=0.0, ended_at=60.0, exit_code=0)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("python train.py --lr 0.1 --fast", {"--lr": "0.1", "--fast": "yes"}),
        ("train --lr=0.1 -b 32 model.dim=5", {"--lr": "0.1", "-b": "32", "model.dim": "5"}),
        ("train --shift -0.5 --on --lr 1e-3", {"--shift": "-0.5", "--on": "yes", "--lr": "1e-3"}),
        ("echo hello", {}),
        ("", {}),
    ],
)
def test_a_commands_options(command: str, found: dict[str, str]) -> None:
    assert parameters(command) == found


def test_settings_that_differ_and_those_that_do_not() -> None:
    other = replace(
        JOB, command="python a.py --lr 0.2 --wide", env={"SEED": "1"}, limits=Limits(memory=1 << 30, cpus=2),
        inputs=(Input("ada/datasets/mnist/2", "data", "t"),), ended_at=90.0, tags=("best",),
    )  # fmt: skip
    rows = {row.name: row for row in settings_of([JOB, other], 100.0)}
    assert {name for name, row in rows.items() if row.differs} == {
        "duration", "command", "--lr", "--wide", "tags", "input data", "variable SEED", "limit memory", "limit CPUs",
    }  # fmt: skip
    assert rows["--lr"].values == ("0.1", "0.2")
    assert rows["duration"].values == ("1m 00s", "1m 30s")
    assert rows["limit memory"].values == ("", "1.0 GiB")
    assert not rows["state"].differs
    assert "reason" not in rows  # nobody has one


def points(name: str, *values: float) -> list[Metric]:
    """A metric's points."""
    return [Metric(name, value, float(at), at) for at, value in enumerate(values)]


def test_the_best_is_the_least_loss_and_the_most_accuracy() -> None:
    first = points("loss", 0.9, 0.2, 0.4) + points("accuracy", 0.5, 0.8, 0.7)
    second = points("loss", 0.8, float("nan"), 0.3) + points("lddt_score", 0.6)
    loss, accuracy, score = bests([first, second])
    assert (loss.up, loss.last, loss.best, loss.winners) == (False, (0.4, 0.3), (0.2, 0.3), {0})
    assert (accuracy.up, accuracy.best, accuracy.winners) == (True, (0.8, None), {0})
    assert (score.up, score.last, score.winners) == (True, (None, 0.6), {1})
    assert bests([[], points("x", float("nan"))])[0].winners == set()


def test_files_that_differ_what_the_code_needs_first() -> None:
    def files(**held: str) -> list[FileInfo]:
        return [FileInfo(path.replace("_", "."), "file", digest=digest) for path, digest in held.items()]

    found = files_that_differ([files(a_py="1", b_py="2", c_py="3"), files(a_py="1", b_py="9", requirements_txt="4")])
    assert [(one.path, one.words, one.requirement) for one in found] == [
        ("requirements.txt", "added", True), ("b.py", "changed", False), ("c.py", "removed", False),
    ]  # fmt: skip


def test_lines_that_differ() -> None:
    assert unified(b"one\ntwo\n", b"one\n2\n", ("a", "b"))[2:] == ["@@ -1,2 +1,2 @@", " one", "-two", "+2"]
    assert unified(None, b"new\n", ("a", "b"))[-1] == "+new"
    assert unified(b"x", b"x", ("a", "b")) == ["The same text."]
    assert unified(b"\0\1", b"x", ("a", "b")) == unified(b"x" * (MOST + 1), b"x", ("a", "b"))
