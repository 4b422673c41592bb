"""A file's table: names on top that stay in sight, numbers to the right."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from floyd_tui.peek.tables import Table
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
        Binding("G", "scroll_bottom", "Bottom", show=False, id="sheet.bottom", tooltip="To the last row"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(cursor_type="row", id=id)

    def show(self, table: Table) -> None:
        """Show `table`; the cursor stays on its row."""
        row, paint = self.cursor_row, Paint.of(self.app)
        self.clear(columns=True)
        for name, numeric in zip(table.names, table.numeric, strict=True):
            self.add_column(_aligned(paint(name), numeric))
        self.add_rows(
            [_aligned(paint(cell), n) for cell, n in zip(cells, table.numeric, strict=True)] for cells in table.rows
        )
        if table.rows:
            self.move_cursor(row=min(row, len(table.rows) - 1), animate=False)


def _aligned(text: Text, right: bool) -> Text:
    text.no_wrap = True
    if right:
        text.justify = "right"
    return text
