"""Jobs and projects as rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from floyd_tui.config import JOB_COLUMNS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import HostJob
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.plot import sparkline
from floyd_tui.widgets.row_table import Column, Row
from runner.models import Curve, Job, JobState, Project

ALL = ""
# Cells that a curve has in the list.
SPARK = 8

PROJECT_COLUMNS = (
    Column("sign", "", 1),
    Column("name", "Project", 8, flex=1),
    Column("jobs", "Jobs", 4, right=True),
)


def job_columns(all_projects: bool, hosts: Sequence[str] = ()) -> tuple[Column, ...]:
    """The columns of the table of jobs; the job's is narrower where the project is clear, `hosts` are told apart."""
    host = Column("host", "Host", max(map(len, hosts), default=0))
    return (
        *([host] if hosts else []),
        Column("sign", "", 1, until=92),
        Column("state", "State", 11, since=92),
        Column("job", "Job" if all_projects else "#", 15 if all_projects else 4, right=not all_projects),
        Column("what", "What", 10, flex=2),
        Column("tags", "Tags", 14, since=116),
        Column("env", "Environment", 15, since=132),
        Column("gpus", "GPU", 3, since=54, right=True),
        Column("age", "Age", 4, since=38, right=True),
        Column("time", "Time", 7, since=47, right=True),
        Column("metrics", "Last metrics", 19, flex=2, since=72),
    )


def chosen(columns: tuple[Column, ...], names: str) -> tuple[Column, ...]:
    """Those of `columns` that are named with commas between, whatever the width, and those that are always there."""
    wanted = names.split(",")
    fixed = [column for column in columns if column.key not in JOB_COLUMNS]
    if not names:
        return columns
    return tuple(
        column if column in fixed else replace(column, since=0, until=100_000)
        for column in columns
        if column in fixed or column.key in wanted
    )


def job_row(one: HostJob, now: float, paint: Paint, all_projects: bool, curve: Curve | None = None) -> Row:
    """One job as a row: what it is in words, how it goes in colour and sign."""
    job = one.job
    color = fmt.color(job.state)
    sign = fmt.sign(job.state)
    name = Text.assemble(paint(f"{job.project}/", "dim"), paint(str(job.number))) if all_projects else None
    cells = {
        "sign": paint(sign, color),
        "state": paint(f"{sign} {fmt.standing(job)}", color),
        "job": name or paint(str(job.number)),
        "host": paint(one.host, "dim"),
        "what": paint(job.message) if job.message else paint(job.command, "dim"),
        "env": paint(job.environment, "dim"),
        "tags": chips(job.tags, paint),
        "gpus": paint(fmt.gpus(job) or "·", "" if job.gpus else "dim"),
        "age": paint(fmt.age(job.created_at, now), "dim"),
        "time": paint(fmt.duration(fmt.job_seconds(job, now)) if job.started_at else "", "" if job.ended_at else color),
        "metrics": _last_word(job, paint, curve),
    }
    return Row(job.name, cells)


def chips(tags: Sequence[str], paint: Paint) -> Text:
    """Tags as small labels side by side."""
    return Text(" ").join(paint(tag, "foreground", f"on {paint.color('panel')}") for tag in tags)


def _last_word(job: Job, paint: Paint, curve: Curve | None) -> Text:
    """What matters most about a job right now: progress, why it ended badly, or its metrics, the drawn one first."""
    if job.state is JobState.QUEUED and job.progress:
        return paint(fmt.waiting(job).replace("waits for ", "", 1), "dim")
    if job.state is JobState.PREPARING and job.progress:
        return paint(job.progress, "busy")
    if job.state.ended and job.state not in (JobState.SUCCEEDED, JobState.STOPPED):
        code = f"exit {job.exit_code}" if job.exit_code else ""
        return paint(job.reason or code or fmt.words(job.state), fmt.color(job.state))
    drawn = curve.metric if curve else ""
    metrics = sorted(job.metrics.items(), key=lambda item: item[0] != drawn)[:4]
    parts = [Text.assemble(paint(f"{name} ", "dim"), paint(fmt.number(value))) for name, value in metrics]
    line = Text("  ").join(parts)
    return Text.assemble(_spark(job, curve, paint), line) if curve else line


def _spark(job: Job, curve: Curve, paint: Paint) -> Text:
    """How a metric went, in a few blocks; one value alone goes nowhere."""
    blocks = sparkline(curve.values, SPARK) if len(curve.values) > 1 else ""
    return paint(f"{blocks:{SPARK}} ", "dim" if job.state.ended else fmt.color(job.state))


def project_rows(projects: list[Project], paint: Paint) -> list[Row]:
    """All projects as rows, after a first one that stands for them all."""
    jobs, active = sum(p.jobs for p in projects), sum(p.active for p in projects)
    everything = {
        "sign": paint("●" if active else " ", "running"),
        "name": paint("All projects", style="bold"),
        "jobs": paint(str(jobs), "dim"),
    }
    return [Row(ALL, everything), *(_project_row(project, paint) for project in projects)]


def _project_row(project: Project, paint: Paint) -> Row:
    state = project.latest_state
    sign = paint(fmt.sign(state), fmt.color(state)) if state else paint("·", "dim")
    if project.active:
        sign = paint("●", "running")
    cells = {"sign": sign, "name": paint(project.name), "jobs": paint(str(project.jobs), "dim")}
    return Row(project.name, cells)
