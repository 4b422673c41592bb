"""What commands print: JSON for programs, tables for people, plain columns into a pipe."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click

from floyd_tui.sizes import human_duration
from runner.models import Hint, Job, JobState, to_dict

STATE_STYLE = {
    JobState.QUEUED: "yellow",
    JobState.PREPARING: "yellow",
    JobState.RUNNING: "cyan",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.STOPPED: "magenta",
    JobState.TIMED_OUT: "red",
    JobState.LOST: "red",
}
# Wide enough that nothing wraps into a pipe.
_PIPE_WIDTH = 10_000


def show_json(value: object) -> None:
    """`value`, a wire type or a list of them, as indented JSON."""
    click.echo(json.dumps(to_dict(value), indent=2))


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    right: Sequence[str] = (),
    cut: Sequence[str] = (),
    empty: str = "",
    stderr: bool = False,
) -> None:
    """Rows under small headings; `right` names columns of numbers, `empty` is said where there are no rows.

    With `stderr` it is a word to the person, and not what was asked for.

    On a terminal too narrow, the columns in `cut` give way, and the others stay whole. A cell is text or a (text,
    style) pair. Control characters of what others wrote never reach the terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    filled = list(rows)
    if not filled:
        click.echo(empty, err=True)
        return
    people = (sys.stderr if stderr else sys.stdout).isatty()
    if people:  # a script gets every column every time
        used = [any(_text(row[at]) for row in filled) for at in range(len(columns))]
        columns = [column for column, keep in zip(columns, used, strict=True) if keep]
        filled = [[cell for cell, keep in zip(row, used, strict=True) if keep] for row in filled]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        # Rich narrows first what may wrap; that a cell is cut and not wrapped is said in the cell.
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column not in cut)
    for row in filled:
        texts = [Text(printable(_text(cell)), _style(cell) if people else "") for cell in row]
        for text in texts:
            text.no_wrap, text.overflow = True, "ellipsis"
        table.add_row(*texts)
    Console(width=None if people else _PIPE_WIDTH, highlight=False, stderr=stderr).print(table)


def show_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Lines of a name and a value, the values aligned; empty values are left out."""
    filled = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in filled), default=0)
    for name, value in filled:
        click.echo(click.style(name.ljust(width + 2), dim=True) + printable(value))


def note(text: str) -> None:
    """A word to the person, on stderr: stdout is for what was asked for."""
    click.secho(printable(text), err=True, dim=True)


def printable(text: str) -> str:
    """`text` on one line, with no control characters and nothing that UTF-8 cannot carry."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "�" for char in text)


def hint_cells(hint: Hint) -> tuple[str, str]:
    """A hint's sentence, and the colour of its level."""
    return f"! {printable(hint.text)}", {"info": "cyan", "warning": "yellow", "critical": "red"}[hint.level]


def _text(cell: Any) -> str:
    return str(cell[0]) if isinstance(cell, tuple) else str(cell)


def _style(cell: Any) -> str:
    return cell[1] if isinstance(cell, tuple) else ""


def state_cell(state: JobState) -> tuple[str, str]:
    """A job's state in its colour."""
    return str(state), STATE_STYLE[state]


def age(moment: float) -> str:
    """How long ago `moment` (epoch seconds) was."""
    return human_duration(time.time() - moment)


def job_duration(job: Job) -> str:
    """How long a job ran, or has run so far."""
    if job.started_at is None:
        return ""
    return human_duration((job.ended_at or time.time()) - job.started_at)


def ending(job: Job) -> str:
    """How a job ended, in half a sentence: ``failed with exit code 3: reason``."""
    code = f" with exit code {job.exit_code}" if job.exit_code and job.state is JobState.FAILED else ""
    state = str(job.state).replace("_", " ")
    return f"{state}{code}" + (f": {job.reason}" if job.reason else "")


def metrics_text(job: Job) -> str:
    """The last value of each metric, short."""
    return "  ".join(f"{name} {value:.4g}" for name, value in job.metrics.items())
