"""The jobs that a launch makes, before they are: looked at, and launched or not."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from floyd_tui.project.sweep import said_values
from floyd_tui.screens.confirm import Dialog
from floyd_tui.widgets.format import count, plain
from floyd_tui.widgets.paint import Paint
from runner.models import Launch


class SweepDialog(Dialog):
    """Dismisses with whether to launch them."""

    def __init__(self, launches: Sequence[Launch]) -> None:
        super().__init__(f"This makes {count(len(launches), 'job')}", yes="Launch them", no="Not yet", harmless=True)
        self._launches = launches

    def compose_detail(self) -> ComposeResult:
        """A line a job."""
        paint, table = Paint.of(self.app), Table.grid(padding=(0, 2))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for number, launch in enumerate(self._launches, 1):
            table.add_row(
                paint(str(number), "dim"), plain(said_values(launch.values)), paint(plain(launch.command), "dim")
            )
        with VerticalScroll(id="swept"):
            yield Static(table)
