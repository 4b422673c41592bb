"""How values read on screen: sizes, ages, durations, states. Pure functions, so that every view says it the same way.

Table forms are short and of few widths (``3m``, ``1.4 GiB``); a colour is the name of a theme variable, never a value.
"""

from __future__ import annotations

import math
import time
from datetime import datetime

from floyd_tui.sizes import human_count, human_duration, human_size
from runner.models import Job, JobState

DASH = "—"

_SIGNS: dict[JobState, str] = {
    JobState.QUEUED: "◌",
    JobState.PREPARING: "◐",
    JobState.RUNNING: "●",
    JobState.SUCCEEDED: "✔",
    JobState.FAILED: "✘",
    JobState.STOPPED: "■",
    JobState.TIMED_OUT: "◷",
    JobState.LOST: "?",
}
_COLORS: dict[JobState, str] = {
    JobState.QUEUED: "dim",
    JobState.PREPARING: "busy",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.STOPPED: "dim",
    JobState.TIMED_OUT: "warn",
    JobState.LOST: "warn",
}
_AGES = ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (14 * 86400, 86400, "d"))


def sign(state: JobState) -> str:
    """The one-cell sign of a job's state; colour alone would be lost on many."""
    return _SIGNS[state]


def color(state: JobState) -> str:
    """The theme variable (without ``$``) that a job's state is drawn in."""
    return _COLORS[state]


def words(state: JobState) -> str:
    """The state as a person says it: ``timed out`` for ``timed_out``."""
    return state.value.replace("_", " ")


def size(count: float | None) -> str:
    """Bytes as ``512 B``, ``1.4 GiB``; None is a dash."""
    return DASH if count is None else human_size(count)


def rate(per_second: float | None) -> str:
    """Bytes a second, as `size` with ``/s``."""
    return DASH if per_second is None else f"{size(per_second)}/s"


def age(then: float | None, now: float) -> str:
    """How long ago, in one unit: ``now``, ``40s``, ``5m``, ``3h``, ``2d``, ``6w``, ``3y``; None is a dash."""
    if then is None:
        return DASH
    seconds = max(0.0, now - then)
    if seconds < 2:
        return "now"
    for limit, unit, letter in _AGES:
        if seconds < limit:
            return f"{int(seconds // unit)}{letter}"
    if seconds < 2 * 365 * 86400:
        return f"{int(seconds // (7 * 86400))}w"
    return f"{int(seconds // (365 * 86400))}y"


def ago(then: float | None, now: float) -> str:
    """`age` in a sentence: ``now``, ``5m ago``; None is a dash."""
    text = age(then, now)
    return text if text in ("now", DASH) else f"{text} ago"


def duration(seconds: float | None) -> str:
    """How long something took, in two units: ``0.4s``, ``42s``, ``4m 02s``, ``1h 05m``, ``2d 04h``; None is a dash."""
    return DASH if seconds is None else human_duration(seconds, tenths=True)


def job_seconds(job: Job, now: float) -> float | None:
    """How long a job has run, or ran, in seconds; None where it never started."""
    if job.started_at is None:
        return None
    end = job.ended_at if job.ended_at is not None else now
    return max(0.0, end - job.started_at)


def when(at: float | None) -> str:
    """A moment in the reader's time zone: ``2026-11-23 14:05:09``; None is a dash."""
    if at is None:
        return DASH
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def number(value: float) -> str:
    """A metric's value in about four significant digits, without an exponent where it reads well."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "-∞"}.get(value, "nan")
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if 1e-3 <= abs(value) < 1e6:
        digits = 4 if abs(value) < 1 else max(0, 4 - len(str(int(abs(value)))))
        return f"{value:.{digits}f}"
    return f"{value:.2e}"


def percent(value: float | None) -> str:
    """Percent without decimals; None is a dash."""
    return DASH if value is None else f"{value:.0f}%"


def count(amount: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``1,204 files``."""
    return human_count(amount, noun, plural)


def plain(text: str) -> str:
    """`text` on one line without control characters: what others wrote must never steer this terminal."""
    return "".join(" " if c in "\t\n\r" else c if c.isprintable() else "�" for c in text)


def clip(text: str, width: int) -> str:
    """`text` cut to `width` characters, with an ellipsis where something is lost."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def standing(job: Job) -> str:
    """A job's state in a word: a queued one may be held."""
    return "held" if job.held and job.state is JobState.QUEUED else words(job.state)


def gpus(job: Job) -> str:
    """GPUs asked for in three cells: ``2``, ``8G`` of one that is shared; empty for none."""
    if job.gpu_memory is None:
        return str(job.gpus or "")
    return f"{max(1, round(job.gpu_memory / 2**30))}G"


def waiting(job: Job) -> str:
    """What a queued job waits for: its place in line, why, and when it starts at the latest where that is known."""
    place = f"#{job.position} " if job.position else ""
    latest = f"; starts by {datetime.fromtimestamp(job.starts_by).astimezone():%H:%M}" if job.starts_by else ""
    return f"{place}{job.progress}{latest}"


def metrics(values: dict[str, float], limit: int = 3) -> str:
    """The last value of the first `limit` metrics: ``loss 0.214  acc 0.93``."""
    return "  ".join(f"{clip(plain(name), 12)} {number(value)}" for name, value in list(values.items())[:limit])


def now(node: object) -> float:
    """Seconds since the epoch by the clock of `node`'s app: tests and screenshots freeze it there."""
    clock = getattr(getattr(node, "app", None), "clock", None)
    return float(clock()) if clock is not None else time.time()
