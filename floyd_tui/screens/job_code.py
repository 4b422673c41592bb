"""The code that a job ran: browsed as a tree, and compared with a folder here or with another job's."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from floyd_tui.errors import FloydError
from floyd_tui.project.code_side import CodeSide, FolderSide, JobSide
from floyd_tui.project.origin import folder_of
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.job_tree import Area, JobTree
from floyd_tui.widgets import format as fmt
from runner.models import Job

# So many of a project's jobs are offered to compare with, the newest.
OFFERED = 200


class JobCode(JobTree):
    """The snapshot's files. They never change, and so are listed once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "diff_folder", "Diff: here", id="code.diff-folder", tooltip="What differs in the folder here"),
        Binding("c", "diff_job", "Diff: a job", id="code.diff-job", tooltip="What differs in another job's code"),
    ]
    AREA: ClassVar[Area] = "code"
    SIDE: ClassVar[int] = 70

    @property
    def empty(self) -> tuple[str, str, str]:
        """A job may run what its image brings."""
        return "This job ran without code", "", "n in the list of jobs launches the code of a folder here."

    def words(self) -> list[tuple[str, str]]:
        """What it is, and what one can do with it."""
        return [("of code  ", "$dim"), (fmt.plain(self.source), "$dim"), ("   D fetches all of it", "$dim")]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without code there is nothing to compare."""
        if action in ("diff_folder", "diff_job", "download", "download_all") and self.job.code is None:
            return None
        return super().check_action(action, parameters)

    # Comparing

    @property
    def side(self) -> CodeSide:
        """This job's code."""
        return JobSide(self.link, self.job)

    def action_diff_folder(self) -> None:
        """What the folder here has otherwise: the one that the project is launched from, else one that is asked for."""
        from floyd_tui.screens.folder_dialog import FolderDialog

        if (folder := folder_of(self.job.project, Path.cwd())) is not None:
            self._against(folder)
        else:
            what = f"Compare {self.job.short} with the code in which folder?"
            self.app.push_screen(FolderDialog(what, Path.cwd()), self._against)

    def _against(self, folder: Path | None) -> None:
        if folder is not None:
            self._diff(self.side, FolderSide(folder))

    @work(exclusive=True, group="jobs", exit_on_error=False)
    async def action_diff_job(self) -> None:
        """What another job of the project ran otherwise."""
        from floyd_tui.screens.job_picker import JobPicker

        try:
            jobs = await self.link.client.jobs(self.job.project, limit=OFFERED)
        except FloydError as error:
            show_error(self.screen, error, self.link)
            return
        others = [job for job in jobs if job.name != self.job.name and job.code is not None]
        if not others:
            self.notify(f"No other job of {self.job.project} has code to compare with.")
            return
        self.app.push_screen(JobPicker(f"Compare {self.job.short} with which job?", others), self._with_job)

    def _with_job(self, other: Job | None) -> None:
        if other is not None:
            old, new = sorted((self.job, other), key=lambda job: job.created_at)
            self._diff(JobSide(self.link, old), JobSide(self.link, new))

    def _diff(self, old: CodeSide, new: CodeSide) -> None:
        from floyd_tui.screens.code_diff import CodeDiffScreen

        self.app.push_screen(CodeDiffScreen(old, new))
