"""The row of a screen's tabs with their keys; on the right a few words on what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

# Cells between two tabs.
_BETWEEN = 3


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: the id of its pane, its key and its title."""

    id: str
    key: str
    title: str


class TabLabel(Static):
    """One tab: its key and title."""

    def __init__(self, tab: Tab) -> None:
        super().__init__(classes="tab")
        self.tab = tab
        self.show_title(True)

    def show_title(self, shown: bool) -> None:
        """Show the title beside the key, or the key alone."""
        self.update(Content.assemble((self.tab.key, "$key"), f" {self.tab.title}" if shown else ""))

    def on_click(self) -> None:
        """Choose this tab."""
        self.post_message(TabRow.Chosen(self.tab.id))


class TabRow(Horizontal):
    """One line of tabs; the present one is bright. Clicking one posts `Chosen`.

    Where there is no room for all titles, only the present one's is told, and the others are their keys.
    """

    DEFAULT_CSS = """
    TabRow {
        height: 1;
        padding: 0 1;
        background: $panel;
        & > .tab { width: auto; color: $dim; margin-right: 3; pointer: pointer; }
        &.-tight > .tab { margin-right: 1; }
        & > .tab:hover { color: $foreground; }
        & > .tab.-current { color: $foreground; text-style: bold; }
        & > #tab-summary { width: 1fr; text-align: right; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    @dataclass
    class Chosen(Message):
        """The tab with this id was clicked."""

        tab: str

    current: reactive[str] = reactive("")
    summary: reactive[Content] = reactive(Content(""))

    def __init__(self, tabs: Sequence[Tab], current: str) -> None:
        super().__init__()
        self.tabs = tuple(tabs)
        self.set_reactive(TabRow.current, current)

    def compose(self) -> ComposeResult:
        for tab in self.tabs:
            label = TabLabel(tab)
            label.set_class(tab.id == self.current, "-current")
            yield label
        yield Static(id="tab-summary")

    def watch_current(self) -> None:
        """The present tab is bright."""
        for label in self.query(TabLabel):
            label.set_class(label.tab.id == self.current, "-current")
        self._draw_titles()

    def on_resize(self, event: Resize) -> None:
        """There is room for all titles, or not."""
        needed = sum(len(tab.key) + 1 + len(tab.title) + _BETWEEN for tab in self.tabs) - 1
        self.set_class(needed > event.size.width, "-tight")
        self._draw_titles()

    def _draw_titles(self) -> None:
        tight = self.has_class("-tight")
        for label in self.query(TabLabel):
            label.show_title(not tight or label.tab.id == self.current)

    def watch_summary(self, summary: Content) -> None:
        """Show what the screen has to say."""
        for place in self.query("#tab-summary").results(Static):
            place.update(summary)

    def neighbour(self, step: int) -> str:
        """The id of the tab `step` places on, around the ends."""
        ids = [tab.id for tab in self.tabs]
        return ids[(ids.index(self.current) + step) % len(ids)]
