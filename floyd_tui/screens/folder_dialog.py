"""Asks for a folder here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.format import plain
from floyd_tui.widgets.path_input import PathInput


class FolderDialog(FormDialog[Path]):
    """Dismisses with a folder that is there; `suggested` stands in the field."""

    GO: ClassVar[str] = "Compare"
    AUTO_FOCUS = "#folder"

    def __init__(self, question: str, suggested: Path) -> None:
        super().__init__()
        self._question, self._suggested = question, suggested

    def compose_fields(self) -> ComposeResult:
        field = PathInput(str(self._suggested), placeholder="a folder here; Tab completes", id="folder")
        yield FormField("Folder", field, id="field-folder")

    def on_mount(self) -> None:
        self.query_one("#question", Static).update(plain(self._question))

    @property
    def folder(self) -> Path:
        """The folder that is typed."""
        return Path(self.text("folder")).expanduser()

    def check(self) -> dict[str, str]:
        """It has to be there."""
        there = bool(self.text("folder")) and self.folder.is_dir()
        return {"folder": "" if there else "There is no such folder here. Tab completes a name."}

    async def send(self) -> Path:
        """The folder, in full."""
        return self.folder.absolute()
