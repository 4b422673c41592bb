"""The curves of several jobs, a chart a metric: each job has its colour and its letter in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart import COLORS, Series, XAxis
from floyd_tui.widgets.chart_grid import ChartGrid
from floyd_tui.widgets.metrics_pane import AXES, points_over, usual_axis
from runner.models import Metric


class CurvesPane(ChartGrid):
    """Charts of the metrics that any of the jobs has; `x` changes the axis."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "next_axis", "x axis", id="curves.axis", tooltip="Draw over steps, epochs or time"),
    ]
    AWAITED = "Reading the metrics"

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = names
        self._points: Sequence[Sequence[Metric]] = ()
        self._starts: Sequence[float] = ()
        self.axis: XAxis = "step"

    def show_all(self, points: Sequence[Sequence[Metric]], starts: Sequence[float]) -> None:
        """The points of each job, and when it began."""
        self._points, self._starts = points, starts
        every = [point for each in points for point in each]
        if not every:
            self.say("No metrics", hint='Lines like {"metric": "loss", "value": 0.4} are drawn here.', color="dim")
            return
        self.axis = usual_axis(every)
        self._draw()

    def _draw(self) -> None:
        metrics = dict.fromkeys(point.name for each in self._points for point in each)
        for metric in metrics:
            self.chart(metric).show(list(self._curves(metric)), self.axis)
        self.fit()
        self.tell(f"{fmt.count(len(metrics), 'metric')} over {self.axis}   {'   '.join(self._names)}")

    def _curves(self, metric: str) -> Sequence[Series]:
        found = []
        for place, (points, start) in enumerate(zip(self._points, self._starts, strict=True)):
            own = [point for point in points if point.name == metric]
            if own:
                name = self._names[place]
                found.append(Series(name, points_over(own, self.axis, start), place % COLORS, name[0]))
        return found

    def action_next_axis(self) -> None:
        """Over steps, epochs, time, in turn."""
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        if self._points:
            self._draw()
