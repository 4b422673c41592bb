"""Uploading a folder as a dataset's next version, with progress, to be stopped at any moment."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static
from textual.worker import Worker, get_current_worker

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.project.run import Stage, upload_dataset
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.goes_up import GoesUpScreen
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.format import plain
from floyd_tui.widgets.path_input import PathInput
from floyd_tui.widgets.upload_panel import UploadPanel
from runner.models import AddedVersion, BadName, check_name


class UploadDialog(ErrorFunnel[AddedVersion | None], ModalScreen[AddedVersion | None]):
    """Asks for folder, dataset and message; dismisses with the version, or with None."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "#folder"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "upload", "Upload", id="data.send", priority=True, tooltip="Send it"),
        Binding("ctrl+g", "goes_up", "What goes up", id="data.goes-up", tooltip="What goes up, what stays, by size"),
        Binding("escape", "leave", "Leave", id="data.leave", tooltip="Stop sending, or leave"),
    ]

    def __init__(self, link: Link, dataset: str = "", folder: Path | None = None) -> None:
        super().__init__()
        self._link, self._dataset, self._folder = link, dataset, folder
        self._sending: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        folder = str(self._folder) if self._folder else ""
        with Vertical(id="dialog"):
            yield Static("Upload a folder as a dataset", id="question")
            with Vertical(id="fields"):
                where = PathInput(folder, placeholder="a folder here, such as ~/data/digits", id="folder")
                yield FormField("Folder", where, id="field-folder")
                for label, key, value, placeholder in (
                    ("Dataset", "name", self._dataset, "its name; there already: the next version"),
                    ("Message", "message", "", "what is new in this version"),
                ):
                    control = Input(value, placeholder=placeholder, compact=True, id=key)
                    yield FormField(label, control, id=f"field-{key}")
            yield UploadPanel()
            yield Static(classes="wrong", id="trouble", markup=False)
            with Horizontal(id="answers"):
                yield Button("Leave", id="leave", compact=True)
                yield Button("Upload", id="go", compact=True, variant="primary")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "message":
            self.action_upload()
        else:
            self.focus_next()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "go":
            self.action_upload()
        else:
            self.action_leave()

    def action_upload(self) -> None:
        """Send the folder, if the fields can be right."""
        if self._sending and self._sending.is_running:
            return
        folder, name, wrong = self._folder_typed(), self._text("name"), ""
        try:
            check_name(name, "dataset name")
        except BadName as error:
            wrong = str(error)
        self.query_one("#field-name", FormField).wrong(wrong)
        if folder and not wrong:
            self._sending = self._send(folder, name, self._text("message"))

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @work(exclusive=True, group="send", exit_on_error=False)
    async def _send(self, folder: Path, name: str, message: str) -> None:
        worker, panel = get_current_worker(), self.query_one(UploadPanel)

        def tell(stage: Stage) -> None:
            if not worker.is_cancelled:
                panel.show_stage(stage)

        self._trouble("")
        self.query_one("#fields").disabled = True
        try:
            added = await upload_dataset(self._link, folder, name, message, tell)
        except FloydError as error:
            self._trouble(str(error))
        else:
            self.dismiss(added)
            return
        finally:
            if self.is_attached:
                self.query_one("#fields").disabled = False
                panel.update("")

    def _trouble(self, sentence: str) -> None:
        label = self.query_one("#trouble", Static)
        label.update(plain(sentence))
        label.set_class(bool(sentence), "-shown")

    def action_goes_up(self) -> None:
        """What goes up and what stays, path by path."""
        folder = self._folder_typed()
        if folder and not (self._sending and self._sending.is_running):
            self.app.push_screen(GoesUpScreen(folder.resolve(), "data"))

    def _folder_typed(self) -> Path | None:
        """The folder, if there is one by that name; a sentence below the field says so otherwise."""
        text = self._text("folder")
        folder = Path(text).expanduser()
        there = bool(text) and folder.is_dir()
        wrong = "" if there else f"{text or 'Nothing'} is not a folder here."
        self.query_one("#field-folder", FormField).wrong(wrong)
        return folder if there else None

    def action_leave(self) -> None:
        """Stop the sending; with nothing being sent, leave."""
        if self._sending and self._sending.is_running:
            self._sending.cancel()
            self._trouble("Stopped. What was sent is kept for the next time; no version was made.")
        else:
            self.dismiss(None)
