"""One host under load: its gauges over the last minutes, GPU by GPU, and the processes on them with whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Link, LinkState, LinkStatus
from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.job_actions import open_job
from floyd_tui.screens.live import change_or
from floyd_tui.screens.page import BREAKPOINTS, HEIGHTS
from floyd_tui.usage import sparkline
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart_grid import ChartGrid
from floyd_tui.widgets.gpu_lines import warmth
from floyd_tui.widgets.host_history import HostHistory, memory_share
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row, RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import GpuStats, HostStats

COLUMNS = (
    Column("gpu", "GPU", 4), Column("use", "Use", 4, right=True), Column("used", "", 8, since=60, until=100),
    Column("used-long", "", 20, since=100), Column("full", "Full", 4, right=True, since=60),
    Column("heat", "Heat", 5, right=True, since=70), Column("power", "Power", 5, right=True, since=76),
    Column("whose", "Whose", 14, flex=1), Column("memory", "Memory", 8, right=True),
    Column("pid", "PID", 8, right=True, since=100),
)  # fmt: skip
SPARKS = {"used": 8, "used-long": 20}
RETRY_SECONDS = 1.0
# Drawing costs more than looking.
DRAW_SECONDS = 2.0


class HostCharts(ChartGrid):
    """The charts of a host's last minutes, and of one of its GPUs."""

    AWAITED = "Looking at its gauges"
    WIDTH = 38
    ABREAST = 3

    def draw(self, history: HostHistory, gpu: str) -> None:
        """Draw what is known now."""
        charts = history.charts(gpu)
        self.keep_only([chart.title for chart in charts])
        for chart in charts:
            self.chart(chart.title).show(chart.series, "time", chart.room, gaps=True)
        self.fit()


