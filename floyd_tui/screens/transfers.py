"""All downloads in one queue: how far each is, paused and gone on with, tried again, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.transfers import BUSY, Transfer, Transfers
from floyd_tui.errors import FilesInTheWay
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.row_table import RowTable
from floyd_tui.widgets.top_bar import TopBar
from floyd_tui.widgets.transfer_table import TransferTable, standing, what

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

# How often it is drawn again, in seconds: rates are read, not watched.
TICK = 0.5
_STATES = ("running", "waiting", "lost", "paused", "clash", "failed", "done")
_NAMED = 6


class TransfersScreen(ErrorFunnel[None]):
    """The queue, with the one under the cursor told in full below it."""

    CSS_PATH = "transfers.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+t", "back", "Back", id="transfers.back", tooltip="Back to where you were; they go on"),
        Binding("p", "pause", "Pause / go on", id="transfers.pause", tooltip="Stop it for now, or let it go on"),
        Binding(
            "r", "retry", "Retry", id="transfers.retry", tooltip="Try again what failed, or is in the way of files"
        ),
        Binding("x", "cancel", "Cancel", id="transfers.cancel", tooltip="End it; whole files that came stay"),
        Binding("c", "clear", "Clear done", id="transfers.clear", tooltip="Take those that are done from the list"),
        Binding("y", "copy_path", "Copy path", id="transfers.copy", tooltip="Copy where its files are"),
    ]

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(id="transfers-summary")
        yield Note()
        yield TransferTable()
        yield Static(id="transfer")
        yield KeyRow()

    @property
    def transfers(self) -> Transfers:
        """The queue."""
        return cast("FloydApp", self.app).transfers

    @property
    def table(self) -> TransferTable:
        """The table."""
        return self.query_one(TransferTable)

    def on_mount(self) -> None:
        self.query_one(TopBar).parts = ("transfers",)
        self._unwatch = self.transfers.watch(self._heard)
        once_a(TICK, self, self.draw)
        self.draw()
        self.table.focus()

    def on_unmount(self) -> None:
        self._unwatch()

    def _heard(self, before: Transfer, now: Transfer) -> None:
        if before.state != now.state:
            self.draw()

    def draw(self) -> None:
        """Show how they stand now."""
        found = self.transfers.all
        note = self.query_one(Note)
        note.display, self.table.display = not found, bool(found)
        if not found:
            note.say("Nothing is on its way", "", "d on a job or a file fetches it, and it is listed here.", "dim")
        self.table.show(found)
        counts = [(state, sum(one.state == state for one in found)) for state in _STATES]
        words = [f"{count} {_called(state)}" for state, count in counts if count]
        rate = [f"{fmt.rate(self.transfers.rate)} in all"] if self.transfers.rate else []
        self.query_one("#transfers-summary", Static).update(Content.styled("   ".join([*words, *rate]), "$dim"))
        self._draw_one()
        self.query_one(TopBar).draw_syncs()
        self.refresh_bindings()

    @on(RowTable.RowHighlighted)
    def _draw_one(self) -> None:
        one = self.table.transfer
        place = self.query_one("#transfer", Static)
        place.display = one is not None
        if one is not None:
            hint = one.error.hint if one.error is not None else ""
            into = Content.assemble(("into ", "$dim"), fmt.plain(shown_path(one.place)))
            lines = [Content.styled(what(one), "bold"), into, standing(one), Content.styled(fmt.plain(hint), "$dim")]
            place.update(Content("\n").join(line for line in lines if line.plain))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what the one under the cursor does not allow."""
        one = self.table.transfer if self.is_mounted else None
        if action == "clear":
            return True if self.is_mounted and any(t.state == "done" for t in self.transfers.all) else None
        if action == "pause":
            return True if one and (one.state in BUSY or one.state == "paused") else None
        if action == "retry":
            return True if one and one.state in ("failed", "clash") else None
        return (True if one else None) if action in ("cancel", "copy_path") else True

    def action_back(self) -> None:
        """Leave; they go on."""
        self.dismiss()

    async def action_pause(self) -> None:
        """Stop the one under the cursor for now, or let it go on."""
        if (one := self.table.transfer) is not None:
            if one.state == "paused":
                self.transfers.resume(one.id)
            else:
                await self.transfers.pause(one.id)
            self.draw()

    def action_retry(self) -> None:
        """Try again; what is in the way is asked about."""
        one = self.table.transfer
        if one is None:
            return
        if not isinstance(one.error, FilesInTheWay):
            self.transfers.resume(one.id)
            self.draw()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.transfers.allow(one.id)
                self.draw()

        question = "Overwrite what is here?"
        self.app.push_screen(Confirm(question, _lost(one.error.paths), yes="Overwrite", no="Keep it"), answered)

    async def action_cancel(self) -> None:
        """End the one under the cursor; one that is done only leaves the list."""
        if (one := self.table.transfer) is not None:
            await self.transfers.cancel(one.id)
            if one.state != "done":
                self.notify("Cancelled. Fetched again, it goes on where it stopped.")
            self.draw()

    def action_clear(self) -> None:
        """Take those that are done from the list."""
        self.transfers.clear()
        self.draw()

    def action_copy_path(self) -> None:
        """Copy where the files are."""
        if (one := self.table.transfer) is not None:
            self.app.copy_to_clipboard(str(one.place))
            self.notify(fmt.plain(str(one.place)), title="Copied", timeout=3, markup=False)


def _called(state: str) -> str:
    return {"running": "on their way", "lost": "waiting for a host", "clash": "with files in the way"}.get(state, state)


def _lost(paths: Sequence[str]) -> str:
    names = "\n".join(fmt.plain(shown_path(Path(path))) for path in paths[:_NAMED])
    more = f"\nand {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return f"{names}{more}\nhave other content here, which would be lost."


def tell(app: App[Any], now: Transfer) -> None:
    """Say what a person should know who looks at something else."""
    if isinstance(app.screen, TransfersScreen):
        return
    if isinstance(app.screen, DownloadScreen) and app.screen.shows(now):
        return
    if now.state == "done":
        app.notify(fmt.plain(shown_path(now.place)), title=f"Fetched: {what(now)}", markup=False)
    elif now.state in ("failed", "clash") and now.error is not None:
        app.notify(f"{now.error.message}\nctrl+t shows it.", title=what(now), severity="warning", markup=False)


def offer(app: App[Any], found: Sequence[Transfer]) -> None:
    """Say that downloads of the last time are not done."""
    if found:
        said = "1 download of last time is" if len(found) == 1 else f"{len(found)} downloads of last time are"
        app.notify(f"{said} not done: ctrl+t shows them, p goes on.", title="Transfers")


def ask_to_leave(app: App[Any], busy: Sequence[Transfer], leave: Any) -> None:
    """Ask whether to quit while downloads go on."""
    one = len(busy) == 1
    question = f"Quit while {'a download goes' if one else f'{len(busy)} downloads go'} on?"
    text = "What came is kept, and floyd-tui offers to go on with the rest when it is next started."

    def answered(yes: bool | None) -> None:
        if yes:
            leave()

    app.push_screen(Confirm(question, text, yes="Quit", no="Stay"), answered)
