"""A file's table: names on top that stay in sight, numbers to the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from floyd_tui.peek.tables import Table, order_of
from floyd_tui.widgets.paint import Paint


class Sheet(DataTable[Text]):
    """The table that `show` is given."""

    DEFAULT_CSS = """
    Sheet {
        height: 1fr;
        background: $background;
        & > .datatable--header { background: $surface; color: $key; text-style: bold; }
        & > .datatable--header-hover { background: $surface; }
        & > .datatable--odd-row, & > .datatable--even-row { background: $background; }
        & > .datatable--cursor { background: $cursor-row; color: $foreground; text-style: none; }
        &:focus {
            background-tint: $background 0%;
            & > .datatable--cursor { background: $cursor-row; color: $foreground; text-style: none; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="sheet.down", tooltip="One row down"),
        Binding("k", "cursor_up", "Up", show=False, id="sheet.up", tooltip="One row up"),
        Binding("g", "scroll_top", "Top", show=False, id="sheet.top", tooltip="To the first row"),
        Binding("z", "sort", "Sort", id="sheet.sort", tooltip="By a column; by the same again, turned round"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="sheet.bottom", tooltip="To the last row"),
    ]

    @dataclass
    class SortAsked(Message):
        """By which of the columns `names` are the rows of `sheet` to be sorted? `sort_by` does it."""

        sheet: Sheet
        names: tuple[str, ...]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)
        self._table: Table | None = None
        self._by: int | None = None
        self._down = False

    def show(self, table: Table) -> None:
        """Show `table`; the cursor stays on its row, and the order on its column."""
        if self._table is not None and self._table.names != table.names:
            self._by = None
        self._table = table
        self._draw(table)

    def sort_by(self, column: int) -> None:
        """Sort by a column, its largest last; by the same once more, its largest first."""
        self._down = column == self._by and not self._down
        self._by = column
        if self._table is not None:
            self._draw(self._table)

    def action_sort(self) -> None:
        """Ask by which column."""
        if self._table is not None:
            self.post_message(self.SortAsked(self, self._table.names))

    @on(DataTable.HeaderSelected)
    def _header_clicked(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        self.sort_by(event.column_index)

    def _draw(self, table: Table) -> None:
        row, paint = self.cursor_row, Paint.of(self.app)
        self.clear(columns=True)
        for at, (name, numeric) in enumerate(zip(table.names, table.numeric, strict=True)):
            sign = (" ▼" if self._down else " ▲") if at == self._by else ""
            self.add_column(_aligned(paint(name + sign), numeric))
        rows = list(table.rows)
        if (by := self._by) is not None:
            rows.sort(key=lambda cells: order_of(cells[by]), reverse=self._down)
        self.add_rows(
            [_aligned(paint(cell), n) for cell, n in zip(cells, table.numeric, strict=True)] for cells in rows
        )
        if rows:
            self.move_cursor(row=min(row, len(rows) - 1), animate=False)


def _aligned(text: Text, right: bool) -> Text:
    text.no_wrap = True
    if right:
        text.justify = "right"
    return text
