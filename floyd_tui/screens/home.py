"""The first page: projects on the left, their jobs on the right, of one host or of all at once, true by events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from floyd_tui.client.protocol import Link, LinkState
from floyd_tui.screens.home_follow import FollowedJobs
from floyd_tui.screens.home_jobs import Board, JobKey, keys_of
from floyd_tui.screens.home_rows import ALL, PROJECT_COLUMNS, chosen, job_columns, job_row, project_rows
from floyd_tui.screens.page import PageRow
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.filter_hints import FilterHints
from floyd_tui.widgets.job_filter import BadFilter, HostJob, JobFilter
from floyd_tui.widgets.job_peek import JobPeek
from floyd_tui.widgets.line import Line, once_a
from floyd_tui.widgets.link_status import describe
from floyd_tui.widgets.long_table import LongTable
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.panes import Panes
from floyd_tui.widgets.row_table import Row, RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import Job, JobState

# Seconds between two drawings of what events bring: many at once are drawn once.
DRAWING = 0.1


class JobTable(LongTable[JobKey]):
    """The list of jobs."""


class HomeScreen(FollowedJobs):
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
        Binding("Q", "queue", "Queue", show=False, id="app.queue", tooltip="What runs and waits, in its order"),
        Binding("ctrl+r", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
        Binding("escape", "back", "All", show=False, id="home.back", tooltip="Back to all jobs"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[HostJob] = []
        self._active: dict[JobState, int] = {}
        self._next = ""
        self._drawing: Timer | None = None

    def compose_body(self) -> ComposeResult:
        with Panes("jobs", id="home"):
            yield RowTable(PROJECT_COLUMNS, id="projects")
            with Vertical(id="right"):
                yield Note()
                yield JobTable(job_columns(all_projects=True), self._row, id="jobs")
                yield Line(id="away")
                yield Static(id="marks")
                yield JobPeek()
                hints = FilterHints(lambda key: self.board.values(key))
                yield FilterBar("words, state:failed, env:torch, loss<0.3", hints)

    def on_mount(self) -> None:
        kept = self.floyd.memory.pane("jobs")
        if self.floyd.resume and kept.get("everywhere") and len(self.floyd.links.names()) > 1:
            self.floyd.everywhere = True
        self.watch(self.app, "everywhere", self._scope_changed, init=False)
        once_a(1, self, self._tick)

    # What the hosts say

    @property
    def everywhere(self) -> bool:
        """Whether all hosts' jobs are shown."""
        return self.floyd.everywhere

    def _scope_changed(self) -> None:
        self.floyd.memory.set_pane("jobs", {"everywhere": self.everywhere})
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
            self.keep_true_of(one)

    # What is shown

    def draw_soon(self) -> None:
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
        self.call_after_refresh(self.ask_curves)  # before it, nobody knows which rows are in sight

    @property
    def in_sight(self) -> Sequence[HostJob]:
        """The jobs whose rows are on screen."""
        found = (self.board.job(key) for key in self.query_one(JobTable).in_sight)
        return [one for one in found if one is not None]

    def draw_rows(self) -> None:
        """Draw the rows in sight anew."""
        self.query_one(JobTable).draw_again()

    def _row(self, key: JobKey) -> Row:
        """The row of a job that is in sight."""
        one = self.board.job(key)
        return job_row(one, fmt.now(self), self.paint, self.project == ALL, self.curves.of(key)) if one else Row("")

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
        self.query_one(JobTable).draw_changed()
        self.ask_curves()
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
            self.ask_older(name)
            self.search(name)

    @on(RowTable.RowSelected, "#projects")
    def _project_entered(self) -> None:
        self.query_one("#jobs").focus()
        self.remove_class("-projects")

    @on(JobTable.Highlighted)
    def _job_highlighted(self) -> None:
        self._peek()
        self.ask_curves()
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
        self.search(self.project)

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

    def action_queue(self) -> None:
        """The queue of the host, or of all."""
        from floyd_tui.screens.queue import QueueScreen

        self.app.push_screen(QueueScreen(self.floyd.host, self.everywhere))

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
