"""Trying a job again: whether, when, and what of the attempt that ended stays with it.

The next attempt is what was launched, exactly: the same code, inputs, image and variables in a home made anew. Its log
goes on where the one before ended, and its metrics after theirs.
"""

from __future__ import annotations

import os
import time
from typing import Any

from runner.executors.base import Ended, Task
from runner.models import Attempt, Job, JobState

_LONGEST_DELAY = 300.0


def wants_another(job: Job, state: JobState, ended: Ended) -> bool:
    """Whether `job`, whose attempt `ended` and which would now be `state`, is to be tried again."""
    if job.retry is None or len(job.attempts) >= job.retry.times or state not in (JobState.FAILED, JobState.LOST):
        return False
    return job.retry.after(ended.exit_code, state is JobState.LOST, ended.oom)


def delay_before(attempt: int, first: float) -> float:
    """Seconds to wait before `attempt` (2, 3, …): `first`, then twice as long each time, up to five minutes."""
    return min(first * 2.0 ** min(attempt - 2, 20), max(first, _LONGEST_DELAY))


def for_another(job: Job, state: JobState, end: dict[str, Any], delay: float) -> dict[str, Any]:
    """What becomes of the fields of `job`, whose attempt would have ended it as `state` with the fields `end`."""
    kept = ("started_at", "ended_at", "exit_code", "reason", "output", "output_files", "output_size")
    attempt = Attempt(state, log_end=end["log_size"], **{name: end[name] for name in kept})
    return {
        "attempts": (*job.attempts, attempt),
        "retry_at": time.time() + delay,
        "started_at": None,
        "devices": (),
        "log_size": end["log_size"],
    }


def seconds_left(job: Job, first: float) -> float:
    """How long `job`, which is queued, is still to wait for its next attempt; a clock set back makes that no longer."""
    if job.retry_at is None:
        return 0.0
    return max(0.0, min(job.retry_at - time.time(), delay_before(job.attempt, first)))


def waiting_words(job: Job) -> str:
    """What a job that waits for its next attempt does, in a few words."""
    assert job.retry is not None, "only a job with a retry is tried again"
    seconds = max(0, round((job.retry_at or 0.0) - time.time()))
    return f"{attempt_words(job)} begins in {seconds} s; {_ended_words(job.attempts[-1])}"


def attempt_words(job: Job) -> str:
    """Which attempt this is, of how many."""
    return f"attempt {job.attempt} of {job.retry.attempts if job.retry else job.attempt}"


def begin_log(task: Task) -> None:
    """Make the log ready for the next attempt: whole up to here, and a line that says what begins.

    Done again after a crash, it is the same. Raises `OSError`.
    """
    line = f"[{attempt_words(task.job)}: {_ended_words(task.job.attempts[-1])}]\n".encode()
    # O_NOFOLLOW: the log is the job's owner's, who may have put a link in its place.
    descriptor = os.open(task.log, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        start = min(task.job.log_start, os.fstat(descriptor).st_size)
        os.ftruncate(descriptor, start)
        if start and os.pread(descriptor, 1, start - 1) != b"\n":
            line = b"\n" + line
        os.pwrite(descriptor, line, start)
    finally:
        os.close(descriptor)


def _ended_words(attempt: Attempt) -> str:
    what = "was lost" if attempt.state is JobState.LOST else f"failed with exit code {attempt.exit_code}"
    return f"the one before {what}. {attempt.reason}".strip()
