"""The curves of several jobs, a chart a metric: each job has its colour and its letter in all of them."""

from __future__ import annotations

from collections.abc import Sequence

from floyd_tui.metrics.runs import Run
from floyd_tui.widgets.metric_charts import MetricCharts
from runner.models import Metric


class CurvesPane(MetricCharts):
    """Charts of the metrics that any of the jobs has. Their names begin with their letters."""

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:
        super().__init__([Run(name[2:], sign=name[0]) for name in names], id=id)

    def show_all(self, points: Sequence[Sequence[Metric]], starts: Sequence[float]) -> None:
        """The points of each job, and when it began."""
        for run, own, start in zip(self.runs, points, starts, strict=True):
            run.start = start
            run.extend(own)
        if not self.metrics:
            self.say("No metrics", hint='Lines like {"metric": "loss", "value": 0.4} are drawn here.', color="dim")
            return
        self.draw_charts()
