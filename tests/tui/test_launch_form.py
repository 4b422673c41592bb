"""The launch form's fields as a launch, and launches made from earlier jobs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.client.fake import FakeLinks
from floyd_tui.errors import ProjectError
from floyd_tui.screens.drafts import go_on_from
from floyd_tui.screens.launch_draft import draft_of, suggested_name
from floyd_tui.screens.launch_form import FormValues, read, shown_seconds, values_of
from floyd_tui.sizes import parse_duration
from runner.models import Input, Job, Launch, Limits, Mount

DRAFT = Launch(
    "digits", "python train.py", code_from="ada/projects/digits/6", env={"SEED": "3"}, limits=Limits(cpus=4, pids=64)
)
GOOD = FormValues(
    "digits", None, "python train.py", "torch", (("mnist/1", "mnist"),), "2", "1h30m", "again", "a, b a",
    "SEED=4 'NOTE=two words'", "8GiB", "2.5",
)  # fmt: skip


def job(short: str) -> Job:
    return FakeLinks.demo()["gauss"].host.find_job(short)


def test_a_right_form_becomes_a_launch_that_keeps_what_the_form_does_not_show() -> None:
    reading = read(GOOD, DRAFT)
    assert not reading.wrong
    assert reading.launch == replace(
        DRAFT, environment="torch", mounts=(Mount("mnist/1", "mnist"),), gpus=2, max_runtime=5400, message="again",
        tags=("a", "b"), env={"SEED": "4", "NOTE": "two words"}, limits=Limits(8 * 2**30, 2.5, 64),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("project", "my project", "'my project' cannot be a project name."),
        ("project", "", "cannot be a project name"),
        ("command", "  ", "Say what to run"),
        ("gpus", "two", "'two' is not a number of GPUs."),
        ("gpus", "-1", "'-1' is not a number of GPUs."),
        ("gpus", "٣", "is not a number of GPUs."),
        ("gpus", "1000", "'1000' is not a number of GPUs."),
        ("max_runtime", "soon", "'soon' is not a duration"),
        ("folder", "/nowhere/at/all", "/nowhere/at/all is not a folder here."),
        ("mounts", (("mnist", "x"), ("other", "x")), "would both be mounted at x."),
        ("mounts", (("mnist", "a b"),), "cannot be mounted."),
        ("mounts", (("", "x"),), "cannot be mounted."),
        ("variables", "SEED", "'SEED' is not NAME=VALUE."),
        ("variables", "2SEED=1", "'2SEED=1' is not NAME=VALUE."),
        ("variables", "SEED='1", "A quotation mark is not closed."),
    ],
)
def test_each_wrong_field_gets_its_sentence(field: str, value: Any, sentence: str) -> None:
    wrong = read(replace(GOOD, **{field: value}), DRAFT).wrong
    assert list(wrong) == [field]
    assert sentence in wrong[field]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("memory", "much", "'much' is not a size"),
        ("cpus", "all", "'all' is not a number of cores"),
        ("cpus", "0", "'0' is not a number of cores"),
        ("cpus", "inf", "'inf' is not a number of cores"),
        ("cpus", "nan", "'nan' is not a number of cores"),
    ],
)
def test_a_limit_that_cannot_be_is_said_under_the_limits(field: str, value: Any, sentence: str) -> None:
    wrong = read(replace(GOOD, **{field: value}), DRAFT).wrong
    assert list(wrong) == ["limits"]
    assert sentence in wrong["limits"]


@pytest.mark.parametrize(
    ("typed", "asked"),
    [("0", {}), ("2", {"gpus": 2}), ("8GiB", {"gpu_memory": 8 * 2**30}), ("gpu2", {"machine": "gpu2"})],
)
def test_gpus_are_a_number_a_share_or_a_machine(typed: str, asked: dict[str, Any]) -> None:
    launch = read(replace(GOOD, gpus=typed), DRAFT).launch
    assert launch == replace(read(GOOD, DRAFT).launch, **{"gpus": 0, **asked})
    assert values_of(launch, None).gpus == typed
    assert read(values_of(launch, None), launch).launch == launch


def test_a_place_in_line_is_a_priority_and_jobs_before() -> None:
    launch = read(replace(GOOD, priority="-5", after="mnist/3, 4"), DRAFT).launch
    assert (launch.priority, launch.after) == (-5, ("mnist/3", "4"))
    assert (values_of(launch, None).priority, values_of(launch, None).after) == ("-5", "mnist/3 4")
    wrong = read(replace(GOOD, priority="high"), DRAFT).wrong
    assert wrong == {"queue": "'high' is not a priority, such as 10 or -10."}


@given(st.integers(1, 2**45))
def test_a_memory_limit_is_shown_so_that_it_reads_back_the_same(count: int) -> None:
    draft = replace(DRAFT, limits=Limits(memory=count))
    assert read(values_of(draft, None), draft).launch.limits == draft.limits


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,4}", fullmatch=True), st.text(max_size=8), max_size=3))
def test_variables_are_shown_so_that_they_read_back_the_same(env: dict[str, str]) -> None:
    draft = replace(DRAFT, env=env)
    assert read(values_of(draft, None), draft).launch.env == env


def test_a_launch_shown_and_read_again_is_the_same() -> None:
    launch = job("digits/7").relaunch()
    assert read(values_of(launch, None), launch).launch == launch


@given(st.integers(1, 10**7))
def test_a_runtime_reads_back_as_it_was_shown(seconds: int) -> None:
    assert parse_duration(shown_seconds(seconds)) == seconds


def test_going_on_mounts_the_output_as_previous() -> None:
    six = replace(job("digits/6"), inputs=())
    draft = go_on_from(six)
    assert draft.mounts == (Mount("ada/projects/digits/6/output", "previous"),)
    assert draft.relaunched_from == six.name
    assert draft.code_from == six.name


def test_going_on_again_takes_the_place_of_the_output_before() -> None:
    seven = replace(job("digits/6"), number=7)
    seven = replace(seven, inputs=(Input("ada/projects/digits/6/output", "start", "0" * 64),))
    assert go_on_from(seven).mounts == (Mount("ada/projects/digits/7/output", "start"),)


def test_going_on_avoids_names_that_are_taken() -> None:
    taken = tuple(Input("mnist/1", place, "0" * 64) for place in ("previous", "previous-2"))
    six = replace(job("digits/6"), inputs=taken)
    assert go_on_from(six).mounts[-1].destination == "previous-3"


def test_code_of_an_earlier_job_is_no_output_to_replace() -> None:
    six = replace(job("digits/6"), inputs=(Input("ada/projects/digits/5/code", "old", "0" * 64),))
    assert [mount.destination for mount in go_on_from(six).mounts] == ["old", "previous"]


async def test_a_folder_that_is_no_project_still_begins_a_form(tmp_path: Path) -> None:
    folder = tmp_path / "My first (net)"
    folder.mkdir()
    draft = await draft_of(folder)
    assert (draft.launch.project, draft.launch.command) == ("My-first-net", "")
    assert suggested_name(Path("/...")) == ""


async def test_a_folders_floyd_yml_fills_the_form(tmp_path: Path) -> None:
    (tmp_path / "floyd.yml").write_text("command: python t.py\nmachine: gpu\ninput: mnist/1:mnist\n")
    (tmp_path / ".floydexpt").write_text('{"name": "net"}')
    draft = await draft_of(tmp_path)
    assert draft.launch == Launch("net", "python t.py", mounts=(Mount("mnist/1", "mnist"),), machine="gpu")


async def test_a_wrong_floyd_yml_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "floyd.yml").write_text("command: [1, 2\n")
    with pytest.raises(ProjectError, match=r"floyd\.yml"):
        await draft_of(tmp_path)
