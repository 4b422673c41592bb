"""A list whose lines are ticked: by Space, Enter or the mouse, and seen without colours too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import OptionList

# Textual's own list of this kind shows by colour alone what is ticked.
_TICKED, _OPEN = "[x] ", "[ ] "


class TickList(OptionList):
    """Lines to tick; `ticked` are the numbers of those that are."""

    DEFAULT_CSS = "TickList { border: none; padding: 0; height: auto; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Tick", id="ticks.tick", tooltip="Tick the line, or take that back"),
        Binding("j", "cursor_down", "Down", show=False, id="ticks.down", tooltip="The next line"),
        Binding("k", "cursor_up", "Up", show=False, id="ticks.up", tooltip="The line before"),
    ]

    def __init__(self, lines: Sequence[Text], *, ticked: Iterable[int] = (), id: str | None = None) -> None:
        self._texts, self.ticked = tuple(lines), set(ticked)
        signs = (_TICKED if at in self.ticked else _OPEN for at in range(len(lines)))
        super().__init__(*map(Text.assemble, signs, lines), id=id, compact=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tick the line, or take that back."""
        event.stop()
        self.ticked ^= {event.option_index}
        sign = _TICKED if event.option_index in self.ticked else _OPEN
        self.replace_option_prompt_at_index(event.option_index, Text.assemble(sign, self._texts[event.option_index]))
