"""How a job's end is told: the state it ends in, the reason in a sentence, and what of its folder stays."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

from runner.errors import RunnerError
from runner.executors.base import HOME_FOLDER, MADE_FILE, Ended
from runner.executors.process import STATE_FOLDER
from runner.executors.sandbox import INPUT_FOLDER
from runner.giving import take_back
from runner.models import Job, JobState
from runner.store.disk import remove_tree

# Where a home is kept whose output could not be stored.
UNSAVED = "unsaved"
# When the attempt began, by a clock that nobody sets.
BEGAN_FILE = "began"
_CODES = {
    126: "The command could not be executed (exit code 126): is the file executable?",
    127: "The shell did not find the command (exit code 127).",
}


def final_state(now: JobState, ending: JobState | None, ended: Ended) -> JobState:
    """The state that a job in state `now` ends in. `ending` is what was asked for, if anything was."""
    if ending is not None:
        # A job that was never started cannot have taken too long.
        return ending if now is JobState.RUNNING else JobState.STOPPED
    if now is JobState.RUNNING and (ended.exit_code is None or ended.cut_short):
        return JobState.LOST
    return JobState.SUCCEEDED if ended.exit_code == 0 else JobState.FAILED


def reason_of(state: JobState, job: Job, ended: Ended, limit: int | None) -> str:
    """Why `job` ended as `state`, where the exit code alone does not say; `limit` is its longest time in seconds."""
    if state is JobState.TIMED_OUT:
        return f"It was ended at its limit of {limit} seconds."
    if state is JobState.STOPPED:
        return job.reason or "It was stopped." if job.state is JobState.RUNNING else reason_of_waiting(job)
    return ended.reason or reason_of_code(ended.exit_code or 0)


def reason_of_waiting(job: Job) -> str:
    """Why a job ended that was stopped while it waited."""
    return f"It was stopped before {f'attempt {job.attempt}' if job.attempts else 'it'} began."


def reason_of_code(code: int) -> str:
    """What a shell's exit code means, for those that mean something by themselves."""
    if code > 128:
        with contextlib.suppress(ValueError):
            return f"It was ended by {signal.Signals(code - 128).name}."
    return _CODES.get(code, "")


def sentence(error: Exception) -> str:
    """An error as the reason of a job that never ran."""
    if isinstance(error, RunnerError):
        return f"{error.detail} {error.hint}".rstrip()
    return f"The runner stumbled over {type(error).__name__}; runner.log on the host tells more."


def clear_folder(folder: Path) -> None:
    """Remove from an ended job's folder what only a live one needs; its log stays, with its secrets masked."""
    take_back(folder)
    for name in (HOME_FOLDER, INPUT_FOLDER, STATE_FOLDER):
        remove_tree(folder / name)
    for name in (MADE_FILE, BEGAN_FILE):
        (folder / name).unlink(missing_ok=True)


def keep_home(folder: Path) -> Path:
    """Put a job's home where nothing clears it away; returns that place."""
    kept = folder / UNSAVED
    with contextlib.suppress(FileNotFoundError):
        (folder / HOME_FOLDER).rename(kept)
    return kept
