"""The keys of the list of jobs that act on the job under the cursor, or on the marked ones; on each job's own host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.screens import job_actions
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.home_jobs import Board
from floyd_tui.screens.page import Page
from floyd_tui.widgets.job_filter import HostJob
from runner.models import Job, JobState

_HOST_ACTIONS = frozenset({"launch", "watch", "retry", "queue"})
_JOB_ACTIONS = frozenset({"open", "relaunch", "today", "group", "go_on", "stop", "download", "hold", "move"})


class JobKeys(Page):
    """A page with a list of jobs. Who inherits says what is known (`board`) and where the cursor is (`current`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "launch", "New", id="job.launch", tooltip="Launch the code of a folder here"),
        Binding("r", "relaunch", "Again", id="job.relaunch", tooltip="Launch the same code again"),
        Binding(
            "R",
            "today",
            "Today's code",
            show=False,
            id="job.today",
            tooltip="Launch today's code of its folder with the same settings",
        ),
        Binding("o", "go_on", "Go on", id="job.go_on", tooltip="Launch again with this job's output mounted"),
        Binding("B", "group", "Group", id="job.group", tooltip="The jobs launched with it, the best first"),
        Binding("s", "stop", "Stop", id="job.stop", tooltip="Stop the job; its output so far is kept"),
        Binding("d", "download", "Download", id="job.download", tooltip="Fetch the job's output"),
        Binding("H", "hold", "Hold", id="job.hold", tooltip="Let a waiting job wait on, or release it"),
        Binding("K", "move(-1)", "Sooner", id="job.sooner", tooltip="Before the one above it in the queue"),
        Binding("J", "move(1)", "Later", id="job.later", tooltip="Behind the one below it in the queue"),
    ]
    board: Board
    project = ""

    @property
    def current(self) -> HostJob | None:
        """The job under the cursor, with its host."""
        raise NotImplementedError

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        return self.current.job if self.current else None

    @property
    def here(self) -> Link:
        """The link to the host of the job under the cursor; without one that of the app's host."""
        return self.floyd.links[self.current.host] if self.current else self.link

    def launched(self, job: Job) -> None:
        """A job was launched from this page."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done with the job under the cursor."""
        if action in _HOST_ACTIONS and not self.floyd.host:
            return None
        job = self.job if self.is_mounted and action in _JOB_ACTIONS else None
        match action:
            case "open" | "relaunch" | "today":
                return True if job else None
            case "group":
                return bool(job and job.group)
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
            job_actions.open_job(self, self.here, self.job)

    def action_relaunch(self) -> None:
        """The form, with the job's settings."""
        if self.job:
            job_actions.relaunch(self, self.here, self.job, then=self.launched)

    def action_go_on(self) -> None:
        """The form, with the job's settings and its output mounted."""
        if self.job:
            job_actions.go_on(self, self.here, self.job, then=self.launched)

    def action_today(self) -> None:
        """The form, with today's code and the job's settings."""
        if self.job:
            job_actions.relaunch_today(self, self.here, self.job, self.launched)

    def action_group(self) -> None:
        """All jobs of its group."""
        if self.job and self.job.group:
            job_actions.open_group(self, self.here, self.job)

    def action_stop(self) -> None:
        """Stop the job, once confirmed."""
        if self.job:
            job_actions.stop(self, self.here, self.job)

    def action_hold(self) -> None:
        """Hold the job, or release it."""
        if self.job:
            job_actions.hold(self, self.here, self.job)

    def action_move(self, by: int) -> None:
        """Sooner or later than its neighbour in the queue of its host."""
        if self.current:
            line = self.board.hosts[self.current.host].line()
            job_actions.move(self, self.here, self.current.job, line, by)

    def action_download(self) -> None:
        """Fetch the job's output."""
        if self.job:
            job_actions.download(self, self.here, self.job)

    def action_launch(self) -> None:
        """The form for the folder that floyd-tui was started in."""
        self._open_new(Path.cwd())

    @work(exclusive=True, group="draft", exit_on_error=False)
    async def _open_new(self, folder: Path) -> None:
        from floyd_tui.screens.launch_draft import as_last_time, draft_of

        try:
            draft = await draft_of(folder)
            said = draft.launch
            if not said.command and any(project.name == said.project for project in self.board.projects()):
                # A folder that says nothing runs as last time; what was new then is not now.
                last = await as_last_time(self.link.client, said.project)
                said = replace(last, message="") if last else said
        except FloydError as error:
            show_error(self, error)
            return
        for note in draft.notes:
            self.notify(note, severity="warning", markup=False)
        launch = replace(said, project=said.project or self.project)
        job_actions.open_form(self, self.link, launch, draft.folder, self.launched, draft.sweep)

    def action_watch(self) -> None:
        """The watch screen."""
        from floyd_tui.screens.watch import WatchScreen

        self.app.push_screen(WatchScreen(self.link, Path.cwd()))
