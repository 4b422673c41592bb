"""Sweeps: which braces vary, what they make, and which are left to the shell and to code."""

from __future__ import annotations

import re
import shlex

import pytest

from floyd_tui.errors import ProjectError
from floyd_tui.project.sweep import Sweep, joined, parse_grid, shown_grid, the_one, variants
from runner.models import Launch


def made(command: str, **sweep: object) -> list[tuple[str, dict[str, str]]]:
    """Command and values of each launch that `command` stands for."""
    launches = variants(Launch("net", command), Sweep(**sweep))  # type: ignore[arg-type]
    return [(launch.command, launch.values) for launch in launches]


def test_a_brace_makes_a_job_a_value_and_several_their_product() -> None:
    assert made("python train.py --lr={0.1,0.01} --seed {1..3}") == [
        (f"python train.py --lr={lr} --seed {seed}", {"lr": lr, "seed": seed})
        for lr in ("0.1", "0.01")
        for seed in ("1", "2", "3")
    ]
    assert [values for _, values in made("train optim.lr=1e-{2..3}")] == [{"optim.lr": "2"}, {"optim.lr": "3"}]
    assert [command for command, _ in made("x=r{a,b}-{c,d}")] == ["x=ra-c", "x=ra-d", "x=rb-c", "x=rb-d"]
    assert [command for command, _ in made("train --note={,full} --step={0..20..10}; true")] == [
        f"train --note={note} --step={step}; true" for note in ("", "full") for step in ("0", "10", "20")
    ]


@pytest.mark.parametrize(
    "command",
    [
        "python train.py",
        "python -c 'x={1,2}; print(x)'",
        'python -c "x={1,2}; print(x)"',
        "echo ${LR} --lr=${LR:-1,2} $(seq {1,2})",
        'curl -d={"a":1,"b":2} here',
        "awk x={print,$1}",
        r"train --lr=\{0.1,0.01\}",
        "cp {train,test}.csv out/",
        "mkdir -p {a,b}",
        "train --lr={0.1} --x={} --y={1..}",
        "f() { lr=1,2; }; f",
        "train --lr={0.1,{1,2}}",
        "train --name='{a,b}' --more=\"{c,d}\"",
        "echo it's --lr={0.1,0.01}",
        "train --lr=`echo {1,2}`",
    ],
)
def test_what_no_name_stands_before_or_the_shell_takes_literally_is_left_alone(command: str) -> None:
    assert made(command, group="") == [(command, {})]


def test_a_grid_is_given_as_variables_and_wherever_the_command_names_it() -> None:
    launches = variants(
        Launch("net", "train --out=runs/{lr} --eps {eps,1} '{lr}' ${lr}", message="try", env={"A": "1"}),
        Sweep({"lr": ("0.1", "0.01"), "wide": ("yes",)}, "search", 2),
    )
    assert [launch.command for launch in launches][:2] == [
        f"train --out=runs/{lr} --eps eps '{{lr}}' ${{lr}}" for lr in ("0.1", "0.01")
    ]
    assert len(launches) == 4
    last = launches[-1]
    assert (last.env, last.group, last.max_parallel) == ({"A": "1", "lr": "0.01", "wide": "yes"}, "search", 2)
    assert last.values == {"eps": "1", "lr": "0.01", "wide": "yes"}
    assert last.message == "try: eps=1 lr=0.01 wide=yes"


def test_a_command_given_word_by_word_keeps_its_braces_and_quotes_the_rest() -> None:
    words = ["python", "my train.py", "--lr", "{0.1,0.01}", "--x={a,b}", "{c,d}", ""]
    assert joined(words) == "python 'my train.py' --lr {0.1,0.01} --x={a,b} '{c,d}' ''"


def test_a_grid_is_shown_as_it_is_typed() -> None:
    grid = parse_grid(["lr={0.1,0.01}", "seed={1..3}", "one=x", r"layers={64\,32,128}"])
    assert grid["layers"] == ("64,32", "128")
    assert grid["seed"] == ("1", "2", "3")
    assert parse_grid(shlex.split(shown_grid(grid))) == grid
    assert shown_grid({"lr": ("1", "2")}) == "lr={1,2}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lr"], "'lr' is not NAME={A,B}."),
        (["lr={1,2}", "lr={3,4}"], "lr is swept twice."),
        (["l-r={1,2}"], "'l-r' cannot be the name"),
        (["lr={1..100000}"], "more than 500 values"),
    ],
)
def test_a_grid_that_cannot_be_meant_says_so(words: list[str], said: str) -> None:
    with pytest.raises(ProjectError, match=re.escape(said)):
        parse_grid(words)


def test_what_watches_one_job_takes_no_sweep() -> None:
    assert the_one(Launch("net", "train --lr=0.1")).command == "train --lr=0.1"
    with pytest.raises(ProjectError, match=r"one job at a time, and this makes 2: lr=0\.1 …"):
        the_one(Launch("net", "train"), Sweep({"lr": ("0.1", "0.2")}))


def test_more_jobs_than_one_sweep_may_make_are_refused() -> None:
    with pytest.raises(ProjectError, match=r"This makes 1,000 jobs; 500 are the most"):
        variants(Launch("net", "a={1..10} b={1..10} c={1..10}"))
