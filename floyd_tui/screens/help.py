"""All keys of a screen, made from the bindings themselves, so that it cannot be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from floyd_tui.widgets.paint import Paint, Painted

# Groups of keys by the first word of their id, in the order that help shows them.
GROUPS = {
    "job": "Jobs",
    "launch": "Launching",
    "data": "Datasets",
    "host": "Hosts",
    "log": "Log",
    "list": "Lists",
    "table": "Moving",
    "page": "Pages",
    "app": "Everywhere",
}
OTHER = "Here"


@dataclass(frozen=True, slots=True)
class Key:
    """A line of help: the keys, what they do in a word and in a sentence, and whether they can do it now."""

    group: str
    keys: str
    title: str
    text: str
    enabled: bool


def keys_of(screen: Screen[Any]) -> list[Key]:
    """The keys of `screen` that have an id, one line an action, in the order of `GROUPS`.

    Also those that its row of keys leaves out, since they could do nothing right now.
    """
    app, lines = screen.app, dict[str, Key]()
    active = [(one.binding, one.enabled) for one in screen.active_bindings.values()]
    shown = {binding.id for binding, _ in active}
    hidden = [one for each in screen._bindings.key_to_bindings.values() for one in each if one.id not in shown]
    for binding, enabled in (*active, *((one, False) for one in hidden)):
        if not binding.id or not binding.description:
            continue
        display = app.get_key_display(binding)
        old = lines.get(binding.id)
        keys = f"{old.keys} {display}" if old and display not in old.keys.split() else (old.keys if old else display)
        group = GROUPS.get(binding.id.partition(".")[0], OTHER)
        lines[binding.id] = Key(group, keys, binding.description, binding.tooltip, enabled)
    order = [OTHER, *GROUPS.values()]
    return sorted(lines.values(), key=lambda key: order.index(key.group))


class HelpScreen(ModalScreen[None]):
    """Keys by group, those that cannot do anything right now dimmed; any of Esc, `?` and `q` leaves."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close", id="help.close", tooltip="Back to where you were"),
        Binding("j,down", "scroll(1)", "Down", show=False, id="help.down", tooltip="Further down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, id="help.up", tooltip="Back up"),
    ]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._keys = keys_of(screen)

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static("Keys", id="title")
            with VerticalScroll(id="keys"):
                yield KeyTable(self._keys)
            yield Static("Esc closes. ctrl+p finds these by name, config.yaml changes them.", id="foot")

    def action_scroll(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one("#keys").scroll_relative(y=by * 2, animate=False)


class KeyTable(Painted, Static):
    """The lines of help, a heading above each group."""

    def __init__(self, keys: list[Key]) -> None:
        super().__init__()
        self._keys = keys

    def on_mount(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Draw the keys in the theme's colours."""
        self.update(self._table(Paint.of(self.app)))

    def _table(self, paint: Paint) -> Table:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(no_wrap=True, justify="right", min_width=8)
        grid.add_column(no_wrap=True, min_width=12)
        grid.add_column(ratio=1)
        group = ""
        for key in self._keys:
            if key.group != group:
                if group:
                    grid.add_row()
                group = key.group
                grid.add_row("", paint(group, "accent", "bold"))
            color = "" if key.enabled else "dim"
            grid.add_row(
                paint(key.keys, "key" if key.enabled else "dim"), paint(key.title, color), paint(key.text, "dim")
            )
        return grid
