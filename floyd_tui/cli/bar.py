"""How far something is, on stderr: a bar where somebody watches, a line now and then in a script."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from floyd_tui.cli.show import note, printable
from floyd_tui.standing import Standing, figures, fitted

if TYPE_CHECKING:
    from rich.progress import Progress


# What is done sooner than this many seconds flashes no bar.
_DELAY = 0.3
# In a script, seconds until the first line, and how much longer than all before it takes until each next one.
_FIRST_LINE, _LONGER = 5.0, 1.5
# A bar narrower than this tells little; figures give way to it.
_BAR = 10


class Bar:
    """Draws how far something is; what is said meanwhile goes above it. Where nobody watches, lines become rare."""

    def __init__(self, watched: bool) -> None:
        self._progress: Progress | None = _progress() if watched else None
        self._task = self._progress.add_task("", total=None, figures="") if self._progress else None
        self._began = time.monotonic()
        self._next_line = _FIRST_LINE

    def show(self, label: str, now: Standing) -> None:
        """Draw `label` and how far it is."""
        if self._progress is None or self._task is None:
            self._line(label, " · ".join(figures(now)))
            return
        total = now.total_bytes or None
        done = now.done_bytes if total else 0
        words = fitted(figures(now), self._progress.console.width - len(label) - _BAR - 3)
        self._progress.update(self._task, description=label, total=total, completed=done, figures=words)
        self._appear()

    def show_share(self, label: str, done: int, total: int, words: str = "") -> None:
        """Draw `label` and that `done` of `total` steps are done (0: nobody knows), `words` beside it."""
        if self._progress is None or self._task is None:
            self._line(label, words)
            return
        self._progress.update(self._task, description=label, total=total or None, completed=done, figures=words)
        self._appear()

    def _appear(self) -> None:
        if self._progress is not None and time.monotonic() - self._began > _DELAY:
            self._progress.start()

    def _line(self, label: str, words: str) -> None:
        passed = time.monotonic() - self._began
        if passed >= self._next_line:
            self._next_line = passed * _LONGER
            note(f"{label}: {words}".rstrip(": "))

    def say(self, text: str, style: str = "dim") -> None:
        """A line on stderr."""
        if self._progress is None:
            click.echo(printable(text), err=True)
            return
        from rich.text import Text

        self._progress.console.print(Text(printable(text), style))

    def close(self) -> None:
        """Take the bar away; the next `show` brings it back."""
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def bar_shown() -> Iterator[Bar]:
    """A bar that is gone at the end."""
    bar = Bar(watched=sys.stderr.isatty())
    try:
        yield bar
    finally:
        bar.close()


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[figures]}"))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return Progress(*columns, console=console, transient=True, expand=True)
