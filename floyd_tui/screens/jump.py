"""Jump mode: a letter over each tab, page, pane and field; pressing one goes there."""

from __future__ import annotations

from inspect import isawaitable
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from floyd_tui.screens.page import PageName
from floyd_tui.widgets.tab_row import TabLabel

# Those under the fingers first.
LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class JumpLabel(Static):
    """One letter, where it leads to."""

    def __init__(self, letter: str, at: Offset) -> None:
        super().__init__(f" {letter} ", classes="jump", markup=False)
        self.styles.offset = at


class JumpScreen(ModalScreen[None]):
    """Letters over what `below` shows; any other key leaves."""

    CSS_PATH = "jump.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Leave", id="jump.leave", tooltip="Stay where you were"),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self.targets = dict(zip(LETTERS, _targets(below), strict=False))

    def compose(self) -> ComposeResult:
        taken = set[Offset]()
        for letter, widget in self.targets.items():
            at = _corner(widget)
            while at in taken:  # a field and what holds it begin in one place
                at += Offset(3, 0)
            taken.add(at)
            yield JumpLabel(letter, at)

    async def on_key(self, event: events.Key) -> None:
        """Go there."""
        event.stop()
        widget = self.targets.get(event.key)
        self.dismiss()
        if isinstance(widget, PageName | TabLabel):
            clicked = widget.on_click()
            if isawaitable(clicked):
                await clicked
        elif widget is not None:
            widget.focus()

    def on_click(self) -> None:
        """Leave."""
        self.dismiss()


def _targets(screen: Screen[Any]) -> list[Widget]:
    """What can be gone to on `screen`, from the top left on, as far as it is to be seen."""
    clickable = [widget for widget in screen.query("PageName, TabLabel") if isinstance(widget, PageName | TabLabel)]
    found = [*clickable, *screen.focus_chain]
    seen = [widget for widget in found if widget.region and screen.region.contains_point(_corner(widget))]
    return sorted(seen, key=lambda widget: (widget.region.y, widget.region.x))


def _corner(widget: Widget) -> Offset:
    return widget.content_region.offset
