"""What was said in the corner and has gone again: the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from floyd_tui.widgets import format as fmt

COLORS = {"error": "$bad", "warning": "$warn"}


@dataclass(frozen=True, slots=True)
class Said:
    """A toast: when it was shown (epoch seconds), and what it said."""

    at: float
    title: str
    text: str
    severity: str


class MessagesScreen(ModalScreen[None]):
    """The toasts of this session, each with its age."""

    CSS_PATH = ["dialog.tcss", "messages.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#messages"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+e", "dismiss", "Close", id="messages.close", tooltip="Back to where you were"),
    ]

    def __init__(self, messages: Sequence[Said]) -> None:
        super().__init__()
        self._messages = messages

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("Messages", id="question")
            with VerticalScroll(id="messages"):
                yield Static(Content("\n").join(self._lines()), id="said")

    def _lines(self) -> list[Content]:
        if not self._messages:
            return [Content("Nothing was said yet. What comes up in the corner is kept here."), Content("Esc closes.")]
        now = fmt.now(self)
        return [
            Content.assemble(
                (f"{fmt.age(one.at, now):>4}  ", "$dim"),
                (f"{one.title}  " if one.title else "", f"bold {COLORS.get(one.severity, '$foreground')}"),
                " ".join(one.text.split()),
            )
            for one in reversed(self._messages)
        ]
