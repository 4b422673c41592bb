"""A dialog with a few fields and one thing to do with them: asked of the host, refused in a sentence or done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.format import plain
from runner.models import BadName, check_name

Made = TypeVar("Made")


class FormDialog(ModalScreen["Made | None"], ErrorFunnel["Made | None"], Generic[Made]):
    """Dismisses with what `send` returns, or with None; `QUESTION` is above the fields, `GO` on the button."""

    CSS_PATH = "dialog.tcss"
    QUESTION: ClassVar[str] = ""
    GO: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "send", "Send", id="form.send", priority=True, tooltip="Do it, with what the fields say"),
        Binding("escape", "leave", "Leave", id="form.leave", tooltip="Leave, or stop what goes on"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._worker: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(self.QUESTION, id="question", markup=False)
            with Vertical(id="fields"):
                yield from self.compose_fields()
            yield from self.compose_progress()
            yield Static(classes="wrong", id="trouble", markup=False)
            with Horizontal(id="answers"):
                yield Button("Leave", id="leave", compact=True)
                yield Button(self.GO, id="go", compact=True, variant="primary")

    def compose_fields(self) -> ComposeResult:
        """The fields: `FormField`s whose ids are ``field-`` and their control's."""
        yield from ()

    def compose_progress(self) -> ComposeResult:
        """What stands below the fields and says how far it is, where it takes long."""
        yield from ()

    def check(self) -> dict[str, str]:
        """A sentence for each field that cannot be right, by the control's id; empty where it can."""
        return {}

    async def send(self) -> Made:
        """Do it; raises `FloydError`, which is shown."""
        raise NotImplementedError

    def text(self, key: str) -> str:
        """What is typed in a field."""
        return self.query_one(f"#{key}", Input).value.strip()

    def name_trouble(self, key: str) -> str:
        """What is wrong with the name of a dataset in a field; empty for nothing."""
        try:
            check_name(self.text(key), "dataset name")
        except BadName as error:
            return str(error)
        return ""

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input is list(self.query(Input))[-1]:
            self.action_send()
        else:
            self.focus_next()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "go":
            self.action_send()
        else:
            self.action_leave()

    def action_send(self) -> None:
        """Do it, if the fields can be right and it is not being done already."""
        if self.sending:
            return
        wrong = self.check()
        self.show_wrong(wrong)
        if not any(wrong.values()):
            self._worker = self._send()

    @property
    def sending(self) -> bool:
        """Whether it is being done just now."""
        return self._worker is not None and self._worker.is_running

    def stop(self) -> None:
        """Break off what is being done."""
        if self._worker is not None:
            self._worker.cancel()

    def show_wrong(self, wrong: Mapping[str, str]) -> None:
        """Say below each of these fields what is wrong with it; an empty sentence takes it back."""
        for key, sentence in wrong.items():
            self.query_one(f"#field-{key}", FormField).wrong(sentence)

    @work(exclusive=True, group="send", exit_on_error=False)
    async def _send(self) -> None:
        self.trouble("")
        self.query_one("#fields").disabled = True
        try:
            self.dismiss(await self.send())
        except FloydError as error:
            self.trouble(str(error))
        finally:
            if self.is_attached:
                self.query_one("#fields").disabled = False

    def trouble(self, sentence: str) -> None:
        """Show what went wrong; empty for nothing."""
        label = self.query_one("#trouble", Static)
        label.update(plain(sentence))
        label.set_class(bool(sentence), "-shown")

    def action_leave(self) -> None:
        """Do nothing."""
        self.dismiss(None)
