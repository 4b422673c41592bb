"""What the filter of jobs understands, refuses at once, and leaves to the host; and the orders of the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from floyd_tui.metrics.best import more_is_better
from floyd_tui.widgets.job_filter import BadFilter, HostJob, JobFilter
from floyd_tui.widgets.job_order import NEWEST, JobOrder
from runner.models import Input, Job, JobState

DAY = 86400.0
NOW = 1_795_435_200.0  # Monday 23 November 2026, 12:00 UTC
JOB = HostJob("gauss", Job(
    "ada", "digits", 7, JobState.FAILED, "python train.py --lr 0.1", NOW - 3 * DAY, message="Cosine schedule",
    inputs=(Input("ada/datasets/mnist/2", "data", "t"), Input("ada/projects/digits/6/output", "previous", "t")),
    environment="pytorch-2.8", tags=("best", "paper"), gpus=2, exit_code=1, reason="Out of memory.",
    metrics={"loss": 0.25, "val_loss": 0.4, "accuracy": 0.91}, started_at=NOW - 3 * DAY, ended_at=NOW - 2.9 * DAY,
))  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "cosine", "COSINE train", "state:failed", "state:fa", "state:lost,failed", "env:torch", "env:pytorch-2.8",
        "tag:best", "tag:pa", "dataset:mnist", "dataset:mnist/2", "dataset:digits/6", "host:gau", "project:digits",
        "gpus:2", "after:4d", "after:1w", "before:2d", "after:2026-11-20", "before:2026-11-21", "loss<0.3", "acc>=0.9",
        "accuracy>0.9", "val_loss=0.4", "gpus>1", "gpus<=2", "exit=1", "duration>1h", "duration<1d", "memory.",
        "state:failed loss<0.3 cosine", "state:", "loss<", "after:", "after:4d before:1d", "lr:",
    ],
)  # fmt: skip
def test_what_passes(text: str) -> None:
    if text == "lr:":
        assert not JobFilter.parse(text, NOW).matches(JOB)  # a word, as it is no key
    else:
        assert JobFilter.parse(text, NOW).matches(JOB)


@pytest.mark.parametrize(
    "text",
    [
        "tensorflow", "state:running", "env:jax", "tag:worst", "dataset:cifar", "host:local", "project:net", "gpus:1",
        "after:2d", "before:4d", "before:1w", "after:2026-11-21", "loss<0.2", "loss>0.25", "acc<0.9", "nothing>0",
        "duration>1d", "exit=0", "state:failed nothing", "state:held",
    ],
)  # fmt: skip
def test_what_does_not(text: str) -> None:
    assert not JobFilter.parse(text, NOW).matches(JOB)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("state:sunny", "no state sunny: queued, preparing"),
        ("stat:failed", "no key stat: do you mean state:?"),
        ("flavour:sour", "no key flavour: state, project, tag, env"),
        ("after:soon", "after:soon: how long ago, as after:2d, 3h or 1w"),
        ("before:2026-13-40", "before:2026-13-40: a day is written before:2026-11-20"),
        ("loss<low", "loss<low: low is no number"),
        ("duration>long", "duration>long: long is no duration, as 90m or 1h"),
    ],
)
def test_what_cannot_be_meant_is_told(text: str, why: str) -> None:
    with pytest.raises(BadFilter) as told:
        JobFilter.parse(f"cosine {text}", NOW)
    assert str(told.value).startswith(why)


def test_what_runs_and_what_never_began_has_the_duration_of_now() -> None:
    running = HostJob("gauss", replace(JOB.job, state=JobState.RUNNING, ended_at=None))
    queued = HostJob("gauss", replace(JOB.job, state=JobState.QUEUED, started_at=None, ended_at=None, held=True))
    longer = JobFilter.parse("duration>2d", NOW)
    assert longer.matches(running)
    assert not longer.matches(queued)
    assert JobFilter.parse("state:held", NOW).matches(queued)


def test_the_jobs_of_a_group_are_found_by_its_name() -> None:
    swept = HostJob("gauss", replace(JOB.job, group="lr-3f9a1c"))
    assert JobFilter.parse("group:lr", NOW).matches(swept)
    assert not JobFilter.parse("group:lr", NOW).matches(JOB)


def test_the_host_is_asked_for_what_it_knows() -> None:
    asked = JobFilter.parse("cosine state:fail,queued tag:best env:torch,jax loss<0.3 dataset:mnist", NOW)
    assert asked.text == "cosine best mnist"
    assert asked.states == [JobState.QUEUED, JobState.FAILED]
    assert JobFilter.parse("state:held", NOW).states == [JobState.QUEUED]
    assert not JobFilter.parse("  ", NOW)


def jobs(*changes: Mapping[str, Any]) -> list[HostJob]:
    """Jobs numbered from 1, each a day after the one before."""
    made = [replace(JOB.job, number=n, created_at=NOW + n * DAY, **one) for n, one in enumerate(changes, 1)]
    return [HostJob("gauss", job) for job in made]


def order(text: str, *changes: Mapping[str, Any]) -> list[int]:
    """The numbers of such jobs in an order."""
    return [one.job.number for one in JobOrder.parse(text).sort(jobs(*changes), NOW)]


def test_orders() -> None:
    assert order("newest", {}, {}, {}) == [3, 2, 1]
    assert order("-newest", {}, {}, {}) == [1, 2, 3]
    assert order("name", {"project": "b"}, {"project": "a"}, {"project": "b"}) == [2, 3, 1]
    failed, running = {"state": JobState.FAILED}, {"state": JobState.RUNNING}
    assert order("state", failed, running, failed) == [2, 3, 1]
    assert order("gpus", {"gpus": 0}, {"gpus": 8}, {"gpus": 1}) == [2, 3, 1]
    took = [{"started_at": NOW - hours * 3600, "ended_at": NOW} for hours in (2, 5)]
    never = {"started_at": None, "ended_at": None}
    assert order("duration", *took, never, {"started_at": NOW - 3 * 3600, "ended_at": None}) == [2, 4, 1, 3]
    losses = [{"metrics": {"loss": loss, "accuracy": 1 - loss}} for loss in (0.3, 0.1, float("nan"))]
    assert order("metric:loss", *losses, {"metrics": {}}) == [2, 1, 4, 3]
    assert order("metric:accuracy", *losses) == [2, 1, 3]
    assert order("-metric:loss", *losses) == [1, 2, 3]


def test_what_waits_is_first_among_the_newest_in_its_order() -> None:
    queued = {"state": JobState.QUEUED}
    assert order("newest", {}, {**queued, "position": 2}, {**queued, "position": 1}, {**queued, "held": True}) == [
        3, 2, 4, 1,
    ]  # fmt: skip


def test_orders_are_written_as_they_are_read() -> None:
    for text in ("newest", "-duration", "metric:val/loss", "-metric:acc"):
        assert str(JobOrder.parse(text)) == text
    assert JobOrder.parse("sideways") == NEWEST


@pytest.mark.parametrize("name", ["accuracy", "val_acc", "mAP", "top1", "test/F1", "reward", "psnr"])
def test_of_some_metrics_more_is_better(name: str) -> None:
    assert more_is_better(name)


@pytest.mark.parametrize("name", ["loss", "val_loss", "error", "accuracy_loss", "perplexity", "wer", "mse"])
def test_of_all_others_less_is(name: str) -> None:
    assert not more_is_better(name)
