"""The runs of a watch as rows: how each stands, what caused it, and how soon its first line was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row
from runner.models import Job

COLUMNS = (
    Column("sign", "", 1),
    Column("job", "Run", 8, flex=1),
    Column("time", "Time", 7, right=True),
    Column("first", "1st line", 8, right=True, since=36),
    Column("cause", "Changed", 8, flex=2, since=30),
)
PATHS_SHOWN = 3


@dataclass(slots=True)
class Run:
    """One run of a watch. `saved_at` is when the change that caused it was saved, or Enter pressed; `sent_in` how long
    its code took to be looked through and sent; `first_line` how long after the save its first output was here, in
    seconds; None: there was none yet."""

    job: Job
    paths: tuple[str, ...]
    saved_at: float
    sent: str = ""
    sent_in: float = 0.0
    first_line: float | None = None

    @property
    def cause(self) -> str:
        """What changed, in a few words."""
        return named(self.paths) or "the start"


def named(paths: Sequence[str]) -> str:
    """The first of `paths`, and how many more."""
    more = f" and {len(paths) - PATHS_SHOWN} more" if len(paths) > PATHS_SHOWN else ""
    return fmt.plain(", ".join(paths[:PATHS_SHOWN])) + more


def run_row(run: Run, now: float, paint: Paint) -> Row:
    """A run as a row."""
    job = run.job
    color = fmt.color(job.state)
    cells = {
        "sign": paint(fmt.sign(job.state), color),
        "job": paint(job.short),
        "time": paint(fmt.duration(fmt.job_seconds(job, now)) if job.started_at else "", "dim"),
        "first": paint(fmt.duration(run.first_line) if run.first_line is not None else "", "accent"),
        "cause": paint(run.cause, "dim"),
    }
    return Row(job.name, cells)
