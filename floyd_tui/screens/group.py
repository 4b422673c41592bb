"""The jobs of a sweep, the best first: what differs in them, how they stand, and what they had of a metric."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.metrics.best import Ranked, Records, metrics_of, more_is_better, ranked, telling, varying
from floyd_tui.screens import job_actions
from floyd_tui.screens.batch import STOP, BatchDialog
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.group_rows import group_columns, group_row
from floyd_tui.screens.live import follow
from floyd_tui.screens.page import BREAKPOINTS, HEIGHTS
from floyd_tui.screens.pickers import MetricPicker
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import HostJob
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import Curve, Event, Job, JobState

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

# Seconds between looks at what jobs logged; requests under way at once; jobs that curves are asked for at once.
AGAIN, AT_ONCE, CURVES = 2.0, 8, 200


class GroupScreen(ErrorFunnel[None]):
    """The jobs of `group` of `project`, live, in the order of one of their metrics."""

    CSS_PATH: ClassVar = "group.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = "#group-table"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="group.back", tooltip="Take the marks back, or leave"),
        Binding("m", "metric", "Metric", id="group.metric", tooltip="Judge by another metric"),
        Binding("i", "invert", "Max / min", id="group.invert", tooltip="More of the metric is better, or less"),
        Binding("space", "mark", "Mark", show=False, id="marks.mark", tooltip="Mark the job, or take that back"),
        Binding("s", "stop", "Stop", id="job.stop", tooltip="Stop the job; its output so far is kept"),
        Binding("X", "stop_rest", "Stop the rest", id="group.stop-rest",
                tooltip="Stop all but the best one, or all but the marked ones"),
        Binding("c", "compare", "Compare", id="job.compare", tooltip="Marked jobs side by side, or the two best"),
        Binding("r", "relaunch", "Again", id="job.relaunch", tooltip="Launch the same code again"),
        Binding("o", "go_on", "Go on", id="job.go_on", tooltip="Launch again with this job's output mounted"),
    ]  # fmt: skip

    def __init__(self, link: Link, project: str, group: str) -> None:
        super().__init__()
        self.link, self._project, self._group = link, project, group
        self._jobs: dict[str, Job] = {}
        self._records: dict[str, Records] = {}
        # What each job had logged when its points were last read.
        self._read: dict[str, dict[str, float]] = {}
        self._curves: dict[str, Curve] = {}
        self._chosen, self._inverted = "", False
        self.marked: set[str] = set()
        self.rows: list[Ranked] = []

    def compose(self) -> ComposeResult:
        yield TopBar(self.link, self._project, self._group)
        yield Static(id="group-words")
        yield RowTable((), id="group-table")
        yield KeyRow()

    def on_mount(self) -> None:
        self.paint = Paint.of(self.app)
        self._keep_true()
        once_a(AGAIN, self, self._look)

    # What the host says

    @work(exclusive=True, group="group", exit_on_error=False)
    async def _keep_true(self) -> None:
        await follow(self.link, self._load, self._apply, lambda error: show_error(self, error, self.link))

    async def _load(self, client: Client) -> None:
        found = await client.jobs(self._project, group=self._group)
        self._jobs = {job.name: job for job in found}
        await self._measure(client)

    def _apply(self, event: Event) -> None:
        job = event.job
        if job and (job.project, job.group) == (self._project, self._group):
            self._jobs[job.name] = job
            self._draw()
        elif event.removed and self._jobs.pop(event.removed, None):
            self.marked.discard(event.removed)
            self._draw()

    def _look(self) -> None:
        if any(self._read.get(job.name) != job.metrics for job in self._jobs.values() if job.metrics):
            self._measure_again()

    @work(exclusive=True, group="measure", exit_on_error=False)
    async def _measure_again(self) -> None:
        try:
            await self._measure(self.link.client)
        except FloydError as error:
            # The next look asks again; what the link says of it stands on top.
            self.log.warning(error)

    async def _measure(self, client: Client) -> None:
        """Read what jobs logged since the last look, and draw that."""
        room = asyncio.Semaphore(AT_ONCE)

        async def read(job: Job) -> None:
            records = self._records.setdefault(job.name, Records())
            async with room:
                records.extend(await client.metrics(job.name, after=records.seen))
            self._read[job.name] = job.metrics

        fresh = [job for job in self._jobs.values() if job.metrics and self._read.get(job.name) != job.metrics]
        await asyncio.gather(*map(read, fresh))
        if names := [job.name for job in fresh][:CURVES]:
            self._curves |= {curve.job: curve for curve in await client.curves(names, self.metric)}
        self._draw()

    # What is shown

    @property
    def jobs(self) -> Sequence[Job]:
        """The jobs as they were launched."""
        return sorted(self._jobs.values(), key=lambda job: job.number)

    @property
    def metric(self) -> str:
        """What they are judged by; empty while none of them logged anything."""
        return self._chosen or telling(self._jobs.values())

    @property
    def up(self) -> bool:
        """Whether more of the metric is better."""
        return more_is_better(self.metric) is not self._inverted

    def _draw(self) -> None:
        jobs, metric = self.jobs, self.metric
        self.rows = ranked(jobs, self._records, metric, self.up)
        names, now = varying(jobs), fmt.now(self)
        table = self.query_one(RowTable)
        table.set_columns(group_columns(names, jobs, metric))
        curves = {name: curve for name, curve in self._curves.items() if curve.metric == metric}
        table.show_rows(
            [
                group_row(row, names, now, self.paint, curves.get(row.job.name), row.job.name in self.marked,
                          best=row.best is not None and not place)
                for place, row in enumerate(self.rows)
            ]
        )  # fmt: skip
        self._draw_words(jobs)
        self.refresh_bindings()

    def _draw_words(self, jobs: Sequence[Job]) -> None:
        states = [
            Content.styled(f"{fmt.sign(state)} {count} {fmt.words(state)}  ", f"${fmt.color(state)}")
            for state in JobState
            if (count := sum(job.state is state for job in jobs))
        ]
        judged = f"best first by {self.metric}, {'more' if self.up else 'less'} is better" if self.metric else ""
        marks = Content.styled(f"  ✓ {len(self.marked)} marked", "bold $key") if self.marked else Content("")
        said = Content.styled(judged or "No metrics yet: jobs stand as they were launched.", "$dim")
        self.query_one("#group-words", Static).update(Content.assemble(*states, said, marks))

    # Keys

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        return self._jobs.get(self.query_one(RowTable).cursor_key or "")

    @property
    def rest(self) -> list[Job]:
        """The unfinished ones but the best, or but the marked."""
        kept = self.marked or {row.job.name for row in self.rows[:1] if row.best is not None}
        return [row.job for row in self.rows if row.job.name not in kept and not row.job.state.ended]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done with the job under the cursor, or with any."""
        if not self.is_mounted:
            return True
        job = self.job
        match action:
            case "stop":
                return True if job and not job.state.ended else None
            case "go_on":
                return True if job and job_actions.can_go_on_from(job) else None
            case "stop_rest":
                return True if self.rest else None
            case "metric" | "invert":
                return True if self.metric else None
        return True

    @on(RowTable.RowHighlighted)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(RowTable.RowSelected)
    def _opened(self) -> None:
        if self.job:
            job_actions.open_job(self, self.link, self.job)

    def action_back(self) -> None:
        """Take the marks back; without any, leave."""
        if self.marked:
            self.marked.clear()
            self._draw()
        else:
            self.dismiss()

    def action_metric(self) -> None:
        """Choose a metric to judge by."""

        def chosen(metric: str | None) -> None:
            if metric:
                self._chosen, self._inverted = metric, False
                # Their curves are of another metric.
                self._read.clear()
                self._records.clear()
                self._measure_again()

        self.app.push_screen(MetricPicker(self.metric, metrics_of(self.jobs)), chosen)

    def action_invert(self) -> None:
        """More is better, or less."""
        self._inverted = not self._inverted
        self._draw()

    def action_mark(self) -> None:
        """Mark the job under the cursor, or take that back; the cursor goes on."""
        if self.job:
            self.marked ^= {self.job.name}
            self._draw()
            self.query_one(RowTable).action_cursor_down()

    def action_stop(self) -> None:
        """Stop the job, once confirmed."""
        if self.job:
            job_actions.stop(self, self.link, self.job)

    def action_stop_rest(self) -> None:
        """Stop the unfinished ones but the best, or but the marked; once confirmed."""
        # Those that wait go first: none of them is to begin meanwhile.
        rest = sorted(self.rest, key=lambda job: job.state is not JobState.QUEUED)
        kept = f"{len(self.marked)} marked" if self.marked else f"the best by {self.metric}" if self.metric else ""
        said = f"Kept: {kept}, and what has ended." if kept else ""
        links = cast("FloydApp", self.app).links
        self.app.push_screen(BatchDialog(links, STOP, [HostJob(self.link.name, job) for job in rest], said))

    def action_compare(self) -> None:
        """The marked jobs side by side, or the two best."""
        from floyd_tui.screens.compare import CompareScreen

        chosen = [row.job for row in self.rows if row.job.name in self.marked] or [row.job for row in self.rows[:2]]
        if len(chosen) < 2:
            self.notify("Mark two jobs or more with Space, then press c.", timeout=4)
            return
        links = cast("FloydApp", self.app).links
        self.app.push_screen(CompareScreen(links, [HostJob(self.link.name, job) for job in chosen]))

    def action_relaunch(self) -> None:
        """The form with the job's code and settings."""
        if self.job:
            job_actions.relaunch(self, self.link, self.job)

    def action_go_on(self) -> None:
        """The form with the job's output mounted."""
        if self.job:
            job_actions.go_on(self, self.link, self.job)
