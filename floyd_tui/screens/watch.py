"""Watch mode: a folder here runs again on every change; what changed, what was sent, and the log of the run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError, ProjectError
from floyd_tui.project import rerun
from floyd_tui.project.run import Draft
from floyd_tui.project.sweep import the_one
from floyd_tui.project.watch_wishes import Wishes
from floyd_tui.screens import job_actions
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.large import consider
from floyd_tui.screens.launch_draft import as_last_time, draft_of
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.screens.live import change_or, follow
from floyd_tui.screens.page import BREAKPOINTS, HEIGHTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.log_pane import LogPane
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import RowTable
from floyd_tui.widgets.top_bar import TopBar
from floyd_tui.widgets.upload_panel import UploadPanel
from floyd_tui.widgets.watch_runs import COLUMNS, Run, named, run_row
from runner.models import Event, Job, Launch

RETRY_SECONDS = 1.0


class WatchScreen(ErrorFunnel[None]):
    """Shows what would run; Enter begins to watch, Esc ends it and lets the last run go on."""

    CSS_PATH = "watch.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Start watching", id="watch.begin", tooltip="Run now, and again on each change"),
        Binding("s", "stop", "Stop run", id="watch.stop", tooltip="Stop this run; the next change starts another"),
        Binding(
            "p", "pause", "Pause", id="watch.pause", tooltip="Start nothing for a while; then run what has changed"
        ),
        Binding("w", "wait", "Wait", id="watch.wait", tooltip="Let a run end before the next one, or stop it"),
        Binding("o", "only", "Only", id="watch.only", tooltip="Choose which files' changes start a run"),
        Binding("tab", "other", "Log / runs", show=False, id="watch.other", tooltip="To the runs so far, and back"),
        Binding("i", "open", "Open job", id="watch.open", tooltip="The run's own screen; watching goes on"),
        Binding("escape", "leave", "Leave", id="watch.leave", tooltip="End watching; the last run goes on"),
    ]

    def __init__(self, link: Link, folder: Path) -> None:
        super().__init__()
        self._link, self._folder = link, folder
        self._launch: Launch | None = None
        self._job: Job | None = None
        self._watching = False
        self._changed: rerun.Changed | None = None
        self._begun_at = self._sending_at = 0.0
        self._runs: list[Run] = []
        self.wishes = Wishes()
        self._state = Content()

    def compose(self) -> ComposeResult:
        yield TopBar(self._link, "watch")
        with Container(id="watch-body"):
            with Vertical(id="watch-side"):
                yield Static(id="watch-head")
                yield UploadPanel()
                yield RowTable(COLUMNS, id="watch-runs")
            with Container(id="watch-log"):
                yield LogPane()
        yield KeyRow()

    def on_mount(self) -> None:
        self.query_one(UploadPanel).display = False
        once_a(1, self, self._draw)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())
        self._prepare()
        self._keep_true()

    @work(exclusive=True, group="job", exit_on_error=False)
    async def _keep_true(self) -> None:
        """The run's state as it changes."""
        await follow(self._link, self._ask_again, self._heard, lambda error: None)

    async def _ask_again(self, client: Client) -> None:
        if self._job:
            self._job_is(await client.job(self._job.name))

    def _heard(self, event: Event) -> None:
        if event.job and self._job and event.job.name == self._job.name:
            self._job_is(event.job)
        elif event.job:
            for run in self._runs:
                run.job = event.job if run.job.name == event.job.name else run.job

    def _job_is(self, job: Job) -> None:
        self._job = job
        for run in self._runs:
            run.job = job if run.job.name == job.name else run.job
        self._draw()
        self.refresh_bindings()

    @work(exclusive=True, group="watch", exit_on_error=False)
    async def _prepare(self) -> None:
        """What would run: the folder's own settings, or else those of the project's last job."""
        pane = self.query_one(LogPane)
        pane.say(f"◐ Reading {shown_path(self._folder)} …", color="dim")
        try:
            draft = await draft_of(self._folder)
            self._folder = draft.folder
            self._launch = await self._launch_of(draft)
        except FloydError as error:
            pane.say(f"✘ {error.title}", error.message, error.hint, "bad")
        else:
            pane.say("Enter starts it", f"It runs at once, and again whenever a file in {self._folder.name} changes.")
        self._draw()
        self.refresh_bindings()

    async def _launch_of(self, draft: Draft) -> Launch:
        return the_one(draft.launch, draft.sweep) if draft.launch.command else await self._as_last_time(draft.launch)

    async def _as_last_time(self, launch: Launch) -> Launch:
        last = await as_last_time(self._link.client, launch.project)
        if last is None:
            raise ProjectError(
                "Nothing says what to run.", "Write `command:` in floyd.yml, or launch it once with n; then watch."
            )
        return last

    # Watching

    def action_begin(self) -> None:
        """Run now, and again on each change."""
        if self._launch and not self._watching:
            self._watching, self._begun_at = True, fmt.now(self)
            self.refresh_bindings()
            self._watch(self._launch)

    @work(exclusive=True, group="watch", exit_on_error=False)
    async def _watch(self, launch: Launch) -> None:
        feed = rerun.watch_loop(
            self._link, self._folder, launch, consider=consider(self), wishes=self.wishes, again=self._launch_again
        )
        try:
            async for event in feed:
                self._take(event)
        except FloydError as error:
            self.query_one(LogPane).say(f"✘ {error.title}", error.message, error.hint, "bad")
            self._watching = False
            self.refresh_bindings()
        finally:
            await feed.aclose()

    async def _launch_again(self) -> Launch:
        """What the folder says once its settings have changed."""
        self._launch = await self._launch_of(await draft_of(self._folder))
        return self._launch

    def _take(self, event: rerun.WatchEvent) -> None:
        panel = self.query_one(UploadPanel)
        panel.display = isinstance(event, rerun.Sending)
        match event:
            case rerun.Changed():
                self._changed = event
                self._state = Content()
            case rerun.Unchanged():
                self._state = Content.styled("nothing is new in it, so the last run stands", "$dim")
            case rerun.Stopping(job):
                self._state = Content.styled(f"stopping {job.short} …", "$busy")
            case rerun.Waiting(job):
                self._state = Content.styled(f"waits for {job.short} to end", "$busy")
            case rerun.Sending(stage):
                panel.show_stage(stage)
                if stage.phase == "scanning" and not stage.done_files:
                    self._sending_at = fmt.now(self)
                if stage.phase == "launching" and stage.snapshot:
                    words = f"{fmt.count(stage.snapshot.files, 'file')}, {fmt.size(stage.snapshot.size)} in all"
                    self._state = Content.styled(words, "$dim")
            case rerun.Launched(job):
                self._add_run(job)
                self._job_is(job)
                self._follow_log(job)
            case rerun.Failed(error):
                self._state = Content.styled(fmt.plain(str(error)), "$bad")
                show_error(self, error, self._link)
        self._draw()

    def _add_run(self, job: Job) -> None:
        """Write down what caused the run and what was sent for it."""
        saved, paths = (self._changed.at, self._changed.paths) if self._changed else (self._begun_at, ())
        took = fmt.now(self) - self._sending_at
        sent, self._state = self._state.plain, Content()
        self._runs.insert(0, Run(job, paths, saved, sent, took))
        self.add_class("-runs")

    @work(exclusive=True, group="log", exit_on_error=False)
    async def _follow_log(self, job: Job) -> None:
        """The run's log to its end; a new run takes its place."""
        pane = await self._fresh_pane()
        pane.say(f"◌ {job.short} is on its way", "Its log follows.", color="dim")
        while not await self._read_log(pane, job):
            await change_or(self._link, RETRY_SECONDS)
        pane.view.finish()
        if not pane.view.buffer.size:
            self._say_empty(self._job or job)

    async def _fresh_pane(self) -> LogPane:
        old, new = self.query_one(LogPane), LogPane()
        await self.query_one("#watch-log").mount(new, after=old)
        await old.remove()
        return new

    async def _read_log(self, pane: LogPane, job: Job) -> bool:
        """Read on from the byte that is missing; whether the log's end was reached."""
        try:
            await self._link.connected()
            async for chunk in self._link.client.logs(job.name, pane.view.buffer.size, follow=True):
                if chunk.data:
                    self._first_line(job)
                    pane.show_lines()
                    pane.view.feed(chunk.data)
                pane.view.add_times(chunk.times)
                if chunk.end:
                    return True
                # A fast stream must leave time to draw and to answer keys.
                await asyncio.sleep(0)
        except FloydError:
            return False
        return False

    def _first_line(self, job: Job) -> None:
        """Of a run without output so far: how long after the save that is here."""
        for run in self._runs:
            if run.job.name == job.name and run.first_line is None:
                run.first_line = max(0.0, fmt.now(self) - run.saved_at)
                self._draw()

    def _say_empty(self, job: Job) -> None:
        sign = f"{fmt.sign(job.state)} {fmt.words(job.state)}"
        self.query_one(LogPane).say(sign, job.reason or "It wrote no log.", color=fmt.color(job.state))

    # What is shown

    def _draw(self) -> None:
        lines = [self._line("folder", Content(fmt.plain(shown_path(self._folder))))]
        if self._launch:
            facts = [self._launch.command, self._launch.environment or "the host's environment"]
            facts.append(fmt.count(self._launch.gpus, "GPU") if self._launch.gpus else "no GPU")
            lines.append(self._line("runs", Content.styled(fmt.plain("   ".join(facts)), "$accent")))
        lines.append(self._line("on", self._wished()))
        lines.append(self._line("changed", self._change()))
        lines.append(self._line("run", self._run()))
        if self._runs:
            lines.append(self._line("took", self._took(self._runs[0])))
        self.query_one("#watch-head", Static).update(Content("\n").join(lines))
        paint, now = Paint.of(self.app), fmt.now(self)
        self.query_one("#watch-runs", RowTable).show_rows([run_row(run, now, paint) for run in self._runs])

    def _wished(self) -> Content:
        """What starts a run, and what becomes of the one that is on."""
        only = f"changes of {' '.join(self.wishes.only)}" if self.wishes.only else "changes of all that goes up"
        then = "a run that is on is let end" if self.wishes.wait else "a run that is on is stopped"
        sign = (
            ("‖ paused: p goes on   ", "$warn")
            if self.wishes.paused
            else ("● ", "$running")
            if self._watching
            else ("○ ", "$dim")
        )
        return Content.assemble(sign, fmt.plain(only), (f"   {then}", "$dim"))

    def _took(self, run: Run) -> Content:
        """What was sent and how long that took; how soon after the save the first line was here."""
        sent = f"{run.sent}; {fmt.duration(run.sent_in)} to look, send and launch"
        first = fmt.duration(run.first_line) if run.first_line is not None else "…"
        return Content.assemble((f"first line {first}", "bold"), " after the save   ", (sent, "$dim"))

    def _line(self, label: str, text: Content) -> Content:
        return Content.assemble((f"{label:9}", "$dim"), text)

    def _change(self) -> Content:
        if self._changed is None:
            return Content.styled("nothing yet" if self._watching else "", "$dim")
        ago = fmt.ago(self._changed.at, fmt.now(self))
        return Content.assemble(named(self._changed.paths), (f"   {ago}", "$dim"))

    def _run(self) -> Content:
        if self._job is None:
            return self._state or Content.styled("not yet", "$dim")
        job = self._job
        color = fmt.color(job.state)
        code = f", exit {job.exit_code}" if job.exit_code else ""
        name = Content.styled(f"{fmt.sign(job.state)} {job.short} {fmt.words(job.state)}{code}", f"${color}")
        if len(self._runs) > 1:
            name = Content.assemble(name, (f"   run {len(self._runs)} of this watch", "$dim"))
        return Content.assemble(name, "   ", self._state)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done yet."""
        match action:
            case "begin":
                return None if self._watching or self._launch is None else True
            case "stop":
                return True if self._job and not self._job.state.ended else None
            case "open":
                return True if self._job else None
        return True

    def action_stop(self) -> None:
        """Stop this run."""
        if self._job:
            job_actions.stop(self, self._link, self._job)

    def action_pause(self) -> None:
        """Start nothing for a while, or go on."""
        self.wishes.toggle()
        self._draw()

    def action_wait(self) -> None:
        """Let a run end before the next one, or stop it."""
        self.wishes.wait = not self.wishes.wait
        self._draw()

    def action_only(self) -> None:
        """Choose which files' changes start a run."""
        from floyd_tui.screens.watch_only import OnlyDialog

        def chosen(only: tuple[str, ...] | None) -> None:
            if only is not None:
                self.wishes.only = only
                self._draw()

        self.app.push_screen(OnlyDialog(self.wishes.only), chosen)

    def action_other(self) -> None:
        """The keys to the runs so far, or back to the log."""
        table = self.query_one("#watch-runs", RowTable)
        (self.query_one(LogPane).view if table.has_focus else table).focus()

    @on(RowTable.RowSelected, "#watch-runs")
    def _run_entered(self, event: RowTable.RowSelected) -> None:
        """An earlier run's own screen."""
        event.stop()
        for run in self._runs:
            if run.job.name == event.row_key.value:
                job_actions.open_job(self, self._link, run.job)

    def action_open(self) -> None:
        """The run's own screen."""
        if self._job:
            job_actions.open_job(self, self._link, self._job)

    def action_leave(self) -> None:
        """End watching."""
        if self._job and not self._job.state.ended:
            self.app.notify(f"{self._job.short} goes on.")
        self.dismiss(None)
