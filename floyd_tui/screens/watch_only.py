"""Asks which files' changes a watch is to run on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Static

from floyd_tui.project.watch_wishes import patterns
from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.widgets.form_field import FormField


class OnlyDialog(FormDialog[tuple[str, ...]]):
    """Dismisses with patterns; none stands for all that goes up."""

    GO: ClassVar[str] = "Watch"
    AUTO_FOCUS = "#only"

    def __init__(self, only: tuple[str, ...]) -> None:
        super().__init__()
        self._only = only

    def compose_fields(self) -> ComposeResult:
        field = Input(" ".join(self._only), placeholder="empty: all that goes up", compact=True, id="only")
        yield FormField("Run on changes of, as in .floydignore: *.py src/", field, id="field-only")

    def on_mount(self) -> None:
        self.query_one("#question", Static).update("Which changes start a run?")

    def check(self) -> dict[str, str]:
        """Each has to be a pattern."""
        try:
            patterns(self.text("only"))
        except ValueError as error:
            return {"only": str(error)}
        return {"only": ""}

    async def send(self) -> tuple[str, ...]:
        """The patterns."""
        return patterns(self.text("only"))
