"""A job in a few lines under the list, where the terminal has room: what it ran, with what, what came of it."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint
from runner.models import Job, JobState, Ref


class JobPeek(Static):
    """Facts of the job under the cursor."""

    DEFAULT_CSS = """
    JobPeek {
        height: 11;
        padding: 1 1 0 1;
        background: $surface;
        color: $foreground;
    }
    """

    def show(self, job: Job | None, now: float, paint: Paint) -> None:
        """Show `job`, or nothing."""
        # Its height is its own: without a layout nothing but this is drawn anew.
        self.update(_facts(job, now, paint) if job else "", layout=False)


def _facts(job: Job, now: float, paint: Paint) -> Group:
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    state = paint(f"{fmt.sign(job.state)} {fmt.standing(job)}", fmt.color(job.state))
    for label, value in _lines(job, paint):
        grid.add_row(paint(label, "dim"), value)
    head = Text("   ", no_wrap=True, overflow="ellipsis").join(
        [paint(job.short, style="bold"), state, paint(_timing(job, now), "dim")]
    )
    return Group(head, grid)


def _timing(job: Job, now: float) -> str:
    if job.started_at is None:
        return f"asked for {fmt.when(job.created_at)}"
    seconds = fmt.duration(fmt.job_seconds(job, now))
    return f"{seconds}, from {fmt.when(job.started_at)}"


def _lines(job: Job, paint: Paint) -> list[tuple[str, Text]]:
    gap = Text(" · ")
    where = gap.join(paint(part) for part in (job.environment, job.executor, _gpus(job)) if part)
    inputs = gap.join(Text.assemble(paint(_short(i.source)), paint(f" at {i.destination}", "dim")) for i in job.inputs)
    output = f"{fmt.count(job.output_files, 'file')}, {fmt.size(job.output_size)}" if job.output_files else "none yet"
    lines = [
        ("message", paint(job.message)),
        ("command", paint(job.command, "accent")),
        ("runs in", where),
        ("inputs", inputs if job.inputs else paint("none", "dim")),
        ("output", paint(output, "" if job.output_files else "dim")),
    ]
    if job.state is JobState.QUEUED and job.progress:
        lines.append(("waits", paint(fmt.waiting(job))))
    if job.reason:
        lines.append(("reason", paint(job.reason, fmt.color(job.state))))
    if job.metrics:
        lines.append(("metrics", paint(fmt.metrics(job.metrics, 6))))
    if job.tags:
        lines.append(("tags", paint(" ".join(f"#{tag}" for tag in job.tags), "dim")))
    return lines


def _gpus(job: Job) -> str:
    if job.gpu_memory is not None:
        return f"{fmt.size(job.gpu_memory)} of a GPU"
    return fmt.count(job.gpus, "GPU") if job.gpus else "no GPU"


def _short(source: str) -> str:
    """A source's name without its owner."""
    ref = Ref.parse(source)
    return "/".join(str(part) for part in (ref.name, ref.number, ref.area, ref.path) if part)
