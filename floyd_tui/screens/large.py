"""Before much goes up as code: what makes it large, to be left out, or sent all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Static

from floyd_tui.project.ignore_file import line_for
from floyd_tui.project.large import Answer, Consider, Declined, Large
from floyd_tui.project.listing import Goes
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.tick_list import TickList

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

PATH_WIDTH = 34


def consider(screen: Screen[Any]) -> Consider | None:
    """Who decides before much goes up from `screen`; nobody where the settings say so."""
    limit = cast("FloydApp", screen.app).config.large_code
    return None if limit is None else Consider(limit, lambda large: _ask(screen, large))


async def _ask(screen: Screen[Any], large: Large) -> Answer:
    """Ask, and do what is answered; to be called from a worker. Raises `Declined`."""
    dialog = LargeDialog(large)
    try:
        chosen = await screen.app.push_screen_wait(dialog)
    except asyncio.CancelledError:
        if dialog.is_current:
            dialog.dismiss(None)
        raise
    if chosen is None:
        raise Declined("Nothing was launched.", "Leave something out, or send it all.")
    return large.without(chosen) if chosen else Answer.SEND


class LargeDialog(ModalScreen[list[Goes] | None]):
    """Dismisses with the paths to leave out, none to send it all; with None to send nothing."""

    CSS_PATH = ["dialog.tcss", "large.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#large-paths"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", id="large.stop", tooltip="Send nothing, launch nothing"),
        Binding("x", "leave_out", "Leave out", id="large.leave-out", tooltip="Leave out what is ticked, and go on"),
        Binding("y", "send", "Send all", id="large.send", tooltip="Send it as it is"),
    ]

    def __init__(self, large: Large) -> None:
        super().__init__()
        self._large = large

    def compose(self) -> ComposeResult:
        large, paint = self._large, Paint.of(self.app)
        with Vertical(id="dialog"):
            yield Static(f"{fmt.size(large.size)} would go up as code", id="question", markup=False)
            yield Static(self._detail(), id="detail", markup=False)
            yield TickList([_row(one, paint) for one in large.paths], id="large-paths")
            yield Static("Space ticks what x leaves out by .floydignore", id="large-keys", classes="dim")
            with Horizontal(id="answers"):
                yield Button("Send nothing", id="stop", compact=True)
                yield Button("Leave out", id="leave-out", compact=True, variant="primary")
                yield Button("Send all", id="send", compact=True)

    def _detail(self) -> str:
        large = self._large
        verb = "is" if large.files == 1 else "are"
        return (
            f"{fmt.count(large.files, 'file')} of {fmt.plain(large.root.name)} {verb} not on the host yet; above"
            f" {fmt.size(large.limit)} (large_code) that is asked. What jobs only read is better a dataset."
        )

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        {"stop": self.action_stop, "leave-out": self.action_leave_out, "send": self.action_send}[
            event.button.id or ""
        ]()

    def action_stop(self) -> None:
        """Send nothing."""
        self.dismiss(None)

    def action_leave_out(self) -> None:
        """Leave out what is ticked."""
        ticked = [self._large.paths[number] for number in sorted(self.query_one(TickList).ticked)]
        if ticked:
            self.dismiss(ticked)
        else:
            self.notify("Tick with Space what is to be left out.")

    def action_send(self) -> None:
        """Send it all."""
        self.dismiss([])


def _row(one: Goes, paint: Paint) -> Text:
    path = fmt.clip(fmt.plain(one.path), PATH_WIDTH)
    return Text.assemble(
        paint(f"{fmt.size(one.size):>9}  "), paint(f"{path:{PATH_WIDTH}}  "), paint(line_for(one.path), "dim")
    )
