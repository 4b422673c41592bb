"""Charts side by side, as many in a row as fit; Enter enlarges one. What is drawn is for who inherits to say."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, Vertical, VerticalScroll
from textual.reactive import var
from textual.widgets import Static

from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.note import Note

# Cells between charts.
GUTTER = 2
LOWEST, HIGHEST = 9, 20


class ChartGrid(Vertical):
    """A grid of charts by their titles, a line of words below, and a note while there is none."""

    DEFAULT_CSS = """
    ChartGrid {
        height: 1fr;
        & > Note { display: none; }
        & > Note.-shown { display: block; }
        &.-empty > VerticalScroll, &.-empty > .charts-status { display: none; }
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; scrollbar-background: $background; }
        & ItemGrid { height: auto; grid-gutter: 0 2; }
        & Chart { height: 100%; }
        & Chart.-hidden { display: none; }
        & > .charts-status { height: 1; padding: 0 1; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enlarge", "Enlarge", id="charts.enlarge", tooltip="This chart alone, or all again"),
        Binding("j,down", "focus_chart(1)", "Next", show=False, id="charts.next", tooltip="To the next chart"),
        Binding("k,up", "focus_chart(-1)", "Previous", show=False, id="charts.previous", tooltip="To the chart before"),
    ]
    # What is awaited, as the note says it.
    AWAITED: ClassVar[str] = "Reading"
    # Cells that a chart takes at least, and as many charts as stand in a row at most.
    WIDTH: ClassVar[int] = 56
    ABREAST: ClassVar[int] = 4

    enlarged: var[str | None] = var(None)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-empty")
        # Those that go are there for a moment still, and no longer here.
        self._charts: dict[str, Chart] = {}

    def compose(self) -> ComposeResult:
        yield Note()
        with VerticalScroll(can_focus=False):
            yield ItemGrid(min_column_width=self.WIDTH)
        yield Static(classes="charts-status")

    def on_mount(self) -> None:
        """Say what is awaited."""
        note = self.query_one(Note)
        note.add_class("-shown")
        note.wait_for(self.AWAITED)

    def say(self, title: str, text: str = "", hint: str = "", color: str = "foreground") -> None:
        """Show a note, unless there are charts."""
        self.query_one(Note).say(title, text, hint, color)

    @property
    def focused_chart(self) -> Chart | None:
        """The chart that has the keys, else the first that is seen."""
        shown = [chart for chart in self.query(Chart) if chart.display]
        return next((chart for chart in shown if chart.has_focus), shown[0] if shown else None)

    def keep_only(self, titles: Collection[str]) -> None:
        """Take away the charts of other titles."""
        for title in [title for title in self._charts if title not in titles]:
            self._charts.pop(title).remove()
        if self.enlarged not in titles:
            self.enlarged = None

    def chart(self, title: str) -> Chart:
        """The chart of that title, made if there is none yet."""
        if title not in self._charts:
            self.remove_class("-empty")
            self.query_one(Note).remove_class("-shown")
            self._charts[title] = Chart(title, classes="-hidden" if self.enlarged else "")
            self.query_one(ItemGrid).mount(self._charts[title])
        return self._charts[title]

    @on(Chart.Read)
    def _read_all(self, event: Chart.Read) -> None:
        """What is read in one chart is read in all: they lie over the same x."""
        event.stop()
        for chart in self.query(Chart):
            chart.cursor = event.x

    def tell(self, words: str) -> None:
        """The line of words below."""
        self.query_one(".charts-status", Static).update(words)

    def action_enlarge(self) -> None:
        """The focused chart alone, or all again."""
        focused = self.screen.focused
        if self.enlarged:
            self.enlarged = None
        elif isinstance(focused, Chart):
            self.enlarged = focused.title

    def watch_enlarged(self, title: str | None) -> None:
        """Hide the others."""
        for chart in self.query(Chart):
            chart.set_class(title is not None and chart.title != title, "-hidden")
        self.fit()

    def action_focus_chart(self, step: int) -> None:
        """To the next chart that is there."""
        charts = [chart for chart in self.query(Chart) if chart.display]
        focused = self.screen.focused
        at = charts.index(focused) if isinstance(focused, Chart) and focused in charts else -1
        if charts:
            charts[(at + step) % len(charts)].focus()

    def focus_first(self) -> None:
        """Give a chart the keys."""
        if not any(chart.has_focus for chart in self.query(Chart)):
            self.action_focus_chart(1)

    def on_resize(self) -> None:
        """Charts as tall as fit well."""
        self.fit()

    def fit(self) -> None:
        """Lay the charts out for the room that there is."""
        columns = 1 if self.enlarged else max(1, min(self.ABREAST, self.size.width // self.WIDTH))
        grid = self.query_one(ItemGrid)
        grid.min_column_width = max(self.WIDTH, self.size.width // columns - GUTTER)
        charts = [chart for chart in self.query(Chart) if chart.display]
        rows = -(-len(charts) // columns) or 1
        height = max(LOWEST, min((self.size.height - 1) // rows, self.size.height if self.enlarged else HIGHEST))
        grid.styles.grid_rows = str(height)
