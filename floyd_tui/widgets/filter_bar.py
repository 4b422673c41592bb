"""The line that opens under a list at `/`: type, see the list shrink, Enter to go on in it, Esc to have all again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from floyd_tui.widgets.filter_hints import FilterHints


class FilterInput(Input):
    """`Input` in which Tab takes the completion, and goes on to the list where there is none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", show=False, id="filter.complete", tooltip="Take the completion"),
    ]

    async def action_complete(self) -> None:
        """Take the completion, or go on to the list."""
        if self._suggestion:
            self.cursor_position = len(self.value)
            self.action_cursor_right()
        else:
            await self.action_submit()


class FilterBar(Vertical):
    """An input for filters, hidden while there is none; with `hints` it completes, and has a line of help below."""

    DEFAULT_CSS = """
    FilterBar {
        display: none;
        height: auto;
        background: $panel;
        padding: 0 1;
        &.-open { display: block; }
        & > Horizontal { height: 1; }
        & #slash { width: 2; color: $key; }
        & Input { width: 1fr; height: 1; background: $panel; border: none; padding: 0; }
        & Input:focus { background-tint: transparent; border: none; }
        & #found { width: auto; max-width: 75%; color: $dim; margin-left: 1; text-wrap: nowrap; }
        & #help { display: none; height: 1; padding-left: 2; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-typing > #help.-hints { display: block; }
        & > #help.-wrong { display: block; color: $bad; }
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

    def __init__(self, placeholder: str = "", hints: FilterHints | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._placeholder, self._hints = placeholder, hints

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", id="slash")
            yield FilterInput(placeholder=self._placeholder, compact=True, suggester=self._hints)
            yield Static(id="found")
        yield Static(id="help", classes="-hints" if self._hints else "", markup=False)

    @property
    def text(self) -> str:
        """The filter as typed; empty shows everything."""
        return self.query_one(Input).value if self.has_class("-open") else ""

    def on_descendant_focus(self) -> None:
        """While one types there is a line of help."""
        self.add_class("-typing")

    def on_descendant_blur(self) -> None:
        """In the list there is room for one more row."""
        self.remove_class("-typing")

    def open(self) -> None:
        """Show the line and type into it."""
        self.add_class("-open")
        self._help()
        self.query_one(Input).focus()

    def found(self, shown: int, of: int) -> None:
        """Say how many of all pass."""
        self.query_one("#found", Static).update(f"{shown:,} of {of:,}")
        self._help()

    def _help(self) -> None:
        """Say what may be typed next."""
        self._say(self._hints.help(self.text) if self._hints and self.has_class("-open") else "")

    def wrong(self, why: str) -> None:
        """Say why what is typed cannot be meant."""
        self._say(why, wrong=True)

    def _say(self, words: str, wrong: bool = False) -> None:
        said = self.query_one("#help", Static)
        said.set_class(wrong, "-wrong")
        said.update(words)

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
