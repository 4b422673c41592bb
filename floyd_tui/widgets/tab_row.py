"""The row of a screen's tabs with their keys; on the right a few words on what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from floyd_tui.widgets.line import Line

# Cells between two tabs, and where there is little room.
_BETWEEN = 3
_BETWEEN_TIGHT = 1


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
    urgent: reactive[bool] = reactive(False)
    """Whether the summary is to be seen even if titles have to go."""

    def __init__(self, tabs: Sequence[Tab], current: str) -> None:
        super().__init__()
        self.tabs = tuple(tabs)
        self.set_reactive(TabRow.current, current)

    def compose(self) -> ComposeResult:
        for tab in self.tabs:
            label = TabLabel(tab)
            label.set_class(tab.id == self.current, "-current")
            yield label
        yield Line(id="tab-summary")

    def watch_current(self) -> None:
        """The present tab is bright."""
        for label in self.query(TabLabel):
            label.set_class(label.tab.id == self.current, "-current")
        self._draw_titles()

    def watch_summary(self) -> None:
        """Show what the screen has to say."""
        self._fit()

    def on_resize(self) -> None:
        """There is room for all titles, or not."""
        self._fit()

    def _fit(self) -> None:
        said = self.summary.cell_length if self.urgent else 0
        tight = self._needed(self.tabs) + said > self.size.width
        if tight != self.has_class("-tight"):
            self.set_class(tight, "-tight")
            self._draw_titles()
        else:
            self._draw_summary()

    def _needed(self, titled: Iterable[Tab], between: int = _BETWEEN) -> int:
        """Cells that the tabs take, those in `titled` with their titles."""
        titles = sum(1 + len(tab.title) for tab in titled)
        return sum(len(tab.key) + between for tab in self.tabs) + titles

    def _draw_titles(self) -> None:
        tight = self.has_class("-tight")
        for label in self.query(TabLabel):
            label.show_title(not tight or label.tab.id == self.current)
        self._draw_summary()

    def _draw_summary(self) -> None:
        """What is said beside the tabs, where there is room for all of it: half a figure would mislead."""
        if self.has_class("-tight"):
            taken = self._needed((tab for tab in self.tabs if tab.id == self.current), _BETWEEN_TIGHT)
        else:
            taken = self._needed(self.tabs)
        fits = self.summary.cell_length <= self.size.width - taken
        for place in self.query("#tab-summary").results(Line):
            place.update(self.summary if fits else Content(""))

    def neighbour(self, step: int) -> str:
        """The id of the tab `step` places on, around the ends."""
        ids = [tab.id for tab in self.tabs]
        return ids[(ids.index(self.current) + step) % len(ids)]