class HostScreen(ErrorFunnel[None]):
    """The host behind `link`; `history` is what is known already, and is added to."""

    CSS_PATH = "host.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="load.back", tooltip="Back to the hosts"),
        Binding("tab", "app.focus_next", "Processes", id="load.other", tooltip="To the processes, and to the charts"),
        Binding("ctrl+r", "retry", "Connect", show=False, id="load.retry", tooltip="Try the host again now"),
    ]

    def __init__(self, link: Link, history: HostHistory) -> None:
        super().__init__()
        self.link, self._history = link, history
        self._failed = False

    def compose(self) -> ComposeResult:
        yield TopBar(self.link, "load")
        yield HostCharts()
        yield Static(id="load-said")
        yield RowTable(COLUMNS, id="processes")
        yield KeyRow()

    def on_mount(self) -> None:
        self.paint = Paint.of(self.app)
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)
        once_a(DRAW_SECONDS, self, self._draw)
        self._unwatch = self.link.watch(self._status_changed)
        self.call_after_refresh(self._draw)
        self._follow()

    def on_unmount(self) -> None:
        self._unwatch()

    def _status_changed(self, _: LinkStatus) -> None:
        self._draw()

    @work(exclusive=True, group="gauges", exit_on_error=False)
    async def _follow(self) -> None:
        """Its gauges as they are told, through lost connections."""
        while True:
            try:
                await self.link.connected()
                async for stats in self.link.client.follow_stats():
                    first, self._failed = self._failed or len(self._history) < 2, False
                    self._history.add(stats)
                    if first:
                        self._draw()
            except FloydError:
                self._failed = True
                self._draw()
            await change_or(self.link, RETRY_SECONDS)

    # What is shown

    @property
    def _stale(self) -> bool:
        return self._failed or self.link.status.state is not LinkState.LIVE

    def _theme_changed(self, _: object) -> None:
        self.paint = Paint.of(self.app)
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        charts = self.query_one(HostCharts)
        self.set_class(self._stale, "-stale")
        if not self._history:
            if self._stale:
                charts.say("Nothing is known of it yet", "The host does not answer.", "ctrl+r tries again.", "dim")
            return
        now = self._history[-1]
        rows = [*self._rows(now)]
        table = self.query_one("#processes", RowTable)
        table.show_rows(rows)
        table.styles.height = min(len(rows), self.size.height * 3 // 8) + 1
        table.display = bool(rows)
        self.query_one("#load-said", Static).update(self._said(now))
        self._draw_charts()
        if self.focused is None:
            self.set_focus(table if rows else charts.focused_chart)

    @on(RowTable.RowHighlighted, "#processes")
    def _draw_charts(self) -> None:
        """The charts of the GPU under the cursor."""
        gpu = (self.query_one("#processes", RowTable).cursor_key or "").partition("/")[0]
        self.query_one(HostCharts).draw(self._history, gpu)

    def _said(self, now: HostStats) -> Content:
        """What its GPUs do in a few words; of a host that is gone how old that is."""
        busy = sum(bool(gpu.jobs or gpu.processes) for gpu in now.gpus)
        gpus = f"{fmt.count(len(now.gpus), 'GPU')}, {busy} in use" if now.gpus else now.gpu_note or "No GPU here."
        parts = [(fmt.plain(gpus), "$foreground")]
        if self._stale:
            parts.append((f"   as of {fmt.ago(now.time, fmt.now(self))}: the host does not answer", "$warn"))
        return Content.assemble(*parts)

    def _rows(self, now: HostStats) -> Iterator[Row]:
        """A row a process on a GPU, and one for a GPU without any; then jobs without a GPU."""
        seen = set()
        for gpu in now.gpus:
            cells = self._gpu_cells(gpu)
            for number, (pid, memory, job) in enumerate([*_processes(gpu)] or [("", None, None)]):
                seen.add(job)
                whose = self._whose(gpu, job)
                yield Row(f"{gpu.uuid}/{number}/{job or ''}", {**cells, **self._process_cells(pid, memory, whose)})
                cells = {"gpu": self.paint("└", "faint")}
        for use in now.jobs:
            if use.job not in seen:
                cells = self._process_cells("", use.memory_used, self._job(use.job))
                yield Row(f"/0/{use.job}", {"gpu": self.paint(fmt.DASH, "dim"), **cells})

    def _gpu_cells(self, gpu: GpuStats) -> dict[str, Text]:
        """How a GPU does now, and how its use went."""
        paint, full, celsius = self.paint, memory_share(gpu), gpu.temperature
        past = self._history.past(gpu.uuid, lambda one: one.utilization)
        said = {
            "gpu": paint(f"{'└ ' if gpu.part_of else ''}{gpu.index}", style="bold"),
            "use": paint(fmt.percent(gpu.utilization)),
            "full": paint(fmt.percent(full), "bad" if (full or 0) >= 97 else ""),
            "heat": paint(fmt.DASH if celsius is None else f"{celsius:.0f} °C", warmth(celsius)),
            "power": paint(fmt.DASH if gpu.power is None else f"{gpu.power:.0f} W"),
        }
        return said | {key: paint(sparkline(past, cells), "running") for key, cells in SPARKS.items()}

    def _process_cells(self, pid: str, memory: int | None, whose: Text) -> dict[str, Text]:
        memory_said = fmt.size(memory) if memory is not None else ""
        return {"pid": self.paint(pid, "dim"), "memory": self.paint(memory_said), "whose": whose}

    def _whose(self, gpu: GpuStats, job: str | None) -> Text:
        """Whose a process is; without one, how the GPU stands."""
        if gpu.lost:
            return self.paint("✘ lost: off the bus", "bad")
        if job is None:
            return self.paint("divided (MIG)" if gpu.divided else "idle", "dim")
        return self._job(job) if job else self.paint("another program", "warn")

    def _job(self, job: str) -> Text:
        own = job.partition("/projects/")[2]
        return self.paint(f"● {own}", "running") if own else self.paint(f"● a job of {job}", "busy")

    # What one does

    @on(RowTable.RowSelected, "#processes")
    def _open(self) -> None:
        """The job that the process is of."""
        job = (self.query_one("#processes", RowTable).cursor_key or "").split("/", 2)[-1]
        if "/projects/" in job:
            self._open_job(job)
        elif job:
            self.notify(f"That job is {job}'s, and only shown to them.", markup=False)
        else:
            self.notify("No job is there. Programs of no job were started on the host itself.")

    @work(exclusive=True, group="open", exit_on_error=False)
    async def _open_job(self, name: str) -> None:
        try:
            job = await self.link.client.job(name)
        except FloydError as error:
            show_error(self, error, self.link)
            return
        open_job(self, self.link, job)

    def action_retry(self) -> None:
        """Try the host again now."""
        self.run_worker(self.link.retry(), group="retry", exclusive=True, exit_on_error=False)

    def action_back(self) -> None:
        """Back to the hosts."""
        self.dismiss()


def _processes(gpu: GpuStats) -> Iterator[tuple[str, int | None, str]]:
    """PID, memory and job of what is on a GPU."""
    known = set()
    for process in gpu.processes or ():
        known.add(process.job)
        yield str(process.pid), process.memory, process.job
    for job in gpu.jobs:
        if job not in known:
            yield fmt.DASH, gpu.memory_used if len(gpu.jobs) == 1 and not gpu.processes else None, job
