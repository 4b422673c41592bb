"""A table of any length: a row's cells are made when the row is drawn, so ten thousand rows cost what a screenful does.

`RowTable` is for lists that a person could read through; this one is given keys, and asks for the row of each that is
in sight.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Leave, MouseMove, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from floyd_tui.widgets.paint import Fades
from floyd_tui.widgets.row_table import Column, Row, share

Key = TypeVar("Key", bound=Hashable)
MARK = "✓"


class LongTable(Fades, ScrollView, Generic[Key], can_focus=True):
    """Rows by their keys, with a cursor and marks; `show` gives it what there is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "long-table--header", "long-table--cursor", "long-table--hover", "long-table--mark"
    }  # fmt: skip
    DEFAULT_CSS = """
    LongTable {
        height: 1fr;
        background: $background;
        color: $foreground;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
        & > .long-table--header { color: $dim; }
        & > .long-table--cursor { background: $row-hover; }
        & > .long-table--hover { background: $row-hover; }
        & > .long-table--mark { color: $key; text-style: bold; }
        &:focus > .long-table--cursor { background: $cursor-row; }
        &.-stale { color: $dim; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "select_cursor", "Open", show=False, id="table.open", tooltip="Go into what is under the cursor"
        ),
        Binding("j,down", "cursor_down", "Down", show=False, id="table.down", tooltip="One row down"),
        Binding("k,up", "cursor_up", "Up", show=False, id="table.up", tooltip="One row up"),
        Binding("g,home", "scroll_top", "Top", show=False, id="table.top", tooltip="To the first row"),
        Binding("G,end", "scroll_bottom", "Bottom", show=False, id="table.bottom", tooltip="To the last row"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="table.page-down", tooltip="One page down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="table.page-up", tooltip="One page up"),
    ]

    class Highlighted(Message):
        """The cursor is on another row."""

    class Selected(Message):
        """Enter, or a click on the row under the cursor."""

    @dataclass
    class HeaderClicked(Message):
        """A click on the title of the column with this key."""

        column: str

    # Moved, they draw two rows anew and nothing else.
    cursor: reactive[int] = reactive(0, repaint=False)
    hovered: reactive[int] = reactive(-1, repaint=False)

    def __init__(self, columns: Sequence[Column], row_of: Callable[[Key], Row], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row_of = row_of
        self._specs = {column.key: column for column in columns}
        self._columns: tuple[tuple[str, int], ...] = ()
        self._keys: Sequence[Key] = ()
        self._places: dict[Key, int] = {}
        self._marked: Collection[Key] = ()
        self._drawn: dict[Key, list[Segment]] = {}

    # What it shows

    @property
    def keys(self) -> Sequence[Key]:
        """All rows' keys, from the top."""
        return self._keys

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._keys)

    @property
    def cursor_key(self) -> Key | None:
        """The key of the row under the cursor."""
        return self._keys[self.cursor] if 0 <= self.cursor < len(self._keys) else None

    @property
    def in_sight(self) -> Sequence[Key]:
        """The keys of the rows that are on screen."""
        top = round(self.scroll_y)
        return self._keys[top : top + self._page]

    def show(self, keys: Sequence[Key], marked: Collection[Key] = ()) -> None:
        """Show the rows of `keys`; the cursor stays on the row of its key, the scroll where it was."""
        was, at = self.cursor_key, self.cursor
        if keys != self._keys:
            self._keys, self._places = keys, {key: place for place, key in enumerate(keys)}
            self.virtual_size = Size(0, len(keys) + 1)
        self._marked = marked
        place = self._places.get(was, at) if was is not None else at
        self.set_reactive(LongTable.cursor, max(0, min(place, len(keys) - 1)))
        self.draw_again()
        if self.cursor_key != was:
            self.post_message(self.Highlighted())

    def draw_again(self) -> None:
        """Ask anew for the rows in sight: ages moved on, or colours changed."""
        self._drawn.clear()
        self.refresh()

    def draw_changed(self) -> None:
        """Ask anew for the rows in sight, and draw those that say something else by now: a clock moved on."""
        before, self._drawn = self._drawn, {}
        top = round(self.scroll_y)
        for row, key in enumerate(self.in_sight, top):
            self._drawn[key] = self._cells(self._row_of(key))
            if self._drawn[key] != before.get(key):
                self._refresh_row(row)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Use other columns from now on."""
        specs = {column.key: column for column in columns}
        if specs != self._specs or tuple(specs) != tuple(self._specs):
            self._specs = specs
            self._fit()

    def move_to(self, key: Key) -> None:
        """Put the cursor on the row of `key`, if it is there."""
        if key in self._places:
            self.cursor = self._places[key]
            self._reveal()

    def on_resize(self, event: Resize) -> None:
        """Share the width anew."""
        self._fit()
        self._reveal()

    def _fit(self) -> None:
        self._columns = share(tuple(self._specs.values()), self.scrollable_content_region.width)
        self.draw_again()

    # The cursor

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def validate_cursor(self, cursor: int) -> int:
        """Rows that there are."""
        return max(0, min(cursor, len(self._keys) - 1))

    def watch_cursor(self, before: int, now: int) -> None:
        """Draw the two rows anew, and tell."""
        self._refresh_row(before)
        self._refresh_row(now)
        self.post_message(self.Highlighted())

    def watch_hovered(self, before: int, now: int) -> None:
        """Draw the two rows anew."""
        self._refresh_row(before)
        self._refresh_row(now)

    def _refresh_row(self, row: int) -> None:
        y = row - round(self.scroll_y) + 1
        if 1 <= y <= self._page:
            self.refresh(Region(0, y, self.size.width, 1))

    def _reveal(self) -> None:
        top, page = round(self.scroll_y), self._page
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif self.cursor >= top + page:
            self.scroll_to(y=self.cursor - page + 1, animate=False, force=True, immediate=True)

    def _move(self, to: int) -> None:
        self.cursor = to
        self._reveal()

    def action_cursor_down(self) -> None:
        """One row down."""
        self._move(self.cursor + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self._move(self.cursor - 1)

    def action_page(self, by: int) -> None:
        """Pages on or back."""
        self._move(self.cursor + by * self._page)

    def action_scroll_top(self) -> None:
        """To the first row."""
        self._move(0)

    def action_scroll_bottom(self) -> None:
        """To the last row."""
        self._move(len(self._keys) - 1)

    def action_select_cursor(self) -> None:
        """Go into the row under the cursor."""
        if self._keys:
            self.post_message(self.Selected())

    # The mouse

    def _row_at(self, y: int) -> int:
        row = round(self.scroll_y) + y - 1
        return row if y > 0 and row < len(self._keys) else -1

    def on_mouse_move(self, event: MouseMove) -> None:
        """The row under the mouse is brighter."""
        self.hovered = self._row_at(event.y)

    def on_leave(self, event: Leave) -> None:
        """No row is under the mouse."""
        self.hovered = -1

    def on_click(self, event: Click) -> None:
        """To the row; on the row under the cursor into it; on a title, tell."""
        event.stop()
        if event.y == 0:
            self._click_title(event.x)
        elif (row := self._row_at(event.y)) >= 0:
            if row == self.cursor:
                self.action_select_cursor()
            self.cursor = row

    def _click_title(self, x: int) -> None:
        left = 0
        for key, width in self._columns:
            left += width + 2
            if x < left:
                self.post_message(self.HeaderClicked(key))
                return

    # Drawing

    def render_line(self, y: int) -> Strip:
        """The titles, then the rows from where it is scrolled to."""
        width = self.scrollable_content_region.width
        row = self._row_at(y)
        if y == 0:
            strip = Strip(self._titles())
            style = self.get_component_rich_style("long-table--header")
        elif row >= 0:
            strip, style = self._line(self._keys[row]), self._row_style(row)
        else:
            return Strip.blank(width, self.rich_style)
        return self.faded(strip.adjust_cell_length(width).apply_style(style))

    def _row_style(self, row: int) -> Style:
        part = "cursor" if row == self.cursor else "hover" if row == self.hovered else ""
        return self.get_component_rich_style(f"long-table--{part}") if part else self.rich_style

    def _titles(self) -> list[Segment]:
        titles = {key: Text(spec.title) for key, spec in self._specs.items()}
        return self._cells(Row("", titles))

    def _line(self, key: Key) -> Strip:
        if key not in self._drawn:
            self._drawn[key] = self._cells(self._row_of(key))
        segments = self._drawn[key]
        if key in self._marked:
            mark = Segment(MARK, self.get_component_rich_style("long-table--mark", partial=True))
            return Strip([mark, *segments[1:]])
        return Strip(segments)

    def _cells(self, row: Row) -> list[Segment]:
        """A line of cells with a space on either side, as `DataTable` has them."""
        segments, console = list[Segment](), self.app.console
        for key, width in self._columns:
            text = row.cells.get(key, Text()).copy()
            text.truncate(width, overflow="ellipsis")
            left = max(0, width - text.cell_len)
            before, after = (left, 0) if self._specs[key].right else (0, left)
            # Without spans Rich renders a text without its own style.
            drawn = Segment.apply_style(text.render(console), console.get_style(text.style))
            segments += [Segment(" "), Segment(" " * before), *drawn, Segment(" " * (after + 1))]
        return [segment for segment in segments if segment.text]
