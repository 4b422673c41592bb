"""What commands print: JSON for programs, tables for people, plain columns into a pipe."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

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
# Rows that are laid out at once on a terminal: one that is given a million begins to write soon, too.
_SLAB = 1_000
_GAP = 2


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
    filled = list(rows)
    if not filled:
        click.echo(empty, err=True)
    elif (sys.stderr if stderr else sys.stdout).isatty():
        _show_to_people(columns, filled, right, cut, stderr)
    else:  # a script gets every column every time
        _show_plain(columns, filled, right, stderr)


def _show_plain(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str], stderr: bool) -> None:
    """Columns below each other, as wide as they have to be, and no line longer than what is on it."""
    from rich.cells import cell_len

    lines = [columns, *([printable(_text(cell)) for cell in row] for row in rows)]
    widths = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        blanks = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = [
            blank + cell if column in right else cell + blank
            for column, cell, blank in zip(columns, line, blanks, strict=True)
        ]
        click.echo((" " * _GAP).join(cells).rstrip(), err=stderr)


def _show_to_people(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str], cut: Sequence[str], stderr: bool
) -> None:
    """The same in colours, without columns that are empty, and cut where the terminal is too narrow."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    used = [any(_text(row[at]) for row in rows) for at in range(len(columns))]
    columns = [column for column, keep in zip(columns, used, strict=True) if keep]
    console = Console(highlight=False, stderr=stderr)
    widths = _fixed(columns, rows, used, cut, console.width) if len(rows) > _SLAB else [None] * len(columns)
    for start in range(0, len(rows), _SLAB):
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0), show_header=not start)
        for column, width in zip(columns, widths, strict=True):
            # Rich narrows first what may wrap; that a cell is cut and not wrapped is said in the cell.
            side: Literal["left", "right"] = "right" if column in right else "left"
            table.add_column(column, justify=side, no_wrap=column not in cut, width=width)
        for row in rows[start : start + _SLAB]:
            texts = [Text(printable(_text(cell)), _style(cell)) for cell, keep in zip(row, used, strict=True) if keep]
            for text in texts:
                text.no_wrap, text.overflow = True, "ellipsis"
            table.add_row(*texts)
        console.print(table)


def _fixed(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], used: Sequence[bool], cut: Sequence[str], room: int
) -> list[int | None]:
    """Widths that are right for all rows: those in `cut` share what the others leave of `room`."""
    from rich.cells import cell_len

    asked = [max(cell_len(printable(_text(row[at]))) for row in rows) for at, keep in enumerate(used) if keep]
    asked = [max(width, len(column)) for width, column in zip(asked, columns, strict=True)]
    giving = sum(column in cut for column in columns)
    rest = sum(width for width, column in zip(asked, columns, strict=True) if column not in cut)
    share = max(8, (room - rest - _GAP * len(columns)) // giving) if giving else 0
    return [min(width, share) if column in cut else width for width, column in zip(asked, columns, strict=True)]


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
