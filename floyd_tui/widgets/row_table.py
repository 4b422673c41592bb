"""A table whose columns share the width there is: some give way on narrow terminals, one or two take what is left.

Textual's DataTable draws; this adds widths that follow the terminal, rows that keep cursor and scroll through live
changes, and vim's keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable
from textual.widgets.data_table import RowDoesNotExist

from floyd_tui.widgets.paint import Fades


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` cells, or at least that and a share `flex` of the room left.

    It is there while the table is `since` cells wide or more, and less than `until`.
    """

    key: str
    title: str
    width: int
    flex: int = 0
    since: int = 0
    until: int = 100_000
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its key and its cells by column; a missing cell is empty."""

    key: str
    cells: dict[str, Text] = field(default_factory=dict)


class RowTable(Fades, DataTable[Text]):
    """`DataTable` of `Row`s over `Column`s."""

    DEFAULT_CSS = """
    RowTable {
        height: 1fr;
        background: $background;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .datatable--header { background: $background; color: $dim; text-style: none; }
        & > .datatable--header-hover { background: $background; color: $foreground; }
        & > .datatable--cursor { background: $row-hover; color: $foreground; text-style: none; }
        & > .datatable--hover { background: $row-hover; }
        &:focus { background-tint: $background 0%; }
        &:focus > .datatable--cursor { background: $cursor-row; color: $foreground; text-style: none; }
        &.-stale { color: $dim; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "select_cursor", "Open", show=False, id="table.open", tooltip="Go into what is under the cursor"
        ),
        Binding("j", "cursor_down", "Down", show=False, id="table.down", tooltip="One row down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up", tooltip="One row up"),
        Binding("g", "scroll_top", "Top", show=False, id="table.top", tooltip="To the first row"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="table.bottom", tooltip="To the last row"),
    ]

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(
            id=id, classes=classes, cursor_type="row", zebra_stripes=False, cursor_foreground_priority="renderable"
        )
        self._specs = tuple(columns)
        self._rows_shown: list[Row] = []
        self._layout: tuple[tuple[str, int], ...] = ()
        self._wanted: str | None = None

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        index = self.cursor_row
        return self._rows_shown[index].key if 0 <= index < len(self._rows_shown) else None

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show `rows`; the cursor stays on the row of its key, the scroll where it was."""
        old, self._rows_shown = self._rows_shown, list(rows)
        if not self._layout:
            return
        if [row.key for row in old] != [row.key for row in rows]:
            self._fill(old)
            return
        for before, row in zip(old, rows, strict=True):
            for key, _ in self._layout:
                if not _alike(before.cells.get(key), row.cells.get(key)):
                    self.update_cell(row.key, key, self._cell(row, key))

    def change_row(self, row: Row) -> None:
        """Change the cells of one row that is there."""
        for index, old in enumerate(self._rows_shown):
            if old.key == row.key:
                self._rows_shown[index] = row
                for key, _ in self._layout:
                    if not _alike(old.cells.get(key), row.cells.get(key)):
                        self.update_cell(row.key, key, self._cell(row, key))

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Use other columns from now on."""
        if tuple(columns) != self._specs:
            self._specs, self._layout = tuple(columns), ()
            self._fit()

    def move_to(self, key: str) -> None:
        """Put the cursor on the row `key`, if it is there; before the table is first laid out, once it is."""
        if not self._layout:
            self._wanted = key
        try:
            self.move_cursor(row=self.get_row_index(key))
        except RowDoesNotExist:
            return

    def on_resize(self) -> None:
        """Share the width anew."""
        self._fit()

    def _fit(self) -> None:
        layout = share(self._specs, self.scrollable_content_region.width, self.cell_padding)
        if layout and layout != self._layout:
            self._layout = layout
            self._fill(self._rows_shown)

    def _fill(self, old: Sequence[Row]) -> None:
        index, top = self.cursor_row, self.scroll_y
        key = self._wanted or (old[index].key if 0 <= index < len(old) else None)
        self._wanted = None
        with self.app.batch_update():
            self.clear(columns=True)
            specs = {spec.key: spec for spec in self._specs}
            for name, width in self._layout:
                spec = specs[name]
                title = Text(spec.title, justify="right" if spec.right else "left", no_wrap=True, overflow="ellipsis")
                self.add_column(title, key=name, width=width)
            for row in self._rows_shown:
                self.add_row(*(self._cell(row, name) for name, _ in self._layout), key=row.key)
            keys = [row.key for row in self._rows_shown]
            if key in keys:
                self.move_cursor(row=keys.index(key), animate=False, scroll=False)
            elif keys:
                self.move_cursor(row=min(index, len(keys) - 1), animate=False, scroll=False)
        self.call_after_refresh(self.scroll_to, y=top, animate=False)

    def _cell(self, row: Row, name: str) -> Text:
        text = row.cells.get(name, Text()).copy()
        text.no_wrap, text.overflow = True, "ellipsis"
        if any(spec.key == name and spec.right for spec in self._specs):
            text.justify = "right"
        return text


def _alike(one: Text | None, other: Text | None) -> bool:
    """Whether two cells look the same; Rich compares texts without their own style."""
    return one == other and (one is None or other is None or one.style == other.style)


def share(columns: Sequence[Column], width: int, padding: int = 1) -> tuple[tuple[str, int], ...]:
    """Which columns a table of `width` cells shows, and how wide each is."""
    if width <= 0:
        return ()
    shown = [column for column in columns if column.since <= width < column.until]
    left = width - sum(column.width + 2 * padding for column in shown)
    shares = sum(column.flex for column in shown) or 1
    widths = {column.key: column.width + max(0, left) * column.flex // shares for column in shown}
    flexible = [column.key for column in shown if column.flex]
    if flexible and left > 0:
        widths[flexible[-1]] += left - sum(max(0, left) * column.flex // shares for column in shown)
    return tuple(widths.items())
