"""The first page: projects on the left, their jobs on the right, of one host or of all at once, true by events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link, LinkState
from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.home_jobs import Board, JobKey, KnownJobs, keys_of
from floyd_tui.screens.home_rows import ALL, PROJECT_COLUMNS, chosen, job_columns, job_row, project_rows
from floyd_tui.screens.home_view import JobView
from floyd_tui.screens.live import follow
from floyd_tui.screens.page import PageRow, once_a
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.job_filter import BadFilter, HostJob, JobFilter
from floyd_tui.widgets.job_peek import JobPeek
from floyd_tui.widgets.link_status import describe
from floyd_tui.widgets.long_table import LongTable
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.row_table import Row, RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import Event, Job, JobState

# More than anyone scrolls through; a project and a filter ask the host anew. They come page by page, the newest first.
LIMIT = 10_000
PAGE = 500
# Seconds after the last key in the filter.
TYPING = 0.3
# Seconds between two drawings of what events bring: many at once are drawn once.
DRAWING = 0.1


class JobTable(LongTable[JobKey]):
    """The list of jobs."""


class HomeScreen(JobView):
    """Projects and jobs of a host, or of all of them."""

    PAGE = "jobs"
    CSS_PATH = ["page.tcss", "home.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", key_display="/", id="list.filter", tooltip="Words, state:failed, loss<0.3 …"
        ),
        Binding("p", "projects", "Projects", id="home.projects", tooltip="Choose a project"),
        Binding("w", "watch", "Watch", id="app.watch", tooltip="Run a folder's code again on each change"),
        Binding("ctrl+r", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
        Binding("escape", "back", "All", show=False, id="home.back", tooltip="Back to all jobs"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.project = ALL
        self._wanted = JobFilter()
        self._shown: list[HostJob] = []
        self._active: dict[JobState, int] = {}
        self._next = ""
        self._drawing: Timer | None = None

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="home"):
            yield RowTable(PROJECT_COLUMNS, id="projects")
            with Vertical(id="right"):
                yield Note()
                yield JobTable(job_columns(all_projects=True), self._row, id="jobs")
                yield Static(id="away")
                yield Static(id="marks")
                yield JobPeek()
                yield FilterBar("words, state:failed, env:torch, loss<0.3")

    def on_mount(self) -> None:
        self.watch(self.app, "everywhere", self._scope_changed, init=False)
        once_a(1, self, self._tick)

    # What the hosts say

    @property
    def everywhere(self) -> bool:
        """Whether all hosts' jobs are shown."""
        return self.floyd.everywhere

    def _scope_changed(self) -> None:
        if self.floyd.host:
            self.show_host(self.link)

    def show_host(self, link: Link) -> None:
        """Start anew with another host's jobs, or with those of all."""
        links = [self.floyd.links[name] for name in self.floyd.links.names()] if self.everywhere else [link]
        self.board, self.project = Board(one.name for one in links), ALL
        self.marked = set()
        top = self.query_one(TopBar)
        if self.everywhere:
            top.follow_all(links)
        else:
            top.follow(link)
        self._draw()
        self.workers.cancel_group(self, "follow")
        for one in links:
            self._keep_true_of(one)

    @work(group="follow", exit_on_error=False)
    async def _keep_true_of(self, link: Link) -> None:
        """Load a host's jobs and keep them true; one that is away holds up no other."""
        known = self.board.hosts[link.name]

        async def load(client: Client) -> None:
            known.take(await client.projects(), await client.jobs(limit=min(PAGE, LIMIT)), fmt.now(self))
            self._draw()
            self._ask_older(self.project)
            self._load_rest(link, known)

        def apply(event: Event) -> None:
            changed, counts = known.apply(event, fmt.now(self))
            if counts:
                self._count_again(link)
            if changed:
                self._draw_soon()

        def trouble(error: FloydError) -> None:
            known.error = error
            if link.name == self.floyd.host:
                self.troubled(link, error)
            self._draw()

        await follow(link, load, apply, trouble)

    @work(group="follow", exit_on_error=False)
    async def _load_rest(self, link: Link, known: KnownJobs) -> None:
        """The older jobs, page by page, so that the screen never waits for them."""
        for offset in range(PAGE, LIMIT, PAGE):
            if not known.lacks(ALL):
                return
            known.add_older(await link.client.jobs(limit=PAGE, offset=offset))
            self._draw_soon()

    @work(group="count", exit_on_error=False)
    async def _count_again(self, link: Link) -> None:
        """Projects' counts are the host's to know."""
        known = self.board.hosts[link.name]  # another one's, once that is looked at
        try:
            known.projects = await link.client.projects()
        except FloydError:
            return  # who follows is told the same and shows it
        self._draw_soon()

    @work(exclusive=True, group="older", exit_on_error=False)
    async def _ask_older(self, project: str) -> None:
        """Jobs of `project` that are not among the newest of all."""
        if project:
            await self._add_older(lambda client: client.jobs(project=project, limit=LIMIT))

    @work(exclusive=True, group="search", exit_on_error=False)
    async def _search(self, project: str) -> None:
        """Jobs that pass the filter and are older than those known."""
        wanted = self._wanted
        if wanted.text or wanted.states:
            await asyncio.sleep(TYPING)
            await self._add_older(lambda client: client.jobs(project or None, wanted.states, LIMIT, wanted.text))

    async def _add_older(self, ask: Callable[[Client], Awaitable[list[Job]]]) -> None:
        """Ask the hosts that are there and have jobs that are not known here."""

        async def add(host: str, known: KnownJobs) -> None:
            try:
                known.add_older(await ask(self.floyd.links[host].client))
            except FloydError as error:
                show_error(self, error)
            self._draw()

        lacking = [(host, known) for host, known in self.board.hosts.items() if known.lacks(ALL) and not known.error]
        await asyncio.gather(*(add(host, known) for host, known in lacking))

    # What is shown

    def _draw_soon(self) -> None:
        """Draw what events have brought, once for all that come close together."""
        if self._drawing is None:
            self._drawing = self.set_timer(DRAWING, self._draw)

    def _draw(self) -> None:
        if self._drawing is not None:
            self._drawing.stop()
            self._drawing = None
        self._shown = self.board.of(self.project, self._wanted, fmt.now(self), self.order)
        self._active = self.board.active()
        self.query_one("#projects", RowTable).show_rows(project_rows(self.board.projects(), self.paint))
        table = self.query_one(JobTable)
        hosts = list(self.board.hosts) if self.everywhere else ()
        table.set_columns(chosen(job_columns(self.project == ALL, hosts), self.floyd.config.jobs_columns))
        self.draw_marks(self.query_one("#marks", Static))
        table.show(keys_of(self._shown), self.marked)
        if (found := self.board.find(self._next)) is not None:
            table.move_to(found.key)
            self._next = ""
        table.set_class(self.board.away, "-stale")
        self._draw_note(bool(self._shown))
        self.query_one(FilterBar).found(len(self._shown), self.board.count(self.project))
        self._summarise()
        self._draw_away()
        self._peek()
        self.refresh_bindings()

    def _row(self, key: JobKey) -> Row:
        """The row of a job that is in sight."""
        one = self.board.job(key)
        return job_row(one, fmt.now(self), self.paint, self.project == ALL) if one else Row("")

    def _summarise(self) -> None:
        if self.board.away and self.board.seen_at is not None:
            seen = Content.styled(f"as of {fmt.ago(self.board.seen_at, fmt.now(self))}", "$warn")
            self.query_one(PageRow).summarise(seen)
            return
        roomy = self.size.width >= 100
        parts = [
            Content.styled(
                f"{fmt.sign(state)} {count}{' ' + fmt.words(state) if roomy else ''}", f"${fmt.color(state)}"
            )
            for state, count in self._active.items()
        ]
        self.query_one(PageRow).summarise(Content("  ").join(parts))

    def _draw_away(self) -> None:
        """The hosts of all that are away, a line each: how that stands, and why."""
        lines = []
        for link in [self.floyd.links[host] for host in self.board.hosts] if self.everywhere else []:
            if link.status.state is not LinkState.LIVE:
                words, color = describe(link.status, self.floyd.monotonic(), 30)
                why = f" · {fmt.plain(link.status.error.message)}" if link.status.error else ""
                lines.append(Content.assemble((f"{link.name} ", "bold"), (words, f"${color}"), (why, "$dim")))
        away = self.query_one("#away", Static)
        away.display = bool(lines)
        away.update(Content("\n").join(lines))

    def _draw_note(self, any_jobs: bool) -> None:
        note, table = self.query_one(Note), self.query_one("#jobs")
        note.set_class(not any_jobs, "-shown")
        table.display = any_jobs
        if any_jobs:
            return
        never = self.board.seen_at is None
        if never and self.board.away:
            note.trouble(next(iter(self.board.errors.values())))
        elif never:
            note.wait_for(f"Asking {'all hosts' if self.everywhere else self.link.name} for your jobs")
        elif self._wanted:
            note.say("No job passes this filter", hint="Esc shows them all again.")
        elif self.project:
            note.say(f"No jobs in {self.project} yet", hint="Press n to launch one.")
        else:
            note.say("No jobs here yet", "Press n to launch the code of a folder on this host.", "? shows all keys.")

    def repaint(self) -> None:
        """In the present theme's colours."""
        self._draw()

    def _tick(self) -> None:
        """Ages and durations move on."""
        self.query_one(JobTable).draw_again()
        self._summarise()
        self._draw_away()

    @property
    def shown(self) -> Sequence[HostJob]:
        """The jobs that are shown, from the top."""
        return self._shown

    def draw_list(self) -> None:
        """Draw it anew."""
        self._draw()

    def go_on(self) -> None:
        """The cursor goes on to the next job."""
        self.query_one(JobTable).action_cursor_down()

    def _peek(self) -> None:
        self.query_one(JobPeek).show(self.job, fmt.now(self), self.paint)

    @property
    def current(self) -> HostJob | None:
        """The job under the cursor, with its host."""
        table = self.query_one(JobTable)
        return self.board.job(table.cursor_key) if table.display else None

    def crumbs(self) -> tuple[str, ...]:
        """The project that is shown."""
        return (self.project,) if self.project else ()

    def launched(self, job: Job) -> None:
        """Coming back, the cursor is on what was launched: the next key is about that."""
        self._next = job.name

    # What one does

    @on(RowTable.RowHighlighted, "#projects")
    def _project_chosen(self, event: RowTable.RowHighlighted) -> None:
        name = event.row_key.value or ALL
        if name != self.project:
            self.project = name
            self.query_one(TopBar).parts = self.crumbs()
            self._draw()
            self._ask_older(name)
            self._search(name)

    @on(RowTable.RowSelected, "#projects")
    def _project_entered(self) -> None:
        self.query_one("#jobs").focus()
        self.remove_class("-projects")

    @on(JobTable.Highlighted)
    def _job_highlighted(self) -> None:
        self._peek()
        self.refresh_bindings()

    @on(JobTable.Selected)
    def _job_entered(self) -> None:
        self.action_open()

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        bar = self.query_one(FilterBar)
        try:
            self._wanted = JobFilter.parse(bar.text, fmt.now(self))
        except BadFilter as error:
            bar.wrong(str(error))  # the list stays as it was
            return
        self._draw()
        self._search(self.project)

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.query_one("#jobs").focus()

    @on(JobTable.HeaderClicked)
    def _title_clicked(self, event: JobTable.HeaderClicked) -> None:
        by = {"job": "name", "sign": "state", "age": "newest", "time": "duration"}.get(event.column, event.column)
        self.sort_by(by)

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

    def action_back(self) -> None:
        """Without marks, from a filter to none, from a project to all."""
        if self.unmark():
            return
        bar = self.query_one(FilterBar)
        if bar.has_class("-open"):
            bar.action_close()
        elif self.project:
            self.query_one("#projects", RowTable).move_to(ALL)
        self._project_entered()
