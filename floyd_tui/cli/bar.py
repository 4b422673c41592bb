"""A progress bar on stderr, where somebody watches; nothing at all in a script."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from floyd_tui.cli.show import printable
from floyd_tui.sizes import human_duration, human_size

if TYPE_CHECKING:
    from rich.progress import Progress


class Standing(Protocol):
    """How far something is; a transfer's progress and a submission's stage both are this."""

    @property
    def done_files(self) -> int: ...
    @property
    def total_files(self) -> int: ...
    @property
    def done_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def eta_seconds(self) -> float | None: ...


# What is done sooner than this many seconds flashes no bar.
_DELAY = 0.3


class Bar:
    """Draws how far something is; what is said meanwhile goes above it. Where nobody watches, only says."""

    def __init__(self, watched: bool) -> None:
        self._progress: Progress | None = _progress() if watched else None
        self._task = self._progress.add_task("", total=None, figures="") if self._progress else None
        self._began = time.monotonic()

    def show(self, label: str, now: Standing) -> None:
        """Draw `label` and how far it is."""
        if self._progress is None or self._task is None:
            return
        total = now.total_bytes or None
        done = now.done_bytes if total else 0
        self._progress.update(self._task, description=label, total=total, completed=done, figures=figures(now))
        if time.monotonic() - self._began > _DELAY:
            self._progress.start()

    def say(self, text: str, style: str = "dim") -> None:
        """A line on stderr."""
        if self._progress is None:
            click.echo(printable(text), err=True)
            return
        from rich.text import Text

        self._progress.console.print(Text(printable(text), style))

    def close(self) -> None:
        """Take the bar away."""
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

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return Progress(*columns, console=console, transient=True)


def figures(now: Standing) -> str:
    """How far something is, in numbers."""
    of_files = f" of {now.total_files:,}" if now.total_files else ""
    parts = (
        f"{human_size(now.done_bytes)} of {human_size(now.total_bytes)}" if now.total_bytes else "",
        f"{now.done_files:,}{of_files} files" if now.done_files or now.total_files else "",
        f"{human_size(now.rate)}/s" if now.rate else "",
        f"{human_duration(now.eta_seconds)} left" if now.eta_seconds else "",
    )
    return " · ".join(part for part in parts if part)
