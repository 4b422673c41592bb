"""The line that opens under a list at `/`: type, see the list shrink, Enter to go on in it, Esc to have all again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static


class FilterBar(Horizontal):
    """An input for filters, hidden while there is none."""

    DEFAULT_CSS = """
    FilterBar {
        display: none;
        height: 1;
        background: $panel;
        padding: 0 1;
        &.-open { display: block; }
        & > #slash { width: 2; color: $key; }
        & > Input { width: 1fr; height: 1; background: $panel; border: none; padding: 0; }
        & > Input:focus { background-tint: transparent; border: none; }
        & > #found { width: auto; max-width: 75%; color: $dim; margin-left: 1; text-wrap: nowrap; }
        & > #found.-wrong { color: $bad; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Clear filter", id="filter.clear", tooltip="Show everything again"),
        Binding("down", "leave", "To the list", show=False, id="filter.down", tooltip="Go on in the list"),
    ]

    @dataclass
    class Changed(Message):
        """The filter is `text` now."""

        text: str

    @dataclass
    class Left(Message):
        """The person is done typing and wants the list."""

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        yield Static("/", id="slash")
        yield Input(placeholder=self._placeholder, compact=True)
        yield Static(id="found")

    @property
    def text(self) -> str:
        """The filter as typed; empty shows everything."""
        return self.query_one(Input).value if self.has_class("-open") else ""

    def open(self) -> None:
        """Show the line and type into it."""
        self.add_class("-open")
        self.query_one(Input).focus()

    def found(self, shown: int, of: int) -> None:
        """Say how many of all pass."""
        found = self.query_one("#found", Static)
        found.remove_class("-wrong")
        found.update(f"{shown:,} of {of:,}")

    def wrong(self, why: str) -> None:
        """Say why what is typed cannot be meant."""
        found = self.query_one("#found", Static)
        found.add_class("-wrong")
        found.update(Content(why))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """To the list, with the filter kept; an empty one closes."""
        if not self.text:
            self.remove_class("-open")
        self.post_message(self.Left())

    def action_close(self) -> None:
        """No filter any more."""
        self.query_one(Input).value = ""
        self.remove_class("-open")
        self.post_message(self.Changed(""))
        self.post_message(self.Left())
