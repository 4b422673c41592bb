"""The line that `:` opens at the bottom: commands by name, with what fits above it, completion and a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from floyd_tui.errors import FloydError
from floyd_tui.screens.commands import Command
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.typed import fitting, listed, meant
from floyd_tui.widgets.paint import Paint

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

SHOWN = 6


class CommandLine(ModalScreen[None]):
    """Enter does what is typed on the screen below; Esc leaves. Up and down go through what was typed before."""

    CSS_PATH = "command_line.tcss"
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Leave", id="command.leave", tooltip="Back, with nothing done"),
        Binding(
            "tab", "complete(1)", "Complete", id="command.complete", priority=True, tooltip="Take the next that fits",
        ),
        Binding(
            "shift+tab", "complete(-1)", "Before", show=False, id="command.complete-back", priority=True,
            tooltip="Take the one before",
        ),
        Binding("up", "history(-1)", "Earlier", show=False, id="command.earlier", tooltip="What was typed before"),
        Binding("down", "history(1)", "Later", show=False, id="command.later", tooltip="What was typed after that"),
    ]  # fmt: skip

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self._below = below
        self._every = listed(below)
        self._fitting: list[Command] = []
        self._taken = -1
        self._filled = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="command"):
            yield Static(id="fitting")
            yield Static(id="wrong", markup=False)
            with Horizontal():
                yield Static(":", id="colon")
                yield Input(compact=True, placeholder="a command, a page, or a job such as mnist/12 · Tab completes")

    def on_mount(self) -> None:
        self._history = [*cast("FloydApp", self.app).memory.commands, ""]
        self._at = len(self._history) - 1
        self._typed_now("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._filled:  # by hand, and not by Tab
            self._typed_now(event.value)

    def _typed_now(self, text: str) -> None:
        self._fitting, self._taken = fitting(text, self._every), -1
        self._say()

    def _say(self, error: FloydError | None = None) -> None:
        wrong = self.query_one("#wrong", Static)
        wrong.display = error is not None
        wrong.update(f"{error.message} {error.hint}" if error else "")
        self.query_one("#fitting", Static).update(self._table(Paint.of(self.app)))

    def _table(self, paint: Paint) -> Table:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(no_wrap=True, min_width=14)
        grid.add_column(no_wrap=True, justify="right")
        grid.add_column(no_wrap=True, ratio=1)
        first = max(0, self._taken - SHOWN + 1)
        for at, one in enumerate(self._fitting[first : first + SHOWN], first):
            look = "accent" if at == self._taken else "" if one.enabled else "dim"
            text = one.text if one.enabled else f"Not now: {one.text}"
            grid.add_row(paint(one.word, look), paint(one.keys.split(" ")[0], "key"), paint(text, "dim"))
        if not self._fitting:
            grid.add_row(Text("nothing fits"))
        return grid

    def action_complete(self, step: int) -> None:
        """Put in the next, or the one before, of what fits."""
        if self._fitting:
            self._taken = (self._taken + step) % len(self._fitting) if self._taken >= 0 or step > 0 else -1
            self._fill(self._fitting[self._taken].word)
            self._say()

    def action_history(self, step: int) -> None:
        """Put in what was typed before, or after."""
        self._at = min(max(self._at + step, 0), len(self._history) - 1)
        self._fill(self._history[self._at])
        self._typed_now(self._history[self._at])

    def _fill(self, text: str) -> None:
        self._filled = text
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if not text:
            self.dismiss()
            return
        try:
            run = meant(text, self._below)
        except FloydError as error:
            self._say(error)
            return
        app = cast("FloydApp", self.app)
        app.memory.add_command(text)

        def do(_: None) -> None:
            try:
                run()
            except FloydError as error:
                show_error(app.screen, error)

        app.call_later(do, None)
        self.dismiss()
