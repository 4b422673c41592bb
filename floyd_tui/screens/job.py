"""One job: its log as it is written, its metrics, its files and what it ran."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import ContentSwitcher

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError, RunnerProblem
from floyd_tui.screens import job_actions
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.job_code import JobCode
from floyd_tui.screens.job_files import JobFiles
from floyd_tui.screens.job_log import JobLog
from floyd_tui.screens.job_metrics import JobMetrics
from floyd_tui.screens.job_tree import JobTree
from floyd_tui.screens.lineage_pane import LineagePane
from floyd_tui.screens.live import follow
from floyd_tui.screens.page import BREAKPOINTS, HEIGHTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.chart_grid import ChartGrid
from floyd_tui.widgets.info_pane import InfoPane
from floyd_tui.widgets.job_header import JobHeader
from floyd_tui.widgets.job_use import job_use
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.tab_row import Tab, TabRow
from floyd_tui.widgets.top_bar import TopBar
from floyd_tui.widgets.usage_pane import POINTS, UsagePane
from runner.models import Event, Job, JobState, JobUsage

TABS = (
    Tab("logs", "L", "Logs"),
    Tab("metrics", "M", "Metrics"),
    Tab("usage", "U", "Use"),
    Tab("files", "O", "Output"),
    Tab("code", "C", "Code"),
    Tab("info", "I", "Info"),
    Tab("lineage", "A", "Lineage"),
)
POLL_SECONDS = 2.0
RETRY_SECONDS = 2.0


class JobScreen(ErrorFunnel[None]):
    """A job of the host behind `link`; true by events until it is left."""

    CSS_PATH = "job.tcss"
    AUTO_FOCUS = "LogView"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="job.back", tooltip="Back to the list"),
        Binding("s", "stop", "Stop", id="job.stop", tooltip="Stop the job; its output so far is kept"),
        Binding("r", "relaunch", "Again", id="job.relaunch", tooltip="Launch the same code again"),
        Binding(
            "R",
            "today",
            "Today's code",
            show=False,
            id="job.today",
            tooltip="Launch today's code of its folder with the same settings",
        ),
        Binding(
            "o",
            "go_on",
            "Go on",
            id="job.go_on",
            tooltip="Launch again with this job's output mounted; in Output, the folder under the cursor",
        ),
        Binding("B", "group", "Group", id="job.group", tooltip="The jobs launched with it, the best first"),
        Binding("d", "download", "Download", id="job.download", tooltip="Fetch the job's output"),
        Binding(
            "left_square_bracket",
            "neighbour(-1)",
            "Tab left",
            show=False,
            id="job.tab-left",
            tooltip="To the tab before",
        ),
        Binding(
            "right_square_bracket", "neighbour(1)", "Tab", show=False, id="job.tab-right", tooltip="To the next tab"
        ),
        Binding("L", "tab('logs')", "Logs", show=False, id="job.logs", tooltip="What it writes"),
        Binding("M", "tab('metrics')", "Metrics", show=False, id="job.metrics", tooltip="Curves of its metrics"),
        Binding("U", "tab('usage')", "Use", show=False, id="job.usage", tooltip="GPUs, CPU, memory and disk it uses"),
        Binding("O", "tab('files')", "Output", show=False, id="job.output", tooltip="The files it wrote"),
        Binding("C", "tab('code')", "Code", show=False, id="job.code", tooltip="The code it ran, and what differs"),
        Binding("I", "tab('info')", "Info", show=False, id="job.info", tooltip="What it ran, with what"),
        Binding(
            "A",
            "tab('lineage')",
            "Lineage",
            show=False,
            id="job.lineage",
            tooltip="What it came from, and what came from it",
        ),
        Binding("H", "hold", "Hold", id="job.hold", tooltip="Let a waiting job wait on, or release it"),
        Binding("K", "move(-1)", "Sooner", id="job.sooner", tooltip="Before the one above it in the queue"),
        Binding("J", "move(1)", "Later", id="job.later", tooltip="Behind the one below it in the queue"),
        Binding("ctrl+r", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
    ]

    def __init__(self, link: Link, job: Job, tab: str = TABS[0].id) -> None:
        super().__init__()
        self._first = tab
        self.link = link
        self.job = job
        self._heard_at: float | None = None
        self._stale = False
        self._use = Content("")

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield JobHeader()
        yield TabRow(TABS, TABS[0].id)
        with ContentSwitcher(initial=TABS[0].id):
            yield JobLog(self.link, self.job, id="logs")
            yield JobMetrics(self.link, self.job, id="metrics")
            yield UsagePane(id="usage")
            yield JobFiles(self.link, self.job, id="files")
            yield JobCode(self.link, self.job, id="code")
            yield InfoPane(id="info")
            yield LineagePane(self.link, self.job.name, id="lineage")
        yield KeyRow()

    def on_mount(self) -> None:
        self.query_one(TopBar).follow(self.link, self.job.project, str(self.job.number))
        self._show(self.job)
        once_a(1, self, self._draw_summary)
        self._keep_true()
        self._follow_use()
        if self._first != self.tab:
            self.action_tab(self._first)

    # What the host says

    @work(exclusive=True, group="job", exit_on_error=False)
    async def _keep_true(self) -> None:
        await follow(self.link, self._load, self._apply, self._trouble)

    async def _load(self, client: Client) -> None:
        self._show(await client.job(self.job.name))

    def _apply(self, event: Event) -> None:
        self._hear()
        if event.job and event.job.name == self.job.name:
            self._show(event.job)
        elif event.removed == self.job.name:
            self.notify(f"{self.job.short} was deleted on the host.", severity="warning")
            self._set_stale(True)

    def _trouble(self, error: FloydError) -> None:
        self._set_stale(True)
        if isinstance(error, RunnerProblem):
            show_error(self, error, self.link)

    def _hear(self) -> None:
        self._heard_at = fmt.now(self)
        self._set_stale(False)

    def _set_stale(self, stale: bool) -> None:
        self._stale = stale
        self.query_one(ContentSwitcher).set_class(stale, "-stale")
        self._draw_summary()

    def _show(self, job: Job) -> None:
        """Show the job as it is now, everywhere."""
        ended = job.state.ended and not self.job.state.ended
        self.job = job
        self._hear()
        self.query_one(JobHeader).job = job
        self.query_one(InfoPane).show(job)
        self.query_one(JobFiles).show_job(job)
        self.query_one(JobLog).show_job(job)
        self.query_one(JobMetrics).show_job(job)
        self.refresh_bindings()
        if ended:
            self._start(self.tab)

    def _draw_summary(self) -> None:
        row = self.query_one(TabRow)
        row.urgent = self._stale
        if self._stale and self._heard_at is not None:
            row.summary = Content.styled(f"as of {fmt.ago(self._heard_at, fmt.now(self))}", "$warn")
        elif self.size.width >= 70:
            files = fmt.count(self.job.output_files, "file") if self.job.output_files else ""
            facts = Content.styled(f"{fmt.size(self.job.log_size)} log   {files}".strip(), "$dim")
            row.summary = self._use if self._use and not self.job.state.ended else facts
        else:
            row.summary = Content("")

    @work(exclusive=True, group="use", exit_on_error=False)
    async def _follow_use(self) -> None:
        """What it uses, once a second while it runs."""
        while not self.job.state.ended:
            with suppress(FloydError):  # `_keep_true` is told the same and shows it
                await self.link.connected()
                async for stats in self.link.client.follow_stats():
                    job = self.job
                    self._use = job_use(stats, job.name)
                    self.query_one(JobHeader).hints = tuple(hint for hint in stats.hints if hint.job == job.name)
                    if job.state.ended:
                        return
            self._use = Content("")
            await asyncio.sleep(RETRY_SECONDS)

    # Tabs

    @property
    def tab(self) -> str:
        """The id of the tab that is shown."""
        return self.query_one(TabRow).current

    @on(TabRow.Chosen)
    def _tab_clicked(self, event: TabRow.Chosen) -> None:
        self.action_tab(event.tab)

    def action_neighbour(self, step: int) -> None:
        """To the tab beside."""
        self.action_tab(self.query_one(TabRow).neighbour(step))

    def action_tab(self, tab: str) -> None:
        """Show a tab and give it the keys."""
        self.query_one(TabRow).current = tab
        self.query_one(ContentSwitcher).current = tab
        for group in ("usage", "code"):
            self.workers.cancel_group(self, group)
        self.workers.cancel_group(self.query_one(JobMetrics), "metrics")
        self.workers.cancel_group(self.query_one(LineagePane), "lineage")
        for tree in self.query(JobTree):
            self.workers.cancel_group(tree, "files")
        self._start(tab)
        self._focus(tab)
        self.refresh_bindings()

    def _focus(self, tab: str) -> None:
        if tab in ("metrics", "usage"):
            self.query_one(f"#{tab}", ChartGrid).focus_first()
        elif tab in ("files", "code"):
            self.query_one(f"#{tab}", JobTree).take_keys()
        elif tab == "lineage":
            self.query_one(LineagePane).take_keys()
        else:
            self.query_one("#log" if tab == "logs" else "#info").focus()

    def _start(self, tab: str) -> None:
        """Begin what keeps a tab true."""
        if tab == "metrics":
            self.query_one(JobMetrics).keep_true()
        elif tab == "usage":
            self._follow_usage()
        elif tab in ("files", "code"):
            self.query_one(f"#{tab}", JobTree).keep_true()
        elif tab == "lineage":
            self.query_one(LineagePane).keep_true()
        elif tab == "info" and not self.query_one(InfoPane).code_known:
            self._read_code()

    async def _again_and_again(self, pane: ChartGrid, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask for what `pane` shows while the job runs, and once after its end; what goes wrong stands there."""
        while True:
            last = self.job.state.ended
            try:
                await self.link.connected()
                await ask()
            except FloydError as error:
                pane.say(f"✘ {error.title}", error.message, error.hint, "bad")
            else:
                if last:
                    return
            await asyncio.sleep(POLL_SECONDS)

    @work(exclusive=True, group="usage", exit_on_error=False)
    async def _follow_usage(self) -> None:
        pane = self.query_one(UsagePane)

        async def ask() -> None:
            usage = await self.link.client.usage(self.job.name, POINTS)
            pane.show(usage, self.job.started_at or self.job.created_at)
            self._usage_drawn(pane, usage)

        await self._again_and_again(pane, ask)

    def _usage_drawn(self, pane: UsagePane, usage: JobUsage) -> None:
        if not usage.points:
            hint = "GPUs, CPU, memory and disk are drawn here from its first seconds on."
            pane.say("Nothing was measured" if self.job.state.ended else "Nothing measured yet", hint=hint, color="dim")
        elif self.tab == "usage" and not pane.has_focus_within:
            self.call_after_refresh(pane.focus_first)

    @work(exclusive=True, group="code", exit_on_error=False)
    async def _read_code(self) -> None:
        if self.job.code is None:
            return
        try:
            files = await self.link.client.files(f"{self.job.name}/code", recursive=True)
        except FloydError as error:
            show_error(self, error, self.link)
            return
        self.query_one(InfoPane).show_code([info for info in files if info.kind != "dir"])

    # What one does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what this job's state does not allow."""
        if action == "stop" and self.job.state.ended:
            return None
        if action in ("hold", "move"):
            return self.job.state is JobState.QUEUED and (action == "hold" or not self.job.held)
        if action == "group":
            return bool(self.job.group)
        if action in ("go_on", "download") and not job_actions.can_go_on_from(self.job):
            return None
        return True

    def action_back(self) -> None:
        """Leave; the job goes on."""
        self.dismiss()

    def action_stop(self) -> None:
        """Ask, then stop it."""
        job_actions.stop(self, self.link, self.job)

    def action_relaunch(self) -> None:
        """The launch form with the same code and settings."""
        job_actions.relaunch(self, self.link, self.job)

    def action_go_on(self) -> None:
        """The launch form with this job's output mounted."""
        job_actions.go_on(self, self.link, self.job, self.query_one(JobFiles).folder if self.tab == "files" else "")

    def action_today(self) -> None:
        """The launch form with today's code and this job's settings."""
        job_actions.relaunch_today(self, self.link, self.job)

    def action_group(self) -> None:
        """All jobs of its group."""
        job_actions.open_group(self, self.link, self.job)

    def action_download(self) -> None:
        """Fetch all it wrote."""
        job_actions.download(self, self.link, self.job)

    def action_hold(self) -> None:
        """Hold it, or release it."""
        job_actions.hold(self, self.link, self.job)

    def action_move(self, by: int) -> None:
        """Sooner or later than its neighbour in the queue."""
        job_actions.move_among_all(self, self.link, self.job, by)

    def action_retry(self) -> None:
        """Try the host again now."""
        self.run_worker(self.link.retry(), group="retry", exclusive=True, exit_on_error=False)
