"""In which order a list shows its jobs: by time, name, state, duration, GPUs, or a metric; and that the other way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from floyd_tui.metrics.best import more_is_better
from floyd_tui.widgets.job_filter import HostJob
from runner.models import Job, JobState

# What goes on comes first, then what ended badly: that is what one looks for.
_STATES = (
    JobState.RUNNING, JobState.PREPARING, JobState.QUEUED, JobState.FAILED, JobState.TIMED_OUT, JobState.LOST,
    JobState.STOPPED, JobState.SUCCEEDED,
)  # fmt: skip
ORDERS = ("newest", "name", "state", "duration", "gpus")
METRIC = "metric:"


@dataclass(frozen=True, slots=True)
class JobOrder:
    """An order by name: one of `ORDERS`, or ``metric:loss``. `reverse` turns it round."""

    by: str = ORDERS[0]
    reverse: bool = False

    @classmethod
    def parse(cls, text: str) -> JobOrder:
        """Read what `str` of an order gives, ``-duration``; what is no order is the newest first."""
        by = text.removeprefix("-")
        return cls(by, text.startswith("-")) if by in ORDERS or by.startswith(METRIC) else NEWEST

    def __str__(self) -> str:
        return f"-{self.by}" if self.reverse else self.by

    @property
    def words(self) -> str:
        """How it is called on screen."""
        return self.by.removeprefix(METRIC) if self.by != "gpus" else "GPUs"

    def sort(self, jobs: Sequence[HostJob], now: float) -> list[HostJob]:
        """`jobs` in this order at the time `now`; what it says nothing of comes last, of equals the newest first."""
        newest = sorted(jobs, key=_newest)
        if self.by == "newest":
            return newest[::-1] if self.reverse else newest
        value = _value(self.by, now)
        valued = [(value(one.job), one) for one in newest]
        known = sorted((pair for pair in valued if pair[0] is not None), key=lambda pair: pair[0], reverse=self.reverse)
        return [one for _, one in known] + [one for found, one in valued if found is None]


def _newest(one: HostJob) -> tuple[bool, bool, int, float, int]:
    """What waits in its order, all others newest first."""
    job = one.job
    waits = job.state is JobState.QUEUED
    return not waits, waits and job.held, (job.position or 0) if waits else 0, -job.created_at, -job.number


def _value(by: str, now: float) -> Callable[[Job], Any]:
    """What jobs are compared by, smallest first; None for those of which it is not known."""
    if by.startswith(METRIC):
        name = by.removeprefix(METRIC)
        sign = -1 if more_is_better(name) else 1
        return lambda job: _finite(job.metrics.get(name), sign)
    return {
        "name": lambda job: (job.project, -job.number),
        "state": lambda job: _STATES.index(job.state),
        "duration": lambda job: None if job.started_at is None else job.started_at - (job.ended_at or now),
        "gpus": lambda job: -job.gpus,
    }[by]


def _finite(value: float | None, sign: int) -> float | None:
    return sign * value if value is not None and math.isfinite(value) else None


NEWEST = JobOrder()
