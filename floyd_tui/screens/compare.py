"""Jobs side by side: the settings that differ, their metrics at the end and at best, curves, code, requirements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from floyd_tui.client.protocol import LinkSet, LinkState, LinkStatus
from floyd_tui.errors import FloydError
from floyd_tui.project.code_side import JobSide
from floyd_tui.screens.compare_code import CodePane, NeedsPane
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.metric_dialogs import ask_overlay, save_charts
from floyd_tui.screens.page import BREAKPOINTS, HEIGHTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.curves import CurvesPane
from floyd_tui.widgets.job_diff import Best, Setting, bests, settings_of
from floyd_tui.widgets.job_filter import HostJob
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.metric_charts import MetricCharts
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row, RowTable
from floyd_tui.widgets.tab_row import Tab, TabRow
from floyd_tui.widgets.top_bar import TopBar
from runner.models import FileInfo, Metric

TABS = (
    Tab("settings", "I", "Settings"),
    Tab("metrics", "M", "Metrics"),
    Tab("curves", "V", "Curves"),
    Tab("code", "C", "Code"),
    Tab("needs", "E", "Requirements"),
)
NAME, WIDTH = 15, 18
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class CompareScreen(ErrorFunnel[None]):
    """Two jobs or more of any hosts. The first is what the others are compared with; `<` and `>` choose which."""

    CSS_PATH: ClassVar = ["compare.tcss", "code_pane.tcss"]
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#settings-table"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="compare.back", tooltip="Back to the list"),
        Binding("a", "all", "All / differing", id="compare.all", tooltip="All settings, or those that differ"),
        Binding("less_than_sign", "other(-1)", "Job before", key_display="<", id="compare.before",
                tooltip="The job before, beside the first"),
        Binding("greater_than_sign", "other(1)", "Next job", key_display=">", id="compare.next",
                tooltip="The next job, beside the first"),
        Binding("left_square_bracket", "neighbour(-1)", "Tab left", show=False, id="compare.tab-left",
                tooltip="To the tab before"),
        Binding("right_square_bracket", "neighbour(1)", "Tab", show=False, id="compare.tab-right",
                tooltip="To the next tab"),
        Binding("I", "tab('settings')", "Settings", show=False, id="compare.settings", tooltip="What they ran with"),
        Binding("M", "tab('metrics')", "Metrics", show=False, id="compare.metrics", tooltip="Last and best values"),
        Binding("V", "tab('curves')", "Curves", show=False, id="compare.curves", tooltip="Metrics of all in one chart"),
        Binding("C", "tab('code')", "Code", show=False, id="compare.code", tooltip="Files that differ"),
        Binding("E", "tab('needs')", "Requirements", show=False, id="compare.needs", tooltip="What the code needs"),
    ]  # fmt: skip

    def __init__(self, links: LinkSet, jobs: Sequence[HostJob]) -> None:
        super().__init__()
        self._links, self.jobs = links, tuple(jobs)
        self._sides = [JobSide(links[one.host], one.job) for one in self.jobs]
        self.other = 1
        self._everything = False
        self._settings: list[Setting] = []
        self._bests: list[Best] = []
        self._missed = False
        self._unwatch: list[Callable[[], None]] = []

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(id="compared", markup=False)
        yield TabRow(TABS, TABS[0].id)
        with ContentSwitcher(initial=TABS[0].id):
            with Vertical(id="settings"):
                yield RowTable((), id="settings-table")
                yield Static(id="whole")
            with Vertical(id="metrics"):
                yield RowTable((), id="metrics-table")
                yield Static("last · best   ★ best of all   ↓ less is better, as of loss   ↑ more is, as of accuracy")
            yield CurvesPane(self.names, id="curves")
            yield CodePane(self._sides, id="code")
            yield NeedsPane(self._sides, [one.job for one in self.jobs], id="needs")
        yield KeyRow()

    def on_mount(self) -> None:
        self.paint = Paint.of(self.app)
        self._follow_hosts()
        self._settings = settings_of([one.job for one in self.jobs], fmt.now(self))
        self._draw()
        self._read_metrics()
        self._read_code()

    def on_resize(self) -> None:
        """As many jobs beside each other as fit."""
        self._draw()

    @property
    def names(self) -> list[str]:
        """What the jobs are called here: with their signs, and their hosts where there are several."""
        hosts = len({one.host for one in self.jobs}) > 1
        names = [f"{one.host}:{one.job.short}" if hosts else one.job.short for one in self.jobs]
        return [f"{SIGNS[place % len(SIGNS)]} {name}" for place, name in enumerate(names)]

    def on_unmount(self) -> None:
        for end in self._unwatch:
            end()

    # What the hosts say

    def _follow_hosts(self) -> None:
        """Say how the jobs' hosts stand, and ask one again that comes back for what it did not answer."""
        links = [self._links[name] for name in dict.fromkeys(one.host for one in self.jobs)]
        bar, parts = self.query_one(TopBar), ("compare", f"{len(self.jobs)} jobs")
        if len(links) == 1:
            bar.follow(links[0], *parts)
        else:
            bar.follow_all(links, *parts)
        self._unwatch = [link.watch(self._host_changed) for link in links]

    def _host_changed(self, status: LinkStatus) -> None:
        if self._missed and status.state is LinkState.LIVE:
            self._missed = False
            self._read_metrics()
            self._read_code()

    def _miss(self, error: FloydError) -> None:
        self._missed = True
        show_error(self, error)

    @work(exclusive=True, group="metrics", exit_on_error=False)
    async def _read_metrics(self) -> None:
        pane = self.query_one(CurvesPane)
        points = await asyncio.gather(*map(self._metrics, self.jobs))
        self._bests = bests(points)
        pane.show_all(points, [one.job.started_at or one.job.created_at for one in self.jobs])
        self._draw()

    async def _metrics(self, one: HostJob) -> list[Metric]:
        try:
            return await self._links[one.host].client.metrics(one.job.name)
        except FloydError as error:
            self._miss(error)
            return []

    @work(exclusive=True, group="code", exit_on_error=False)
    async def _read_code(self) -> None:
        code = await asyncio.gather(*map(self._files, self._sides))
        for pane in (self.query_one(CodePane), self.query_one(NeedsPane)):
            pane.take(code)
            pane.compare(self.other)

    async def _files(self, side: JobSide) -> list[FileInfo]:
        try:
            return await side.files()
        except FloydError as error:
            self._miss(error)
            return []

    # What is shown

    @property
    def in_sight(self) -> list[int]:
        """The places of the jobs that fit beside each other: the first always, then those from the other on."""
        fit = max(2, (self.size.width - NAME - 4) // (WIDTH + 2))
        first = max(1, min(self.other, len(self.jobs) - fit + 1))
        return [0, *range(first, min(len(self.jobs), first + fit - 1))]

    def _columns(self) -> tuple[Column, ...]:
        names, shown = self.names, self.in_sight
        return Column("name", "", NAME), *(Column(str(at), names[at], WIDTH, flex=1) for at in shown)

    def _draw(self) -> None:
        rows = [row for row in self._settings if row.differs or self._everything]
        table = self.query_one("#settings-table", RowTable)
        table.set_columns(self._columns())
        table.show_rows([self._setting(row) for row in rows])
        metrics = self.query_one("#metrics-table", RowTable)
        metrics.set_columns(self._columns())
        metrics.show_rows([self._best(row) for row in self._bests])
        differ = sum(row.differs for row in self._settings)
        self.query_one(TabRow).summary = Content(f"{differ} of {len(self._settings)} differ")
        first, beside = self.names[0], self.names[self.other]
        more = f"   {len(self.jobs)} jobs, < > for the others" if len(self.jobs) > 2 else ""
        self.query_one("#compared", Static).update(fmt.plain(f"{first}  ⇄  {beside}{more}"))
        self._draw_whole()

    def _setting(self, row: Setting) -> Row:
        first = row.values[0]
        cells = {"name": self.paint(row.name, "dim")}
        for at, value in enumerate(row.values):
            mark = "≠ " if at and value != first else "  " if at else ""
            cells[str(at)] = Text.assemble(self.paint(mark, "warn"), self.paint(value or fmt.DASH))
        return Row(row.name, cells)

    def _best(self, row: Best) -> Row:
        cells = {"name": Text.assemble(self.paint("↑ " if row.up else "↓ ", "dim"), self.paint(row.name))}
        for at, (last, best) in enumerate(zip(row.last, row.best, strict=True)):
            star = self.paint(" ★", "good") if at in row.winners else Text()
            shown = (fmt.DASH if value is None else fmt.number(value) for value in (last, best))
            cells[str(at)] = Text.assemble(self.paint(" · ".join(shown)), star)
        return Row(row.name, cells)

    @on(RowTable.RowHighlighted, "#settings-table")
    def _draw_whole(self) -> None:
        """The row under the cursor, unabridged."""
        name = self.query_one("#settings-table", RowTable).cursor_key
        row = next((row for row in self._settings if row.name == name), None)
        said = [(self.names[at], row.values[at]) for at in self.in_sight] if row else []
        lines = [Content.assemble((f"{name}  ", "$dim"), fmt.plain(value or fmt.DASH)) for name, value in said]
        self.query_one("#whole", Static).update(Content("\n").join(lines))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only the keys that the tab could do with take room in the row of keys."""
        if action == "all":
            return self.is_mounted and self.query_one(TabRow).current == "settings"
        return action != "other" or len(self.jobs) > 2

    @on(MetricCharts.OverlayAsked)
    def _overlay(self, event: MetricCharts.OverlayAsked) -> None:
        ask_overlay(event)

    @on(MetricCharts.SaveAsked)
    def _save(self, event: MetricCharts.SaveAsked) -> None:
        save_charts(self, event.charts, "-".join(one.job.short.replace("/", "-") for one in self.jobs[:3]))

    @on(TabRow.Chosen)
    def _tab_chosen(self, event: TabRow.Chosen) -> None:
        self.action_tab(event.tab)

    def action_tab(self, tab: str) -> None:
        """Show a tab, and give it the keys."""
        self.query_one(TabRow).current = tab
        self.query_one(ContentSwitcher).current = tab
        match tab:
            case "settings" | "metrics":
                self.query_one(f"#{tab}-table").focus()
            case "curves":
                self.call_after_refresh(self.query_one(CurvesPane).focus_first)
            case "code":
                self.query_one(CodePane).focus_list()
            case _:
                self.query_one(NeedsPane).focus()
        self.refresh_bindings()

    def action_neighbour(self, step: int) -> None:
        """To the tab beside this one."""
        self.action_tab(self.query_one(TabRow).neighbour(step))

    def action_all(self) -> None:
        """All settings, or those that differ."""
        self._everything = not self._everything
        self._draw()

    def action_other(self, step: int) -> None:
        """Another job beside the first."""
        self.other = (self.other - 1 + step) % (len(self.jobs) - 1) + 1
        self._draw()
        self.query_one(CodePane).compare(self.other)
        self.query_one(NeedsPane).compare(self.other)

    def action_back(self) -> None:
        """Leave."""
        self.dismiss()
