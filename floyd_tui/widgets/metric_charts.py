"""Charts of the metrics of one job or several: over steps, epochs or time, smoothed, together or apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import var

from floyd_tui.metrics.axes import AXES, XAxis
from floyd_tui.metrics.runs import Run, charts_of, series_of
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart import COLORS, Chart
from floyd_tui.widgets.chart_grid import ChartGrid

# How much of a curve's past each of its points keeps: none, some, much.
SMOOTHINGS = (0.0, 0.6, 0.9, 0.98)


class MetricCharts(ChartGrid):
    """A chart a metric, or one for what belongs together; with several runs each has its own colour and sign."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "next_axis", "x axis", id="metrics.axis", tooltip="Draw over steps, epochs or time"),
        Binding("S", "smooth(1)", "Smooth", id="metrics.smooth", tooltip="Average over the past: 0, 0.6, 0.9, 0.98"),
        Binding("v", "overlay", "Overlay", id="metrics.overlay", tooltip="Tick what else is drawn in this chart"),
        Binding("p", "part", "Apart", show=False, id="metrics.apart",
                tooltip="loss and val_loss in one chart, or each in its own"),
        Binding("ctrl+s", "save", "Save", id="metrics.save", tooltip="Write points as CSV, a chart as SVG or PNG"),
    ]  # fmt: skip
    AWAITED = "Reading the metrics"

    axis: var[XAxis] = var("step")
    smoothing: var[float] = var(0.0)

    @dataclass
    class OverlayAsked(Message):
        """Which metrics are to be drawn in the chart of that title besides its own?"""

        charts: MetricCharts
        title: str

    @dataclass
    class SaveAsked(Message):
        """The charts are to be written to files."""

        charts: MetricCharts

    def __init__(self, runs: Iterable[Run] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.runs: list[Run] = [*runs]
        self._axis_chosen = False
        self._together: bool | None = None
        # What was ticked to be drawn in a chart besides its own, by its title.
        self.overlaid: dict[str, list[str]] = {}

    @property
    def together(self) -> bool:
        """Whether what belongs together shares a chart; several jobs would make a tangle of that."""
        return len(self.runs) < 2 if self._together is None else self._together

    @property
    def metrics(self) -> list[str]:
        """All metrics of any run."""
        return list(dict.fromkeys(metric for run in self.runs for metric in run.metrics))

    def shown_in(self, title: str) -> list[str]:
        """The metrics in the chart of that title."""
        own = charts_of(self.runs, self.together).get(title, [])
        return [*own, *(name for name in self.overlaid.get(title, ()) if name not in own)]

    def overlay(self, title: str, metrics: Sequence[str]) -> None:
        """Draw `metrics` in the chart of that title, besides its own."""
        self.overlaid[title] = list(metrics)
        self.draw_charts([title])

    def draw_charts(self, titles: Iterable[str] | None = None) -> None:
        """Draw what there is; or only the charts of `titles`, of which each must be there."""
        groups = charts_of(self.runs, self.together)
        if titles is None:
            self.keep_only(groups.keys())
        if not self._axis_chosen:
            self.set_reactive(MetricCharts.axis, self._usual_axis())
        for title in groups if titles is None else titles:
            shown = self.shown_in(title)
            self.chart(title).show(series_of(self.runs, shown, self.axis, self.smoothing, COLORS), self.axis)
        self.fit()
        self._tell_state()

    def _usual_axis(self) -> XAxis:
        """What the points of all runs carry."""
        return max((run.usual_axis() for run in self.runs if run.count), key=AXES.index, default="step")

    def _tell_state(self) -> None:
        points = sum(run.count for run in self.runs)
        smoothed = f", smoothed by {self.smoothing:g}" if self.smoothing else ""
        said = f"{fmt.count(len(self.metrics), 'metric')}, {fmt.count(points, 'point')} over {self.axis}{smoothed}"
        several = [f"{run.sign} {run.name}" for run in self.runs] if len(self.runs) > 1 else []
        self.tell("   ".join([said, *map(fmt.plain, several)]))

    # Keys

    def watch_axis(self) -> None:
        """Draw all anew over the other axis."""
        self.draw_charts()

    def watch_smoothing(self) -> None:
        """Draw all anew."""
        self.draw_charts()

    def action_next_axis(self) -> None:
        """Over steps, epochs, time, in turn."""
        self._axis_chosen = True
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]

    def action_smooth(self, step: int) -> None:
        """The next smoothing."""
        self.smoothing = SMOOTHINGS[(SMOOTHINGS.index(self.smoothing) + step) % len(SMOOTHINGS)]

    def action_part(self) -> None:
        """What belongs together in one chart, or each in its own."""
        self._together = not self.together
        self.draw_charts()

    def action_overlay(self) -> None:
        """Ask what else is to be drawn in the chart that has the keys."""
        if self.focused_chart is not None:
            self.post_message(self.OverlayAsked(self, self.focused_chart.title))

    def action_save(self) -> None:
        """Ask how to save."""
        if self.query(Chart):
            self.post_message(self.SaveAsked(self))
