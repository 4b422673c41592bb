"""The first page: projects on the left, their jobs on the right, true by events."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.screens import job_actions
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.home_jobs import KnownJobs
from floyd_tui.screens.home_rows import ALL, PROJECT_COLUMNS, job_columns, job_row, project_rows
from floyd_tui.screens.page import Page, PageRow, once_a
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.job_filter import JobFilter
from floyd_tui.widgets.job_peek import JobPeek
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.row_table import RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import Event, Job, JobState

# More than anyone scrolls through; a project and a filter ask the host anew.
LIMIT = 1000
# Seconds after the last key in the filter.
TYPING = 0.3


class HomeScreen(Page):
    """Projects and jobs of the host."""

    PAGE = "jobs"
    CSS_PATH = ["page.tcss", "home.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "launch", "New", id="job.launch", tooltip="Launch the code of a folder here"),
        Binding("r", "relaunch", "Again", id="job.relaunch", tooltip="Launch the same code again"),
        Binding("o", "go_on", "Go on", id="job.go_on", tooltip="Launch again with this job's output mounted"),
        Binding("s", "stop", "Stop", id="job.stop", tooltip="Stop the job; its output so far is kept"),
        Binding("d", "download", "Download", id="job.download", tooltip="Fetch the job's output"),
        Binding("H", "hold", "Hold", id="job.hold", tooltip="Let a waiting job wait on, or release it"),
        Binding("K", "move(-1)", "Sooner", id="job.sooner", tooltip="Before the one above it in the queue"),
        Binding("J", "move(1)", "Later", id="job.later", tooltip="Behind the one below it in the queue"),
        Binding(
            "slash", "filter", "Filter", key_display="/", id="list.filter", tooltip="Words, state:failed, tag:best"
        ),
        Binding("p", "projects", "Projects", id="home.projects", tooltip="Choose a project"),
        Binding("w", "watch", "Watch", id="app.watch", tooltip="Run a folder's code again on each change"),
        Binding("R", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
        Binding("escape", "back", "All", show=False, id="home.back", tooltip="Back to all jobs"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._known = KnownJobs()
        self._project = ALL
        self._next = ""

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="home"):
            yield RowTable(PROJECT_COLUMNS, id="projects")
            with Vertical(id="right"):
                yield Note()
                yield RowTable(job_columns(all_projects=True), id="jobs")
                yield JobPeek()
                yield FilterBar("words, state:failed, tag:best, env:torch")

    def on_mount(self) -> None:
        once_a(1, self, self._tick)

    # What the host says

    def show_host(self, link: Link) -> None:
        """Start anew with another host's jobs."""
        self._known, self._project = KnownJobs(), ALL
        self._draw()
        super().show_host(link)

    async def load(self, client: Client) -> None:
        """Projects and the newest jobs."""
        self._known.take(await client.projects(), await client.jobs(limit=LIMIT), fmt.now(self))
        self._draw()
        self._ask_older(self.link, self._project)

    def apply(self, event: Event) -> None:
        """A job changed or went."""
        changed, counts = self._known.apply(event, fmt.now(self))
        if counts:
            self._count_again(self.link)
        if changed:
            self._draw()

    def trouble(self, error: FloydError) -> None:
        """Keep the last jobs, dimmed; with none, say what is wrong."""
        self._draw(error)

    @work(exclusive=True, group="count", exit_on_error=False)
    async def _count_again(self, link: Link) -> None:
        """Projects' counts are the host's to know."""
        known = self._known  # another host's, once that is looked at
        try:
            known.projects = await link.client.projects()
        except FloydError:
            return  # keep_true is told the same and shows it
        self._draw()

    @work(exclusive=True, group="older", exit_on_error=False)
    async def _ask_older(self, link: Link, project: str) -> None:
        """Jobs of `project` that are not among the newest of all."""
        if project and self._known.lacks(project):
            self._known.add_older(await link.client.jobs(project=project, limit=LIMIT))
            self._draw()

    @work(exclusive=True, group="search", exit_on_error=False)
    async def _search(self, link: Link, project: str) -> None:
        """Jobs that pass the filter and are older than those known."""
        wanted = JobFilter.parse(self.query_one(FilterBar).text)
        if (wanted.text or wanted.states) and self._known.lacks(project):
            await asyncio.sleep(TYPING)
            known = self._known
            known.add_older(await link.client.jobs(project or None, wanted.states, LIMIT, wanted.text))
            self._draw()

    # What is shown

    def _draw(self, error: FloydError | None = None) -> None:
        jobs = self._shown()
        self.query_one("#projects", RowTable).show_rows(project_rows(self._known.projects, self.paint))
        table = self.query_one("#jobs", RowTable)
        everything, now = self._project == ALL, fmt.now(self)
        table.set_columns(job_columns(everything))
        table.show_rows([job_row(job, now, self.paint, everything) for job in jobs])
        if self._next in self._known.jobs:
            table.move_to(self._next)
            self._next = ""
        table.set_class(error is not None, "-stale")
        self._draw_note(error, bool(jobs))
        bar = self.query_one(FilterBar)
        bar.found(len(jobs), self._known.count(self._project))
        self._summarise()
        self._peek()
        self.refresh_bindings()

    def _summarise(self) -> None:
        if self.query_one("#jobs").has_class("-stale") and self._known.seen_at is not None:
            seen = Content.styled(f"as of {fmt.ago(self._known.seen_at, fmt.now(self))}", "$warn")
            self.query_one(PageRow).summarise(seen)
            return
        roomy = self.size.width >= 100
        parts = [
            Content.styled(
                f"{fmt.sign(state)} {count}{' ' + fmt.words(state) if roomy else ''}", f"${fmt.color(state)}"
            )
            for state, count in self._known.active().items()
        ]
        self.query_one(PageRow).summarise(Content("  ").join(parts))

    def _shown(self) -> list[Job]:
        return self._known.of(self._project, JobFilter.parse(self.query_one(FilterBar).text))

    def _draw_note(self, error: FloydError | None, any_jobs: bool) -> None:
        note, table = self.query_one(Note), self.query_one("#jobs")
        note.set_class(not any_jobs, "-shown")
        table.display = any_jobs
        if any_jobs:
            return
        if error and self._known.seen_at is None:
            note.trouble(error)
        elif self._known.seen_at is None:
            note.wait_for(f"Asking {self.link.name} for your jobs")
        elif self.query_one(FilterBar).text:
            note.say("No job passes this filter", hint="Esc shows them all again.")
        elif self._project:
            note.say(f"No jobs in {self._project} yet", hint="Press n to launch one.")
        else:
            note.say("No jobs here yet", "Press n to launch the code of a folder on this host.", "? shows all keys.")

    def repaint(self) -> None:
        """In the present theme's colours."""
        self._draw()

    def _tick(self) -> None:
        """Ages and durations move on."""
        now, everything = fmt.now(self), self._project == ALL
        table = self.query_one("#jobs", RowTable)
        for job in self._shown()[:200]:
            table.change_row(job_row(job, now, self.paint, everything))
        self._summarise()

    def _peek(self) -> None:
        self.query_one(JobPeek).show(self.job, fmt.now(self), self.paint)

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        table = self.query_one("#jobs", RowTable)
        return self._known.jobs.get(table.cursor_key or "") if table.display else None

    def crumbs(self) -> tuple[str, ...]:
        """The project that is shown."""
        return (self._project,) if self._project else ()

    # What one does

    @on(RowTable.RowHighlighted, "#projects")
    def _project_chosen(self, event: RowTable.RowHighlighted) -> None:
        name = event.row_key.value or ALL
        if name != self._project:
            self._project = name
            self.query_one(TopBar).parts = self.crumbs()
            self._draw()
            self._ask_older(self.link, name)
            self._search(self.link, name)

    @on(RowTable.RowSelected, "#projects")
    def _project_entered(self) -> None:
        self.query_one("#jobs").focus()
        self._close_projects()

    @on(RowTable.RowHighlighted, "#jobs")
    def _job_highlighted(self) -> None:
        self._peek()
        self.refresh_bindings()

    @on(RowTable.RowSelected, "#jobs")
    def _job_entered(self) -> None:
        self.action_open()

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self._draw()
        self._search(self.link, self._project)

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.query_one("#jobs").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done with the job under the cursor."""
        if action in _HOST_ACTIONS and not self.floyd.host:
            return None
        job = self.job if self.is_mounted and action in _JOB_ACTIONS else None
        match action:
            case "open" | "relaunch":
                return True if job else None
            case "hold" | "move":
                # Only the keys that a job could do with take room in the row of keys.
                return bool(job and job.state is JobState.QUEUED and (action == "hold" or not job.held))
            case "go_on" | "download":
                if job and job.state is JobState.QUEUED:
                    return False
                return True if job and job_actions.can_go_on_from(job) else None
            case "stop":
                return True if job and not job.state.ended else None
        return True

    def action_open(self) -> None:
        """The job's own screen."""
        if self.job:
            job_actions.open_job(self, self.link, self.job)

    def action_relaunch(self) -> None:
        """The form, with the job's settings."""
        if self.job:
            job_actions.relaunch(self, self.link, self.job, then=self._launched)

    def action_go_on(self) -> None:
        """The form, with the job's settings and its output mounted."""
        if self.job:
            job_actions.relaunch(self, self.link, self.job, True, self._launched)

    def action_stop(self) -> None:
        """Stop the job, once confirmed."""
        if self.job:
            job_actions.stop(self, self.link, self.job)

    def action_hold(self) -> None:
        """Hold the job, or release it."""
        if self.job:
            job_actions.hold(self, self.link, self.job)

    def action_move(self, by: int) -> None:
        """Sooner or later than its neighbour in the queue."""
        if self.job:
            job_actions.move(self, self.link, self.job, self._known.line(), by)

    def action_download(self) -> None:
        """Fetch the job's output."""
        if self.job:
            job_actions.download(self, self.link, self.job)

    def action_launch(self) -> None:
        """The form for the folder that floyd-tui was started in."""
        self._open_new(Path.cwd())

    @work(exclusive=True, group="draft", exit_on_error=False)
    async def _open_new(self, folder: Path) -> None:
        from floyd_tui.screens.launch_draft import as_last_time, draft_of

        try:
            draft = await draft_of(folder)
            said = draft.launch
            if not said.command and any(project.name == said.project for project in self._known.projects):
                # A folder that says nothing runs as last time; what was new then is not now.
                last = await as_last_time(self.link.client, said.project)
                said = replace(last, message="") if last else said
        except FloydError as error:
            show_error(self, error)
            return
        for note in draft.notes:
            self.notify(note, severity="warning", markup=False)
        launch = replace(said, project=said.project or self._project)
        job_actions.open_form(self, self.link, launch, draft.folder, self._launched)

    def _launched(self, job: Job) -> None:
        """Coming back, the cursor is on what was launched: the next key is about that."""
        self._next = job.name

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_projects(self) -> None:
        """To the projects, which open where there is no room for them otherwise; and back."""
        table = self.query_one("#projects")
        if table.has_focus:
            self._project_entered()
            return
        self.add_class("-projects")
        table.focus()

    def _close_projects(self) -> None:
        self.remove_class("-projects")

    def action_back(self) -> None:
        """From a project to all, from a filter to none."""
        bar = self.query_one(FilterBar)
        if bar.has_class("-open"):
            bar.action_close()
        elif self._project:
            self.query_one("#projects", RowTable).move_to(ALL)
        self._project_entered()

    def action_watch(self) -> None:
        """The watch screen."""
        from floyd_tui.screens.watch import WatchScreen

        self.app.push_screen(WatchScreen(self.link, Path.cwd()))


_HOST_ACTIONS = frozenset({"launch", "watch", "retry"})
_JOB_ACTIONS = frozenset({"open", "relaunch", "go_on", "stop", "download", "hold", "move"})
