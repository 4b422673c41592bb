"""Uploading a folder as a dataset's next version, with progress, to be stopped at any moment."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input
from textual.worker import get_current_worker

from floyd_tui.client.protocol import Link
from floyd_tui.project.run import Stage, upload_dataset
from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.screens.goes_up import GoesUpScreen
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.path_input import PathInput
from floyd_tui.widgets.upload_panel import UploadPanel
from runner.models import AddedVersion


class UploadDialog(FormDialog[AddedVersion]):
    """Asks for folder, dataset and message; dismisses with the version, or with None."""

    AUTO_FOCUS = "#folder"
    QUESTION = "Upload a folder as a dataset"
    GO = "Upload"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g", "goes_up", "What goes up", id="data.goes-up", tooltip="What goes up, what stays, by size"),
    ]

    def __init__(self, link: Link, dataset: str = "", folder: Path | None = None) -> None:
        super().__init__()
        self._link, self._dataset, self._folder = link, dataset, folder

    def compose_fields(self) -> ComposeResult:
        folder = str(self._folder) if self._folder else ""
        where = PathInput(folder, placeholder="a folder here, such as ~/data/digits", id="folder")
        yield FormField("Folder", where, id="field-folder")
        for label, key, value, placeholder in (
            ("Dataset", "name", self._dataset, "its name; there already: the next version"),
            ("Message", "message", "", "what is new in this version"),
        ):
            yield FormField(label, Input(value, placeholder=placeholder, compact=True, id=key), id=f"field-{key}")

    def compose_progress(self) -> ComposeResult:
        yield UploadPanel()

    def check(self) -> dict[str, str]:
        """A folder that is here, and a name."""
        return {"folder": self._folder_trouble(), "name": self.name_trouble("name")}

    async def send(self) -> AddedVersion:
        """Send the folder; stopped, what was sent is kept for the next time."""
        worker, panel = get_current_worker(), self.query_one(UploadPanel)

        def tell(stage: Stage) -> None:
            if not worker.is_cancelled:
                panel.show_stage(stage)

        try:
            return await upload_dataset(self._link, self._place, self.text("name"), self.text("message"), tell)
        finally:
            if self.is_attached:
                panel.update("")

    @property
    def _place(self) -> Path:
        return Path(self.text("folder")).expanduser()

    def _folder_trouble(self) -> str:
        there = bool(self.text("folder")) and self._place.is_dir()
        return "" if there else f"{self.text('folder') or 'Nothing'} is not a folder here."

    def action_goes_up(self) -> None:
        """What goes up and what stays, path by path."""
        wrong = self._folder_trouble()
        self.show_wrong({"folder": wrong})
        if not wrong and not self.sending:
            self.app.push_screen(GoesUpScreen(self._place.resolve(), "data"))

    def action_leave(self) -> None:
        """Stop the sending; with nothing being sent, leave."""
        if self.sending:
            self.stop()
            self.trouble("Stopped. What was sent is kept for the next time; no version was made.")
        else:
            super().action_leave()
