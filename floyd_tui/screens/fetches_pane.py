"""What the host fetches from the net for datasets: how far each is, and why it failed."""

from __future__ import annotations

from typing import ClassVar, cast

from rich.text import Text
from textual.binding import Binding, BindingType

from floyd_tui.client.protocol import Link
from floyd_tui.errors import RunnerProblem
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.save_dataset import said
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint, Painted
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import Fetch

COLUMNS = (
    Column("dataset", "From the net", 12),
    Column("far", "", 20, flex=3),
    Column("url", "", 10, flex=2, since=110),
)
_BAR = 12
_STATES = {"waiting": "waits for its turn", "fetching": "", "unpacking": "unpacking"}


class FetchesPane(Painted, RowTable):
    """Fetches under way and failed ones; it is there as long as there are any."""

    DEFAULT_CSS = """
    FetchesPane {
        display: none;
        height: auto;
        max-height: 6;
        background: $surface;
        & > .datatable--header { background: $surface; }
        &.-shown { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "cancel", "Cancel", id="fetch.cancel", tooltip="Break the fetch off; forget one that failed"),
    ]

    def __init__(self) -> None:
        super().__init__(COLUMNS, id="fetches")
        self._fetches: dict[str, Fetch] = {}
        self._link: Link | None = None

    @property
    def fetch(self) -> Fetch | None:
        """The fetch under the cursor."""
        return self._fetches.get(self.cursor_key or "")

    def show_all(self, link: Link | None, fetches: list[Fetch]) -> None:
        """Begin anew with what a host says."""
        self._link = link
        self._fetches = {fetch.id: fetch for fetch in reversed(fetches) if fetch.state not in ("done", "cancelled")}
        self.draw()

    def change(self, fetch: Fetch) -> None:
        """One has changed; what ended is said once."""
        before = self._fetches.get(fetch.id)
        if fetch.state in ("done", "cancelled"):
            self._fetches.pop(fetch.id, None)
        else:
            self._fetches[fetch.id] = fetch
        if before is None or not before.ended:
            self._say_end(fetch)
        self.draw()

    def _say_end(self, fetch: Fetch) -> None:
        if fetch.added is not None and fetch.unchanged:
            self.app.notify(f"Not changed there since {fetch.added.version.short}: nothing was downloaded.")
        elif fetch.added is not None:
            self.app.notify(said(fetch.added))
        elif fetch.problem is not None:
            show_error(self.screen, RunnerProblem(fetch.problem))

    def forget(self, removed: str) -> None:
        """One is gone, by its full name."""
        if self._fetches.pop(removed.rpartition("/fetches/")[2], None):
            self.draw()

    def draw(self) -> None:
        """Show what there is."""
        paint = Paint.of(self.app)
        had_focus = self.has_focus
        self.set_class(bool(self._fetches), "-shown")
        self.show_rows([_row(fetch, paint) for fetch in self._fetches.values()])
        if had_focus and not self._fetches:
            self.screen.focus_next()

    def action_cancel(self) -> None:
        """Ask, then break it off; one that has ended is only forgotten."""
        fetch = self.fetch
        if fetch is None:
            return
        if fetch.ended:
            self._cancel(fetch)
            return
        question = f"Break off what comes for {fetch.dataset}?"
        text = f"{fmt.size(fetch.done_bytes)} came so far and are dropped; no version is made."
        dialog = Confirm(question, text, yes="Break off", no="Go on")
        self.app.push_screen(dialog, lambda yes: self._cancel(fetch) if yes else None)

    def _cancel(self, fetch: Fetch) -> None:
        link = cast("Link", self._link)
        self.screen.run_worker(link.client.cancel_fetch(fetch.id), group="cancel", exit_on_error=False)


def _row(fetch: Fetch, paint: Paint) -> Row:
    return Row(
        fetch.id,
        {"dataset": paint(fetch.dataset), "far": _far(fetch, paint), "url": paint(fetch.url, "dim")},
    )


def _far(fetch: Fetch, paint: Paint) -> Text:
    """How far one is, what matters most first: what does not fit is cut off at the right."""
    if fetch.problem is not None:
        return Text.assemble(paint("✘ ", "bad"), paint(fetch.problem.detail, "bad"))
    if fetch.note:
        return Text.assemble(paint("! ", "warn"), paint(f"{fmt.size(fetch.done_bytes)}   "), paint(fetch.note, "warn"))
    words = [
        _STATES[fetch.state],
        f"{fmt.size(fetch.done_bytes)} of {fmt.size(fetch.total_bytes)}"
        if fetch.total_bytes is not None
        else fmt.size(fetch.done_bytes)
        if fetch.done_bytes
        else "",
        fmt.rate(fetch.rate) if fetch.rate else "",
        f"{fmt.duration(fetch.eta_seconds)} left" if fetch.eta_seconds else "",
        fmt.count(fetch.files, "file") if fetch.files else "",
    ]
    return Text.assemble(*_bar(fetch, paint), paint("   ".join(word for word in words if word)))


def _bar(fetch: Fetch, paint: Paint) -> list[Text]:
    if not fetch.total_bytes or fetch.state == "waiting":
        return []
    share = min(1.0, fetch.done_bytes / fetch.total_bytes)
    full = round(share * _BAR)
    return [paint("█" * full, "accent"), paint("─" * (_BAR - full), "faint"), paint(f" {share:>4.0%}   ")]
