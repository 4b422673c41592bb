"""What a job used over its time, as charts: GPUs, their memory, CPU, memory, disk; and hints above them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from textual.app import ComposeResult

from floyd_tui.metrics.axes import Span
from floyd_tui.metrics.runs import MARKS, Series
from floyd_tui.metrics.trace import Trace
from floyd_tui.sizes import human_duration
from floyd_tui.usage import Curve, curves
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart import COLORS
from floyd_tui.widgets.chart_grid import ChartGrid
from floyd_tui.widgets.hint_lines import HintLines
from runner.models import JobUsage

# More points than a wide screen has dots for show nothing more.
POINTS = 400
_UNITS = {"%": (1.0, "%"), "cores": (1.0, "cores"), "B/s": (float(1 << 20), "MiB/s"), "B": (float(1 << 30), "GiB")}


class UsagePane(ChartGrid):
    """Draws the `JobUsage` that it is shown."""

    AWAITED = "Reading what it used"

    def compose(self) -> ComposeResult:
        yield HintLines()
        yield from super().compose()

    def show(self, usage: JobUsage, start: float) -> None:
        """Draw `usage`; times are counted from `start`, in epoch seconds."""
        self.query_one(HintLines).show(usage.hints)
        found = curves(usage)
        for group, members in groupby(found, attrgetter("group")):
            self._draw_chart(group, [*members], start)
        if found:
            self.fit()
            steps = f"{fmt.count(len(usage.points), 'step')} of {human_duration(usage.step)}"
            self.tell(f"{steps}; each is the average over its time")

    def _draw_chart(self, group: str, members: Sequence[Curve], start: float) -> None:
        scale, unit = _UNITS[members[0].unit]
        series = []
        for place, curve in enumerate(members):
            points = sorted((max(0.0, time - start), value / scale) for time, value in curve.points)
            mark = MARKS[place % len(MARKS)] if len(members) > 1 else ""
            series.append(Series(curve.name.removeprefix(f"{group} "), Trace(points), place % COLORS, mark))
        self.chart(f"{group}, {unit}").show(series, "time", _room(members, scale))


def _room(members: Sequence[Curve], scale: float) -> Span:
    """From nothing up to what is full, where that is near; else to somewhat over the highest."""
    highest = max(value for curve in members for _, value in curve.points) / scale
    full = max((curve.full or 0.0) for curve in members) / scale
    # A job that uses a hundredth of the host's memory is to be seen to grow.
    return Span(0.0, full if full and highest > full / 4 else max(highest * 1.15, 0.01))
