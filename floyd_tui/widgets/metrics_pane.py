"""A job's metrics as charts: what belongs together (`loss` and `val_loss`) shares one; Enter enlarges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ItemGrid, Vertical, VerticalScroll
from textual.reactive import var
from textual.widgets import Static

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart import COLORS, Chart, Series, XAxis
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.plot import Point
from runner.models import Metric

AXES: tuple[XAxis, ...] = ("step", "epoch", "time")
CHART_WIDTH = 56
LOWEST, HIGHEST = 9, 20
_SPLIT = re.compile(r"^(?:train(?:ing)?|val(?:id|idation)?|test|eval)[_/.\-](.+)$", re.IGNORECASE)
_SUFFIX = re.compile(r"^(.+)[_/.\-](?:train(?:ing)?|val(?:id|idation)?|test|eval)$", re.IGNORECASE)


def stem(name: str) -> str:
    """What a metric measures, without the part of the data it was measured on: ``val_loss`` → ``loss``."""
    match = _SPLIT.match(name) or _SUFFIX.match(name)
    return match[1] if match else name


class MetricsPane(Vertical):
    """Charts of metrics. `extend` adds points; the x axis is what the metrics carry, `x` changes it."""

    DEFAULT_CSS = """
    MetricsPane {
        height: 1fr;
        & > Note { display: none; }
        & > Note.-shown { display: block; }
        &.-empty > VerticalScroll, &.-empty > #metrics-status { display: none; }
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; scrollbar-background: $background; }
        & ItemGrid { height: auto; grid-gutter: 0 2; }
        & Chart { height: 100%; }
        & Chart.-hidden { display: none; }
        & > #metrics-status { height: 1; padding: 0 1; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "next_axis", "x axis", id="metrics.axis", tooltip="Draw over steps, epochs or time"),
        Binding("enter", "enlarge", "Enlarge", id="metrics.enlarge", tooltip="This chart alone, or all again"),
        Binding("j,down", "focus_chart(1)", "Next", show=False, id="metrics.next", tooltip="To the next chart"),
        Binding(
            "k,up", "focus_chart(-1)", "Previous", show=False, id="metrics.previous", tooltip="To the chart before"
        ),
    ]

    axis: var[XAxis] = var("step")
    enlarged: var[str | None] = var(None)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-empty")
        self._points: dict[str, list[Metric]] = {}
        self._start = 0.0
        self._chosen = False

    def compose(self) -> ComposeResult:
        yield Note()
        with VerticalScroll(can_focus=False):
            yield ItemGrid(min_column_width=CHART_WIDTH)
        yield Static(id="metrics-status")

    def on_mount(self) -> None:
        """Say what is awaited."""
        note = self.query_one(Note)
        note.add_class("-shown")
        note.wait_for("Reading the metrics")

    def say(self, title: str, text: str = "", hint: str = "", color: str = "foreground") -> None:
        """Show a note, unless there are charts."""
        self.query_one(Note).say(title, text, hint, color)

    @property
    def count(self) -> int:
        """How many points there are."""
        return sum(map(len, self._points.values()))

    def extend(self, points: Iterable[Metric], start: float) -> None:
        """Add `points`, in the order they came; `start` is the job's, in epoch seconds."""
        self._start = start
        changed = set()
        for point in points:
            self._points.setdefault(point.name, []).append(point)
            changed.add(stem(point.name))
        if not changed:
            return
        self.remove_class("-empty")
        self.query_one(Note).remove_class("-shown")
        if not self._chosen:
            self.axis = self._usual_axis()
        self._draw(changed)

    def _usual_axis(self) -> XAxis:
        every = [point for points in self._points.values() for point in points[:50]]
        if all(point.step is not None for point in every):
            return "step"
        return "epoch" if all(point.epoch is not None for point in every) else "time"

    def _draw(self, stems: Iterable[str] | None = None) -> None:
        groups: dict[str, list[str]] = {}
        for name in self._points:
            groups.setdefault(stem(name), []).append(name)
        charts = {chart.title: chart for chart in self.query(Chart)}
        for title, names in groups.items():
            if title not in charts:
                charts[title] = Chart(title)
                self.query_one(ItemGrid).mount(charts[title])
            if stems is None or title in stems:
                self._show(charts[title], names)
        self._fit()
        self._draw_status()

    def _show(self, chart: Chart, names: Sequence[str]) -> None:
        ordered = sorted(names, key=lambda name: (name != chart.title, name))
        chart.show([Series(name, self._xy(name), i % COLORS) for i, name in enumerate(ordered)], self.axis)

    def _xy(self, name: str) -> list[Point]:
        points: list[Point] = []
        for i, metric in enumerate(self._points[name]):
            own = {"step": metric.step, "epoch": metric.epoch}.get(self.axis, metric.time - self._start)
            points.append((float(i if own is None else own), metric.value))
        # A job that began anew counts from 0 again; the chart needs its points by x.
        return sorted(points, key=lambda point: point[0])

    def _draw_status(self) -> None:
        points = f"{fmt.count(len(self._points), 'metric')}, {fmt.count(self.count, 'point')} over {self.axis}"
        self.query_one("#metrics-status", Static).update(points)

    # Keys

    def watch_axis(self) -> None:
        """Draw all anew over the other axis."""
        if self._points:
            self._draw()

    def action_next_axis(self) -> None:
        """Over steps, epochs, time, in turn."""
        self._chosen = True
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]

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
        self._fit()

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
        self._fit()

    def _fit(self) -> None:
        columns = 1 if self.enlarged else max(1, self.size.width // CHART_WIDTH)
        grid = self.query_one(ItemGrid)
        grid.min_column_width = self.size.width if self.enlarged else CHART_WIDTH
        charts = [chart for chart in self.query(Chart) if chart.display]
        rows = -(-len(charts) // columns) or 1
        height = max(LOWEST, min((self.size.height - 1) // rows, self.size.height if self.enlarged else HIGHEST))
        grid.styles.grid_rows = str(height)
