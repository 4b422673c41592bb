"""A chart of a few curves: axes with round numbers, a legend with values, a cursor that reads them off, a zoom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Leave, MouseMove, MouseScrollDown, MouseScrollUp, Resize
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from floyd_tui.metrics.axes import Span, XAxis
from floyd_tui.metrics.runs import Series
from floyd_tui.widgets.format import duration, number, plain
from floyd_tui.widgets.plot import BEHIND
from floyd_tui.widgets.plotted import VALUE, Plotted, View, breadth, legend, plot, undrawn

COLORS = 6
# Who has a cell that no curve is in.
_EMPTY, _CURSOR = -1, -3
# Closer than to a thousandth of all there is, there is nothing to see.
CLOSEST = 1000


class Chart(Widget, can_focus=True):
    """Curves over a common x: `show` gives it data. Where the cursor goes, it posts `Read`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--axis", "chart--grid", "chart--cursor", "chart--title", "chart--raw", "chart--odd",
        *(f"chart--series-{i}" for i in range(COLORS)),
    }  # fmt: skip
    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        min-height: 6;
        padding: 0 1;
        background: $background;
        & > .chart--axis { color: $dim; }
        & > .chart--grid { color: $faint; }
        & > .chart--raw { color: $faint; }
        & > .chart--odd { color: $warn; }
        & > .chart--cursor { color: $foreground; }
        & > .chart--title { color: $foreground; text-style: bold; }
        & > .chart--series-0 { color: $running; }
        & > .chart--series-1 { color: $warn; }
        & > .chart--series-2 { color: $good; }
        & > .chart--series-3 { color: $busy; }
        & > .chart--series-4 { color: $bad; }
        & > .chart--series-5 { color: $key; }
        &:focus > .chart--title { color: $key; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(-1)", "Cursor", show=False, id="chart.left", tooltip="Read the value to the left"),
        Binding("right", "cursor(1)", "Cursor", show=False, id="chart.right", tooltip="Read the value to the right"),
        Binding("shift+left", "cursor(-10)", "Cursor", show=False, id="chart.far-left", tooltip="Ten columns left"),
        Binding("shift+right", "cursor(10)", "Cursor", show=False, id="chart.far-right", tooltip="Ten columns right"),
        Binding("l", "toggle('logarithmic')", "Log", id="chart.log", tooltip="Logarithmic y, or linear"),
        Binding("z", "zoom(0.5)", "Zoom", id="chart.zoom", tooltip="Closer to the cursor, which then goes beyond"),
        Binding("Z", "zoom(2)", "Zoom out", show=False, id="chart.zoom-out", tooltip="Away again, up to all of it"),
    ]

    cursor: reactive[float | None] = reactive(None)
    """The x that is read; None for the end."""
    logarithmic: reactive[bool] = reactive(False)

    @dataclass
    class Read(Message):
        """The cursor of a chart was moved to `x`; None: away."""

        chart: Chart
        x: float | None

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.title = title
        self.series: tuple[Series, ...] = ()
        self.view = View()
        self._plotted: Plotted | None = None
        self._legend_rows = legend((), plain(title), 0, 1)

    def show(self, series: Sequence[Series], x: XAxis, y: Span | None = None, gaps: bool = False) -> None:
        """Draw `series` from now on; `x` says what their x means, `y` is the room for values if not theirs.

        With `gaps`, time is counted back from now, and what is no number is nothing to speak of.
        """
        made, at = self._plotted, None
        if x != self.view.x:
            # Over another axis the cursor stays in its column, and all of the curve is seen again.
            at = made.column(self.cursor) if made and self.cursor is not None else None
            self.view = View(x, self.logarithmic)
            self.set_reactive(Chart.cursor, None)
        self.series, self.view = tuple(series), replace(self.view, room=y, gaps=gaps)
        self._redraw()
        if at is not None and self._plotted:
            self.cursor = self._plotted.at(at)

    def on_resize(self, event: Resize) -> None:
        """Draw for the new size."""
        self._redraw()

    def watch_logarithmic(self) -> None:
        """Another y axis."""
        self.view = replace(self.view, logarithmic=self.logarithmic)
        self._redraw()

    def _redraw(self) -> None:
        """Axes and curves for the data and size there are; done once, not a row."""
        width, height = self.size
        self._legend_rows = legend(self.series, self._heading, width, max(1, (height - 3) // 3))
        above = len(self._legend_rows[0])

        def size(labels: int) -> tuple[int, int]:
            return width - labels - 2, height - above - 2

        self._plotted = plot(self.series, self.view, size)
        self.refresh()

    # Cursor and zoom

    def action_cursor(self, step: int) -> None:
        """Move the cursor by columns; it appears at the end, and takes a zoomed view along."""
        made = self._plotted
        if made is None:
            return
        width = made.canvas.width
        at = None if self.cursor is None else made.column(self.cursor)
        column = (width if at is None else at) + step
        if not 0 <= column < width:
            self._pan(made.at(column) - made.at(0 if column < 0 else width - 1))
            made = self._plotted or made
        self.read(made.at(max(0, min(width - 1, column))))

    def _pan(self, by: float) -> None:
        window, whole = self.view.window, breadth(self.series)
        if window and whole:
            by = max(whole.low - window.low, min(whole.high - window.high, by))
            self.view = replace(self.view, window=Span(window.low + by, window.high + by))
            self._redraw()

    def action_zoom(self, factor: float) -> None:
        """See so much of x as before, times `factor`, with the cursor where it was."""
        whole = breadth(self.series)
        if whole is None or self._plotted is None:
            return
        now, length = self._plotted.x.span, whole.high - whole.low
        to = max((now.high - now.low) * factor, length / CLOSEST)
        at = now.high if self.cursor is None else min(now.high, max(now.low, self.cursor))
        low = max(whole.low, min(whole.high - to, at - (at - now.low) * to / (now.high - now.low)))
        self.view = replace(self.view, window=None if to >= length else Span(low, low + to))
        self._redraw()

    def read(self, x: float | None) -> None:
        """Put the cursor at `x`, and tell so."""
        self.cursor = x
        self.post_message(self.Read(self, x))

    def on_mouse_move(self, event: MouseMove) -> None:
        """The cursor is where the mouse is."""
        self.read(self._under(event.x))

    def on_leave(self, event: Leave) -> None:
        """Without the mouse the legend tells the last values again."""
        self.read(None)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Ctrl and the wheel zoom; the wheel alone scrolls the page."""
        self._wheel(event, 0.5)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Away again."""
        self._wheel(event, 2)

    def _wheel(self, event: MouseScrollUp | MouseScrollDown, factor: float) -> None:
        if event.ctrl:
            event.stop()
            self.action_zoom(factor)

    def _under(self, x: int) -> float | None:
        made = self._plotted
        if made is None:
            return None
        column = x - self.gutter.left - self._left
        return made.at(column) if 0 <= column < made.canvas.width else None

    def readout(self) -> tuple[str, list[tuple[Series, float | None]]]:
        """What the legend tells: where (empty for the end) and each curve's value there."""
        x = self.cursor
        if x is None or self._plotted is None:
            return "", [(one, one.trace.last) for one in self.series]
        points = [(one, one.trace.nearest(x)) for one in self.series]
        at = min((point[0] for _, point in points if point), key=lambda known: abs(known - x), default=x)
        return self._place(at), [(one, point[1] if point else None) for one, point in points]

    def _place(self, x: float) -> str:
        """Where `x` is, in words."""
        if self.view.x != "time":
            return f"{self.view.x} {number(x)}"
        return duration(x) if not self.view.gaps else f"{duration(-x)} ago" if x < -0.5 else "now"

    # Drawing

    @property
    def _heading(self) -> str:
        signs = [word for word, on in (("log", self.logarithmic), ("zoom", self.view.window)) if on]
        return plain(self.title) + (f" ({', '.join(signs)})" if signs else "")

    @property
    def _left(self) -> int:
        labels = self._plotted.y.ticks if self._plotted else ()
        return max((len(label) for _, label in labels), default=0) + 2

    def render_line(self, y: int) -> Strip:
        """Legend, plot rows, axis line, numbers."""
        made, above = self._plotted, len(self._legend_rows[0])
        if y < above:
            strip = self._legend(y)
        elif made is None:
            strip = self._empty(y)
        elif y - above < made.canvas.height:
            strip = self._plot_row(made, y - above)
        elif y == self.size.height - 2:
            strip = self._axis_line(made)
        else:
            strip = self._x_numbers(made)
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _shade(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}", partial=True)

    def _series_shade(self, place: int) -> Style:
        return self._shade(f"series-{self.series[place].color % COLORS}")

    def _cell_shade(self, owner: int) -> Style:
        """The style of a cell by who drew there."""
        if owner >= 0:
            return self._series_shade(owner)
        return self._shade({_EMPTY: "grid", BEHIND: "raw"}.get(owner, "cursor"))

    def _legend(self, row: int) -> Strip:
        where, values = self.readout()
        rows, left_out = self._legend_rows
        parts = [] if row else [Segment(self._heading + "  ", self._shade("title"))]
        for entry in rows[row]:
            one, value = values[entry.place]
            said = "—" if value is None else number(value)
            parts += [Segment(f"{one.mark or '━'} ", self._series_shade(entry.place)),
                      Segment(entry.label, self._shade("axis")),
                      Segment(said.ljust(VALUE), self._shade("cursor"))]  # fmt: skip
        if row == len(rows) - 1 and left_out:
            parts.append(Segment(f"+{left_out} more", self._shade("axis")))
        # Where, and what is not drawn, stand at the right edge: the values keep their places.
        odd = undrawn(self.series, self.view) if row == 0 else ""
        there = f"  {where}" if where and not row else ""
        edge = Strip([Segment(odd, self._shade("odd")), Segment(there, self._shade("cursor"))])
        room = max(0, self.size.width - edge.cell_length)
        return Strip.join([Strip(parts).adjust_cell_length(room), edge])

    def _empty(self, row: int) -> Strip:
        text = "no numbers to draw yet"
        if self.logarithmic and any(len(one.trace) for one in self.series):
            text = "no value is above 0; l draws them as they are"
        return Strip([Segment((text if row == self.size.height // 2 else "").center(self.size.width),
                              self._shade("axis"))])  # fmt: skip

    def _plot_row(self, made: Plotted, row: int) -> Strip:
        canvas = made.canvas
        label = next((text for value, text in made.y.ticks if made.row(value) == row), None)
        edge = "┤" if label else "│"
        parts = [Segment((label or "").rjust(self._left - 2) + " " + edge, self._shade("axis"))]
        empty, owners, cursor = "┈" if label else " ", canvas.owner[row], None
        if self.cursor is not None:
            cursor = made.column(self.cursor)
        cells = [(owner, canvas.char(column, row) if owner != _EMPTY else empty) for column, owner in enumerate(owners)]
        for column in range(canvas.width) if made.marks else ():
            if (column, row) in made.marks:
                cells[column] = made.marks[column, row]
        if cursor is not None and cells[cursor][0] == _EMPTY:
            cells[cursor] = (_CURSOR, "│")
        for owner, group in groupby(cells, key=itemgetter(0)):
            parts.append(Segment("".join(char for _, char in group), self._cell_shade(owner)))
        return Strip(parts)

    def _axis_line(self, made: Plotted) -> Strip:
        width = made.canvas.width
        marks = {made.across(value) for value, _ in made.x.ticks}
        line = "".join("┬" if column in marks else "─" for column in range(width))
        return Strip([Segment(" " * (self._left - 1) + "└" + line, self._shade("axis"))])

    def _x_numbers(self, made: Plotted) -> Strip:
        room = [" "] * self.size.width
        for value, label in made.x.ticks:
            middle = self._left + made.across(value)
            start = min(max(0, middle - len(label) // 2), self.size.width - len(label))
            if all(cell == " " for cell in room[max(0, start - 1) : start + len(label) + 1]):
                room[start : start + len(label)] = label
        return Strip([Segment("".join(room), self._shade("axis"))])
