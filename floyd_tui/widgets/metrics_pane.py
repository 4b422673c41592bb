"""A job's metrics as charts: what belongs together (`loss` and `val_loss`) shares one; other jobs may stand beside."""

from __future__ import annotations

from collections.abc import Iterable

from floyd_tui.metrics.runs import Run, charts_of
from floyd_tui.widgets.metric_charts import MetricCharts
from runner.models import Metric


class MetricsPane(MetricCharts):
    """Charts of the metrics of the job `name`. `extend` adds points; `put_beside` other jobs."""

    def __init__(self, name: str = "", *, id: str | None = None) -> None:
        super().__init__([Run(name, sign="A")], id=id)

    @property
    def count(self) -> int:
        """How many points of the job there are."""
        return self.runs[0].count

    def extend(self, points: Iterable[Metric], start: float) -> None:
        """Add `points`, in the order they came; `start` is the job's, in epoch seconds."""
        self.runs[0].start = start
        changed = self.runs[0].extend(points)
        if changed:
            groups = charts_of(self.runs, self.together)
            self.draw_charts([title for title in groups if changed.intersection(self.shown_in(title))])

    def put_beside(self, others: Iterable[Run]) -> None:
        """Draw these jobs' curves, too; none takes them away."""
        self.runs[1:] = others
        self.draw_charts()
