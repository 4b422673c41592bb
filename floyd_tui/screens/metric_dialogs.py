"""What charts of metrics ask: which metrics or jobs to draw, too, and as what to save them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from floyd_tui.errors import FloydError
from floyd_tui.metrics.files import csv_of, drawn, save_new
from floyd_tui.metrics.picture import Sketch
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.pickers import Picker
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.metric_charts import MetricCharts
from floyd_tui.widgets.tick_list import TickList


class TickDialog(ModalScreen[list[int] | None]):
    """Lines to tick, `most` of them; dismisses with the places of those that are, with None to leave all as it was."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "TickList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Draw", id="ticked.take", tooltip="Draw what is ticked", priority=True),
        Binding("escape", "leave", "Leave", id="ticked.leave", tooltip="Leave all as it was"),
    ]

    def __init__(self, question: str, lines: Sequence[str], ticked: Sequence[int], most: int) -> None:
        super().__init__()
        self._question, self._lines, self._ticked, self._most = question, lines, ticked, most

    def compose(self) -> ComposeResult:
        lines = [Text(fmt.plain(line), no_wrap=True, overflow="ellipsis") for line in self._lines]
        with Vertical(id="dialog"):
            yield Static(self._question, id="question", markup=False)
            yield TickList(lines, ticked=self._ticked)
            yield Static("Space ticks, Enter draws, Esc leaves", classes="dim")

    def action_take(self) -> None:
        """Draw what is ticked."""
        ticked = sorted(self.query_one(TickList).ticked)
        if len(ticked) > self._most:
            self.notify(f"{len(ticked)} are ticked; {self._most} at most are told apart.", severity="warning")
            return
        self.dismiss(ticked)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def ask_overlay(asked: MetricCharts.OverlayAsked) -> None:
    """Ask which metrics are drawn in a chart besides its own, and draw them."""
    charts, title = asked.charts, asked.title
    ticked = charts.overlaid.get(title, [])
    own = [name for name in charts.shown_in(title) if name not in ticked]
    others = [name for name in charts.metrics if name not in own]
    if not others:
        charts.notify("There is no other metric to draw here.")
        return

    def take(places: list[int] | None) -> None:
        if places is not None:
            charts.overlay(title, [others[at] for at in places])

    now = [at for at, name in enumerate(others) if name in ticked]
    charts.app.push_screen(TickDialog(f"What else in the chart of {title}?", others, now, len(others)), take)


class SavePicker(Picker[str]):
    """As what to save: dismisses with ``csv``, ``svg`` or ``png``."""

    HEADING = "Save as what?"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = fmt.plain(title)

    def options(self) -> list[Option]:
        """A line a kind."""
        kinds = {
            "csv": "all points of all metrics, for a spreadsheet",
            "svg": f"the chart of {self._title}, sharp at any size",
            "png": f"the chart of {self._title}, for a mail or slides",
        }
        lines = {kind: Content.assemble(f"{kind.upper()}  ", (words, "$dim")) for kind, words in kinds.items()}
        return [Option(line, id=kind) for kind, line in lines.items()]

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)


def save_charts(screen: Screen[Any], charts: MetricCharts, name: str) -> None:
    """Ask as what to save `charts`, of which the focused one is drawn; the file's name begins with `name`."""
    chart = charts.focused_chart
    if chart is None:
        return

    def chosen(kind: str | None) -> None:
        if kind:
            screen.run_worker(_save(screen, charts, chart, name, kind), group="save", exit_on_error=False)

    screen.app.push_screen(SavePicker(chart.title), chosen)


async def _save(screen: Screen[Any], charts: MetricCharts, chart: Chart, name: str, kind: str) -> None:
    """Write the file in a thread: a million points take a while."""
    folder = Path.cwd()
    try:
        if kind == "csv":
            points = [point for run in charts.runs for point in run.points(several=len(charts.runs) > 1)]
            content = (await asyncio.to_thread(csv_of, points)).encode("utf-8", "replace")
            path = await asyncio.to_thread(save_new, content, folder, name, "csv")
        else:
            smoothed = f"smoothed by {charts.smoothing:g}" if charts.smoothing else ""
            several = "" if len(charts.runs) > 1 else charts.runs[0].name
            sketch = Sketch(chart.title, chart.series, chart.view.x, chart.logarithmic, chart.view.window,
                            "   ".join(filter(None, (several, smoothed))))  # fmt: skip
            as_kind: Literal["svg", "png"] = "svg" if kind == "svg" else "png"
            content = await asyncio.to_thread(drawn, sketch, as_kind, screen.app.current_theme.dark)
            path = await asyncio.to_thread(save_new, content, folder, f"{name}-{chart.title}", as_kind)
    except FloydError as error:
        show_error(screen, error)
        return
    screen.app.copy_to_clipboard(str(path))
    screen.notify(f"{path}\nIts path is in the clipboard.", title="Saved", markup=False)
