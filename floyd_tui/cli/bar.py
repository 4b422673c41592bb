"""A progress bar on stderr, where somebody watches; nothing at all in a script."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from floyd_tui.project.sizes import human_duration, human_size


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


Show = Callable[[str, Standing], None]


@contextmanager
def bar_shown() -> Iterator[Show]:
    """A function that draws a label and how far it is; the bar is gone at the end."""
    if not sys.stderr.isatty():
        yield lambda label, standing: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Looking", total=None, figures="")

        def show(label: str, now: Standing) -> None:
            total = now.total_bytes or None
            progress.update(
                task, description=label, total=total, completed=now.done_bytes if total else 0, figures=figures(now)
            )

        yield show


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
