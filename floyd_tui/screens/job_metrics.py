"""A job's tab of metrics: kept true while it runs, with other jobs of its project beside it where one wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.metrics.runs import Run
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.metric_dialogs import TickDialog, ask_overlay, save_charts
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.metric_charts import MetricCharts
from floyd_tui.widgets.metrics_pane import MetricsPane
from runner.models import Job, Metric

POLL_SECONDS = 2.0
# More jobs than this are no longer told apart in one chart.
MOST_BESIDE = 5
SIGNS = "BCDEF"
# Of so many jobs before this one it is asked which to draw.
CHOICE = 100
# Points that are taken in without a pause: some hundredths of a second.
AT_ONCE = 20_000


class JobMetrics(MetricsPane):
    """The metrics of `job` on the host behind `link`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "beside", "Beside", id="metrics.beside", tooltip="Tick other jobs of the project to draw, too"),
    ]

    def __init__(self, link: Link, job: Job, *, id: str | None = None) -> None:
        super().__init__(job.short, id=id)
        self._link, self._job = link, job
        self._beside: list[Job] = []

    def show_job(self, job: Job) -> None:
        """The job as it is now."""
        self._job = job

    @work(exclusive=True, group="metrics", exit_on_error=False)
    async def keep_true(self) -> None:
        """Ask for new points while the job runs, and once after its end; what goes wrong stands here."""
        while True:
            last = self._job.state.ended
            try:
                await self._link.connected()
                points = await self._link.client.metrics(self._job.name, after=self.count)
            except FloydError as error:
                self.say(f"✘ {error.title}", error.message, error.hint, "bad")
            else:
                await self._take(points)
                self._drawn()
                if last:
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _take(self, points: Sequence[Metric]) -> None:
        """Draw new points; a million of them by and by, with time for keys between."""
        for at in range(0, len(points), AT_ONCE):
            self.extend(points[at : at + AT_ONCE], self._job.started_at or self._job.created_at)
            await asyncio.sleep(0)

    def _drawn(self) -> None:
        if not self.count:
            hint = (
                'Print a line like {"metric": "loss", "value": 0.4, "step": 3} and it is drawn here; Keras\' own are.'
            )
            self.say("No metrics" if self._job.state.ended else "No metrics yet", hint=hint, color="dim")
        elif self.display and not self.has_focus_within:
            self.call_after_refresh(self.focus_first)

    # Other jobs

    def action_beside(self) -> None:
        """Ask which other jobs of the project to draw, and draw them."""
        self._ask_beside()

    @work(exclusive=True, group="beside", exit_on_error=False)
    async def _ask_beside(self) -> None:
        try:
            jobs = await self._link.client.jobs(self._job.project, limit=CHOICE)
        except FloydError as error:
            show_error(self.screen, error, self._link)
            return
        others = [job for job in jobs if job.name != self._job.name and job.metrics]
        if not others:
            self.notify(f"No other job of {self._job.project} has metrics yet.")
            return
        width = max(len(job.short) for job in others)
        lines = [f"{job.short:{width}}  {fmt.metrics(job.metrics)}  {fmt.plain(job.message)}" for job in others]
        ticked = [at for at, job in enumerate(others) if job.name in {one.name for one in self._beside}]
        dialog = TickDialog("Which jobs beside this one?", lines, ticked, MOST_BESIDE)
        chosen = await self.app.push_screen_wait(dialog)
        if chosen is not None:
            await self._draw_beside([others[at] for at in chosen])

    async def _draw_beside(self, jobs: list[Job]) -> None:
        runs = []
        for sign, job in zip(SIGNS, jobs, strict=False):
            run = Run(job.short, job.started_at or job.created_at, sign)
            try:
                run.extend(await self._link.client.metrics(job.name))
            except FloydError as error:
                show_error(self.screen, error, self._link)
                continue
            runs.append(run)
        self._beside = jobs
        self.put_beside(runs)

    # What charts ask for

    @on(MetricCharts.OverlayAsked)
    def _overlay(self, event: MetricCharts.OverlayAsked) -> None:
        event.stop()
        ask_overlay(event)

    @on(MetricCharts.SaveAsked)
    def _save(self, event: MetricCharts.SaveAsked) -> None:
        event.stop()
        save_charts(self.screen, self, f"{self._job.project}-{self._job.number}")
