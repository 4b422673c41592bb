"""The queue of a host, or of all: what runs and until when, and what waits in the order in which it will start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.home_jobs import Board, JobKey
from floyd_tui.screens.home_keys import JobKeys
from floyd_tui.screens.live import follow
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import HostJob
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.row_table import Column, Row, RowTable
from floyd_tui.widgets.top_bar import TopBar
from runner.models import Event, GpuStats, Job, JobState

ACTIVE = (JobState.QUEUED, JobState.PREPARING, JobState.RUNNING)
COLUMNS = (
    Column("place", "#", 3, right=True),
    Column("sign", "", 1),
    Column("job", "Job", 14, flex=1),
    Column("gpus", "GPU", 4, right=True, since=44),
    Column("when", "Ends or starts", 14, since=52),
    Column("why", "Waits for, or runs on", 12, flex=3, since=66),
    Column("priority", "Prio", 4, right=True, since=100),
    Column("age", "Age", 4, right=True, since=36),
)
# Between a host's name and a job's in a row's key: no name has it.
_BAR = "|"


class QueueScreen(JobKeys):
    """The caller's jobs; how many of other people's stand before one is told by its place in line."""

    CSS_PATH = "queue.tcss"
    AUTO_FOCUS = "#queue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="queue.back", tooltip="Back to where you were"),
        Binding("a", "scope", "All hosts", id="queue.scope", tooltip="The queues of all hosts, or of the one alone"),
        Binding("ctrl+r", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
    ]

    def __init__(self, host: str, everywhere: bool = False) -> None:
        super().__init__()
        self._host, self._everywhere = host, everywhere
        self.board = Board()
        self._gpus: dict[str, tuple[GpuStats, ...]] = {}

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(id="queue-summary")
        yield Note()
        yield RowTable(COLUMNS, id="queue")
        yield KeyRow()

    def on_mount(self) -> None:
        once_a(1, self, self._draw)

    @property
    def link(self) -> Link:
        """The link of the host whose queue this is."""
        return self.floyd.links[self._host]

    def crumbs(self) -> tuple[str, ...]:
        """What follows the host's name in the breadcrumb."""
        return ("queue",)

    def show_host(self, link: Link) -> None:
        """Ask anew, of the host or of all."""
        links = [self.floyd.links[name] for name in self.floyd.links.names()] if self._everywhere else [self.link]
        top = self.query_one(TopBar)
        if self._everywhere:
            top.follow_all(links, "queue")
        else:
            top.follow(self.link, "queue")
        self.board = Board(one.name for one in links)
        self.workers.cancel_group(self, "follow")
        self._draw()
        for one in links:
            self._keep_true_of(one)

    @work(group="follow", exit_on_error=False)
    async def _keep_true_of(self, link: Link) -> None:
        known = self.board.hosts[link.name]

        async def load(client: Client) -> None:
            self._gpus[link.name] = (await client.stats()).gpus
            known.take([], await client.jobs(states=ACTIVE), fmt.now(self))
            self._draw()

        def apply(event: Event) -> None:
            if known.apply(event, fmt.now(self))[0]:
                self._draw()

        def trouble(error: FloydError) -> None:
            known.error = error
            self._draw()

        await link.start()
        await follow(link, load, apply, trouble)

    # What is shown

    def _draw(self) -> None:
        table, note = self.query_one("#queue", RowTable), self.query_one(Note)
        rows = [row for host in self.board.hosts for row in self._rows(host)]
        table.show_rows(rows)
        table.set_class(self.board.away, "-stale")
        table.display = bool(rows)
        note.set_class(not rows, "-shown")
        if not rows:
            self._say_empty(note)
        elif self.focused is None:
            table.focus()
        self.query_one("#queue-summary", Static).update(Content("\n").join(self._summary()))
        self.refresh_bindings()

    def _say_empty(self, note: Note) -> None:
        if self.board.seen_at is not None:
            note.say("Nothing runs or waits", "What is launched starts at once.", "Esc goes back; n there launches.")
        elif self.board.errors:
            note.trouble(next(iter(self.board.errors.values())))
        else:
            note.wait_for("Asking what runs and waits")

    def _summary(self) -> Iterator[Content]:
        """A line a host: how much runs and waits there, and how many GPUs are free."""
        for host, known in self.board.hosts.items():
            jobs = [job for job in known.jobs.values() if not job.state.ended]
            waiting = sum(job.state is JobState.QUEUED for job in jobs)
            parts = [f"{len(jobs) - waiting} on, {waiting} waiting"]
            if gpus := self._gpus.get(host):
                taken = {device for job in jobs if job.state is not JobState.QUEUED for device in job.devices}
                parts.append(f"{fmt.count(len(gpus), 'GPU')}, {len(taken)} with your jobs")
            away = ("   away", "$warn") if known.error else ("", "")
            yield Content.assemble((host, "bold"), (f"   {'   '.join(parts)}", "$dim"), away)

    def _rows(self, host: str) -> Iterator[Row]:
        known = self.board.hosts[host]
        active = [job for job in known.jobs.values() if not job.state.ended]
        on = sorted((j for j in active if j.state is not JobState.QUEUED), key=lambda j: j.started_at or j.created_at)
        line = known.line()
        held = sorted((j for j in active if j.state is JobState.QUEUED and j.position is None), key=lambda j: j.number)
        if self._everywhere and active:
            yield Row(f"{host}{_BAR}", {"job": self.paint(host, "accent", "bold")})
        for job in on:
            yield self._row(host, job)
        before = 0
        for job in line:
            others = (job.position or 0) - before - 1
            if others > 0:
                text = f"{others} of others"
                yield Row(f"{host}{_BAR}{before}", {"place": self.paint("·", "dim"), "job": self.paint(text, "dim")})
            before = job.position or 0
            yield self._row(host, job)
        for job in held:
            yield self._row(host, job)

    def _row(self, host: str, job: Job) -> Row:
        paint, now = self.paint, fmt.now(self)
        waits = job.state is JobState.QUEUED
        cells = {
            "place": paint(str(job.position) if waits and job.position else "", "accent"),
            "sign": paint("‖" if waits and job.held else fmt.sign(job.state), fmt.color(job.state)),
            "job": Text.assemble(
                paint(f"{job.project}/", "dim"), paint(str(job.number)), paint(f"  {job.message}", "dim")
            ),
            "gpus": paint(fmt.gpus(job) or "·", "" if job.gpus else "dim"),
            "when": paint(_when(job, now), "dim" if waits else ""),
            "why": paint(self._why(host, job), "dim"),
            "priority": paint(str(job.priority or ""), "dim"),
            "age": paint(fmt.age(job.created_at, now), "dim"),
        }
        return Row(f"{host}{_BAR}{job.name}", cells)

    def _why(self, host: str, job: Job) -> str:
        """What it waits for, or the GPUs that it has."""
        if job.state is not JobState.RUNNING:
            return "held: H lets it start" if job.held else job.progress
        numbers = [str(gpu.index) for gpu in self._gpus.get(host, ()) if gpu.uuid in job.devices]
        return f"GPU {', '.join(numbers)}" if numbers else "no GPU" if not job.devices else "its GPUs"

    # Keys

    @property
    def current(self) -> HostJob | None:
        """The job under the cursor."""
        host, _, name = (self.query_one("#queue", RowTable).cursor_key or "").partition(_BAR)
        key: JobKey = (host, name)
        return self.board.job(key)

    def repaint(self) -> None:
        """In the present theme's colours."""
        self._draw()

    @on(RowTable.RowHighlighted)
    def _highlighted(self) -> None:
        self.refresh_bindings()

    @on(RowTable.RowSelected)
    def _entered(self) -> None:
        self.action_open()

    def action_back(self) -> None:
        """Where one came from."""
        self.dismiss()

    def action_scope(self) -> None:
        """All hosts' queues, or the one's."""
        self._everywhere = not self._everywhere
        self.show_host(self.link)


def _when(job: Job, now: float) -> str:
    """When a running job must end, and when one that waits starts at the latest, as far as that is known."""
    if job.state is JobState.QUEUED:
        return f"by {datetime.fromtimestamp(job.starts_by).astimezone():%H:%M}" if job.starts_by else ""
    if job.state is JobState.PREPARING:
        return "getting ready"
    if job.max_runtime is None or job.started_at is None:
        return f"on {fmt.duration(fmt.job_seconds(job, now))}"
    return f"{fmt.duration(max(0.0, job.started_at + job.max_runtime - now))} left"
