"""Questions before what cannot be undone: a sentence, what it means, and No focused."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from floyd_tui.widgets.format import plain


class Dialog(ModalScreen[bool]):
    """A question with two answers; Esc is No, and No has the focus unless the answer harms nothing."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No", id="dialog.no", tooltip="Leave everything as it is"),
        Binding("y", "answer(True)", "Yes", id="dialog.yes", tooltip="Do it"),
        Binding("left,h", "app.focus_previous", "Left", show=False, id="dialog.left", tooltip="The other answer"),
        Binding("right,l", "app.focus_next", "Right", show=False, id="dialog.right", tooltip="The other answer"),
    ]

    def __init__(
        self, question: str, text: str = "", *, yes: str = "Yes", no: str = "No", harmless: bool = False
    ) -> None:
        super().__init__()
        self._question, self._text, self._yes, self._no, self._harmless = question, text, yes, no, harmless

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(plain(self._question), id="question", markup=False)
            yield from self.compose_detail()
            with Horizontal(id="answers"):
                yield Button(self._no, id="no", compact=True)
                yield Button(self._yes, id="yes", compact=True, variant="primary" if self._harmless else "error")

    def compose_detail(self) -> ComposeResult:
        """What stands between the question and the answers."""
        if self._text:
            yield Static(self._text, id="detail", markup=False)

    def on_mount(self) -> None:
        self.query_one("#yes" if self._harmless else "#no", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer by key."""
        self.dismiss(answer)


class Confirm(Dialog):
    """`Dialog` for what destroys or stops something: `question` names it, `text` says what is lost and what stays."""
