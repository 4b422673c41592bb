"""The lines of a log, drawn where they are seen: millions of them cost what the visible ones do.

They lie in a `LogBuffer` that `feed` fills, and `prepend` where only the end was there at first. The end is followed
until someone scrolls up; long lines wrap or not; the time each was written stands beside it if wanted. `LogView` adds
search and filter by the hooks `shown_lines`, `_number`, `_index`, `_decorated`, `_grown` and `_shift`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from floyd_tui.widgets.log_buffer import Line, LogBuffer
from floyd_tui.widgets.log_colors import LogColors
from floyd_tui.widgets.log_rows import RowMap
from floyd_tui.widgets.log_text import shown, styled

DRAW_SECONDS = 0.05
TIME_FORMAT = "%H:%M:%S "
TIME_WIDTH = 9
FOLLOW = "To the end, and on with what comes"
METRIC = b'{"metric"'


class LogLines(ScrollView, can_focus=True):
    """One log to read. `feed`, `add_times` and `finish` fill it."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-lines--time",
        "log-lines--current",
        "log-lines--more",
        "log-lines--metric",
    }
    DEFAULT_CSS = """
    LogLines {
        height: 1fr;
        padding-left: 1;
        background: $background;
        color: $foreground;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        scrollbar-gutter: stable;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        & > .log-lines--time { color: $dim; }
        & > .log-lines--current { background: $cursor-row; }
        & > .log-lines--metric { color: $dim; }
        & > .log-lines--more { color: $dim; text-style: italic; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="log.down", tooltip="One line down"),
        Binding("k", "scroll_up", "Up", show=False, id="log.up", tooltip="One line up"),
        Binding("g,home", "top", "Top", show=False, id="log.top", tooltip="To the first line"),
        Binding("f", "follow", "Follow", id="log.follow", tooltip=FOLLOW),
        Binding("G,end", "follow", "Follow", show=False, id="log.follow", tooltip=FOLLOW),
        Binding("z", "toggle('wrap')", "Wrap", show=False, id="log.wrap", tooltip="Wrap long lines, or not"),
        Binding("T", "toggle('times')", "Times", show=False, id="log.times", tooltip="Show when each line was written"),
    ]

    following: var[bool] = var(True)
    wrap: var[bool] = var(False)
    times: var[bool] = var(False)

    @dataclass
    class Changed(Message):
        """Something that a status line tells changed: lines, following, search, toggles."""

        view: LogLines

        @property
        def control(self) -> LogLines:
            return self.view

        def can_replace(self, message: Message) -> bool:
            """Only the latest counts."""
            return isinstance(message, LogLines.Changed)

    @dataclass
    class Earlier(Message):
        """What came before the first line is wanted: a page of it, what was written after `since`, or `everything`."""

        everything: bool
        since: float | None = None

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffer = LogBuffer()
        self.current: int | None = None
        self.ended = False
        self.to_top = False
        """Whether the very first line is wanted that is not here yet."""
        self.to_time: float | None = None
        """The time that is wanted whose line is not here yet, in epoch seconds."""
        self._rows = RowMap(None)
        self._strips: LRUCache[int, Strip] = LRUCache(512)
        self._scheduled = self._looking = False
        self._wide = 0
        self._colors: LogColors | None = None

    def on_mount(self) -> None:
        """Show what came before."""
        self._flush()

    def on_unmount(self) -> None:
        """Give the disk space back."""
        self.buffer.close()

    def _tell(self) -> None:
        self.post_message(self.Changed(self))

    # What fills it

    def feed(self, data: bytes) -> None:
        """Take in a piece of the log; it is drawn within `DRAW_SECONDS`."""
        self._forget_last()
        self.buffer.append(data)
        self._schedule()

    def prepend(self, data: bytes, marks: Sequence[tuple[int, float]] = ()) -> None:
        """Take in whole lines from before the first one, and when they were written; what is in sight stays there."""
        top = self._rows.locate(self.scroll_offset.y, self.shown_lines)
        added = self.buffer.prepend(data, marks)
        if self.current is not None:
            self.current += added
        self._shift(added)
        self._rows = RowMap(self._height if self.wrap else None)
        self._strips.clear()
        self._settle(top[0] + added if top else None)

    def _shift(self, added: int) -> None:
        """So many lines have come before those there were."""

    def want_earlier(self, everything: bool = False) -> None:
        """Ask for what came before the first line, if there is any that is not here."""
        if self.buffer.first:
            self.post_message(self.Earlier(everything))

    def add_times(self, marks: tuple[tuple[int, float], ...]) -> None:
        """Take in when which bytes were written."""
        self.buffer.add_times(marks)

    def finish(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self.is_attached:
            self._scheduled = True
            self.set_timer(DRAW_SECONDS, self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        self._grown()
        self._settle()

    def _grown(self) -> None:
        """There is more in the buffer, or it has ended."""

    def _forget_last(self) -> None:
        # The last line may grow; its picture is old.
        self._strips.discard(self.buffer.lines - 1)
        self._rows.forget_from(max(0, self.shown_lines - 1))

    # Lines and rows

    @property
    def shown_lines(self) -> int:
        """How many lines there are to scroll through."""
        return self.buffer.lines

    def _number(self, index: int) -> int:
        """The line of the buffer that is the `index`-th of those shown."""
        return index

    def _index(self, number: int) -> int:
        """Where line `number` of the buffer is among those shown."""
        return number

    @property
    def _text_width(self) -> int:
        return max(1, self.scrollable_content_region.width - (TIME_WIDTH if self.times else 0))

    def _height(self, index: int) -> int:
        line = self.buffer.line(self._number(index))
        return max(1, -(-cell_len(shown(line.data) + _more(line)) // self._text_width))

    def _lay_out(self) -> None:
        """Begin anew after what changes heights or which lines there are; the line on top stays."""
        top = self._rows.locate(self.scroll_offset.y, self.shown_lines) if self.is_attached else None
        self._rows = RowMap(self._height if self.wrap else None)
        self._strips.clear()
        self._settle(top[0] if top else None)

    def _settle(self, top: int | None = None) -> None:
        """Make the scroll area fit the lines; stay at the end, or keep line `top` on top."""
        lines, height = self.shown_lines, self.size.height
        if self.following:
            self._rows.near(lines - height, lines, height)
        elif top is not None:
            self._rows.near(top, lines, 2 * height)
        self._fit()
        if self.following:
            self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)
        elif top is not None:
            self.scroll_to(y=self._rows.row_of(min(top, lines), lines), animate=False)
        self._look_around()
        self.refresh()
        self._tell()

    def _fit(self) -> None:
        gutter = TIME_WIDTH if self.times else 0
        self.virtual_size = Size(0 if self.wrap else self._wide + gutter, self._rows.rows(self.shown_lines))

    def _look_around(self) -> None:
        """Measure wrapped lines a screen above and below what is in sight, which stays where it is."""
        lines, height = self.shown_lines, self.size.height
        if not self.wrap or self._looking or (place := self._rows.locate(self.scroll_offset.y, lines)) is None:
            return
        if self.app.animator.is_being_animated(self, "scroll_y"):
            self.set_timer(DRAW_SECONDS, self._look_around)
        elif self._rows.near(place[0] - height, lines, 3 * height):
            self._looking = True
            self._fit()
            if not self.following:
                y = self._rows.row_of(place[0], lines) + place[1]
                self.scroll_to(y=y, animate=False, immediate=True, force=True)
            self._looking = False

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        scroll_x, scroll_y = self.scroll_offset
        width, style = self.size.width, self.rich_style
        place = self._rows.locate(scroll_y + y, self.shown_lines)
        if place is None:
            return Strip.blank(width, style)
        index, part = place
        number = self._number(index)
        strip = self._strip(number, index)
        self._widen(strip.cell_length)
        room = self._text_width
        start = part * room if self.wrap else scroll_x
        piece = strip.crop(start, start + room)
        before = len(strip.crop(0, start).text) if start else 0
        row_style = style + self.get_component_rich_style("log-lines--current") if number == self.current else style
        row = piece.extend_cell_length(room).apply_style(row_style).apply_offsets(before, index)
        return Strip.join([self._time_strip(number, part, row_style, index), row]).adjust_cell_length(width, row_style)

    def _widen(self, cells: int) -> None:
        if cells > self._wide:
            self._wide = cells
            if not self.wrap:
                self.call_after_refresh(self._settle)

    def _time_strip(self, number: int, part: int, style: Style, index: int) -> Strip | None:
        if not self.times:
            return None
        at = self.buffer.time_at(self.buffer.line(number).offset)
        text = datetime.fromtimestamp(at).astimezone().strftime(TIME_FORMAT) if at and not part else " " * TIME_WIDTH
        strip = Strip([*Text(text).render(self.app.console)])
        shade = style + self.get_component_rich_style("log-lines--time", partial=True)
        return strip.apply_style(shade).apply_offsets(-TIME_WIDTH, index)

    def _strip(self, number: int, index: int | None = None) -> Strip:
        selection = self.text_selection if index is not None else None
        if selection is None and (known := self._strips.get(number)) is not None:
            return known
        line = self.buffer.line(number)
        text = self._decorated(line)
        if selection is not None and index is not None and (span := selection.get_span(index)):
            start, end = max(0, span[0]), span[1] if span[1] >= 0 else len(text)
            text.stylize(self.screen.get_component_rich_style("screen--selection"), start, end)
        strip = Strip(text.render(self.app.console)).simplify()
        if selection is None:
            self._strips[number] = strip
        return strip

    def _decorated(self, line: Line) -> Text:
        """A line with its own colours and what is to be said about it."""
        text = self._painted(line.data)
        if line.data.startswith(METRIC):
            # They are drawn as curves; between them stands what is to be read.
            text.stylize(self.get_component_rich_style("log-lines--metric", partial=True))
        if line.hidden:
            text.append(_more(line), self.get_component_rich_style("log-lines--more", partial=True))
        return text

    def _painted(self, data: bytes) -> Text:
        if self._colors is None:
            self._colors = LogColors(self.app.theme_variables)
        return self._colors.paint(styled(data))

    def notify_style_update(self) -> None:
        """Forget pictures in the old theme's colours."""
        super().notify_style_update()
        self._strips.clear()
        self._colors = None

    def on_resize(self, event: Resize) -> None:
        """Wrapped lines have other heights; the end stays in sight."""
        if self.wrap:
            self._lay_out()
        else:
            self._settle()

    # Following

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up pauses following; reaching the end again takes it up."""
        super().watch_scroll_y(old_value, new_value)
        if self._looking:
            return
        if new_value < old_value and new_value < self.max_scroll_y:
            self.following = False
            if new_value < self.size.height:
                self.want_earlier()
        elif new_value > old_value and new_value >= self.max_scroll_y:
            self.following = True
        self._look_around()

    def watch_following(self) -> None:
        """Tell the status line."""
        self._tell()

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.following, self.to_top, self.to_time = True, False, None
        self._settle()

    def action_top(self) -> None:
        """Go to the first line."""
        self.following = False
        self.to_top = bool(self.buffer.first)
        self.want_earlier(everything=True)
        self.scroll_to(y=0, animate=False)

    def watch_wrap(self) -> None:
        """Wrapped lines need no sideways scrolling."""
        self.scroll_to(x=0, animate=False)
        self._lay_out()

    def watch_times(self) -> None:
        """The gutter takes room."""
        self._lay_out()


def _more(line: Line) -> str:
    """What is said at the end of a line too long to show."""
    return f" … {line.hidden:,} more bytes" if line.hidden else ""
