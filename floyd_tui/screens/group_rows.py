"""The jobs of a sweep as rows: a column for each value that differs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from floyd_tui.metrics.best import Ranked
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.plot import sparkline
from floyd_tui.widgets.row_table import Column, Row
from runner.models import Curve, Job, JobState

SPARK = 12
# Cells that a value has at most, and that a metric's name has in a heading.
WIDEST, HEADING = 16, 14


def group_columns(names: Sequence[str], jobs: Sequence[Job], metric: str) -> tuple[Column, ...]:
    """Columns for the values `names` of `jobs`, and for what they had of `metric`."""
    widths = {name: max(len(name), *(len(job.values.get(name, "")) for job in jobs)) for name in names}
    measured = (
        Column("best", f"★ {fmt.clip(metric, HEADING)}", max(10, min(len(metric), HEADING) + 2), right=True),
        Column("last", "Last", 9, since=56, right=True),
        Column("curve", "", SPARK, since=84),
    )
    return (
        Column("mark", "", 1),
        Column("sign", "", 1, until=76),
        Column("state", "State", 11, since=76),
        Column("job", "#", 4, right=True),
        *(Column(f"value {name}", name, min(widths[name], WIDEST)) for name in names),
        *(measured if metric else ()),
        Column("time", "Time", 7, since=64, right=True),
        Column("what", "", 4, flex=1, since=48),
    )


def group_row(
    row: Ranked, names: Sequence[str], now: float, paint: Paint, curve: Curve | None, marked: bool, best: bool
) -> Row:
    """One job; the `best` of all has a star."""
    job, color = row.job, fmt.color(row.job.state)
    values = {f"value {name}": paint(job.values.get(name, ""), "bold" if best else "") for name in names}
    return Row(
        job.name,
        {
            "mark": paint("✓" if marked else " ", "key"),
            "sign": paint(fmt.sign(job.state), color),
            "state": paint(f"{fmt.sign(job.state)} {fmt.standing(job)}", color),
            "job": paint(str(job.number)),
            **values,
            "best": Text.assemble(paint("★ ", "good") if best else Text(), paint(_number(row.best))),
            "last": paint(_number(row.last), "dim"),
            "curve": paint(sparkline(curve.values, SPARK) if curve and len(curve.values) > 1 else "", color),
            "time": paint(fmt.duration(fmt.job_seconds(job, now)) if job.started_at else "", "dim"),
            "what": paint(_words(job), "dim"),
        },
    )


def _number(value: float | None) -> str:
    return fmt.DASH if value is None else fmt.number(value)


def _words(job: Job) -> str:
    """Why it waits, or ended badly."""
    if job.state is JobState.QUEUED:
        return fmt.waiting(job)
    return "" if job.state in (JobState.SUCCEEDED, JobState.STOPPED) else job.reason or job.progress
