"""What of a folder goes up, the largest first, and what stays here by which line; a key leaves out one more."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from floyd_tui.errors import FloydError
from floyd_tui.project.ignore_file import leave_out
from floyd_tui.project.listing import Goes, Kind, Listing, Stays, list_folder
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row, RowTable
from floyd_tui.widgets.top_bar import TopBar

# More rows help nobody, and cost time to draw; the line above the tables counts all.
SHOWN = 500
GOING = (Column("path", "Goes up", 10, flex=1), Column("files", "Files", 7, right=True, since=40),
         Column("size", "Size", 8, right=True))  # fmt: skip
STAYING = (Column("path", "Stays here", 10, flex=2), Column("files", "Files", 7, right=True, since=64),
           Column("size", "Size", 8, right=True), Column("rule", "By the line", 10, flex=1),
           Column("source", "Of", 14, flex=1, since=50))  # fmt: skip


class GoesUpScreen(ErrorFunnel[None]):
    """`folder` by the rules for `kind`; dismisses once one has seen enough."""

    CSS_PATH = "goes_up.tcss"
    AUTO_FOCUS = "#goes"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "leave_out", "Leave out", id="goes-up.leave-out", tooltip="Add its line to .floydignore"),
        Binding("tab", "app.focus_next", "Other list", id="goes-up.other", tooltip="To what stays here, and back"),
        Binding("ctrl+r", "look", "Look again", id="goes-up.again", tooltip="Read the folder anew"),
        Binding("escape,backspace", "back", "Back", id="goes-up.back", tooltip="To the folder above, or leave"),
    ]

    def __init__(self, folder: Path, kind: Kind) -> None:
        super().__init__()
        self._folder, self._kind = folder, kind
        self._listing: Listing | None = None
        self._inside = ""
        self._goes: dict[str, Goes] = {}

    def compose(self) -> ComposeResult:
        yield TopBar(None, "launch" if self._kind == "code" else "upload", "what goes up")
        yield Static(id="goes-up-head")
        yield Note()
        with Horizontal(id="goes-up-lists"):
            yield RowTable(GOING, id="goes")
            yield RowTable(STAYING, id="stays")
        yield KeyRow()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())
        self._look()

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _look(self) -> None:
        note = self.query_one(Note)
        self.add_class("-looking")
        note.wait_for(f"Looking through {self._folder.name}")
        try:
            self._listing = await list_folder(
                self._folder, self._kind, lambda files: note.wait_for(f"Looking: {fmt.count(files, 'file')}")
            )
        except FloydError as error:
            note.trouble(error)
            return
        self.remove_class("-looking")
        self._draw()
        if self.focused is None:
            self.query_one("#goes").focus()

    def _draw(self) -> None:
        listing, paint = self._listing, Paint.of(self.app)
        if listing is None:
            return
        goes, stays = listing.going(self._inside), listing.staying(self._inside)
        self._goes = {one.path: one for one in goes}
        self.query_one("#goes", RowTable).show_rows([_going(one, self._inside, paint) for one in goes[:SHOWN]])
        self.query_one("#stays", RowTable).show_rows([_staying(one, paint) for one in stays[:SHOWN]])
        where = shown_path(listing.root / self._inside) if self._inside else shown_path(listing.root)
        head = Content.assemble(
            (fmt.plain(where), "bold"), ("   goes up ", "$dim"), _sum(goes), ("   stays here ", "$dim"), _sum(stays)
        )
        self.query_one("#goes-up-head", Static).update(head)
        self.refresh_bindings()

    @property
    def _chosen(self) -> Goes | None:
        table = self.query_one("#goes", RowTable)
        return self._goes.get(table.cursor_key or "") if table.has_focus else None

    @on(RowTable.RowSelected, "#goes")
    def _entered(self) -> None:
        if self._chosen and self._chosen.path.endswith("/"):
            self._inside = self._chosen.path
            self._draw()

    @on(RowTable.RowHighlighted, "#goes")
    def _moved(self) -> None:
        self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        """A line can be added only for what goes up."""
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out leaving out where the cursor is on nothing that goes up."""
        return None if action == "leave_out" and self.is_mounted and self._chosen is None else True

    def action_leave_out(self) -> None:
        """Leave out what is under the cursor from now on."""
        if self._listing is None or self._chosen is None:
            return
        try:
            lines = leave_out(self._listing.root, [self._chosen.path])
        except FloydError as error:
            show_error(self, error)
            return
        self.notify(f"{fmt.plain(' '.join(lines))} is in .floydignore now.", markup=False)
        self._look()

    def action_look(self) -> None:
        """Read the folder anew."""
        self._look()

    def action_back(self) -> None:
        """To the folder above; from the top, leave."""
        if not self._inside:
            self.dismiss(None)
            return
        left = self._inside
        parent, slash, _ = left.removesuffix("/").rpartition("/")
        self._inside = parent + slash
        self._draw()
        self.query_one("#goes", RowTable).move_to(left)


def _going(one: Goes, inside: str, paint: Paint) -> Row:
    is_folder = one.path.endswith("/")
    cells = {
        "path": paint(one.path[len(inside) :], "accent" if is_folder else ""),
        "files": paint(f"{one.files:,}" if is_folder else "", "dim"),
        "size": paint(fmt.size(one.size)),
    }
    return Row(one.path, cells)


def _staying(one: Stays, paint: Paint) -> Row:
    cells = {
        "path": paint(one.path),
        "files": paint(f"{one.files:,}" if one.path.endswith("/") else "", "dim"),
        "size": paint(fmt.size(one.size)),
        "rule": paint(one.rule),
        "source": paint(one.source, "dim"),
    }
    return Row(one.path, cells)


def _sum(rows: list[Goes] | list[Stays]) -> str:
    return f"{fmt.count(sum(one.files for one in rows), 'file')}, {fmt.size(sum(one.size for one in rows))}"
