"""The output of a job: browsed as a tree, true while the job runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from floyd_tui.screens.job_tree import Area, JobTree
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.screens.sync import SyncDialog, colour, headline
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.line import once_a
from runner.models import AddedVersion, Job

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp


class JobFiles(JobTree):
    """The files that a job writes, and what becomes of them: fetched, synced, kept as a dataset."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "save", "Keep", id="files.save", tooltip="Keep the folder under the cursor as a dataset"),
        Binding("S", "sync", "Sync", id="files.sync", tooltip="Bring its output here as it is written"),
    ]
    AREA: ClassVar[Area] = "output"

    def on_mount(self) -> None:
        once_a(1, self, self._follow_sync)

    def _follow_sync(self) -> None:
        if self.table.known and self.display:
            self.draw_line()

    @property
    def lasting(self) -> bool:
        """Whether the job has written all that it will."""
        return self.job.state.ended

    def show_job(self, job: Job) -> None:
        """The job as it is now; an end brings a last look."""
        ended = job.state.ended and not self.job.state.ended
        self.job = job
        if ended and self.table.known:
            self.keep_true()

    @property
    def empty(self) -> tuple[str, str, str]:
        """What a job without files may still do."""
        if self.job.state.ended:
            return "This job left no files", "", ""
        return "No files yet", "", "Files that the job writes under /floyd/home show up here."

    def words(self) -> list[tuple[str, str]]:
        """What there is, and how its sync stands."""
        sync = cast("FloydApp", self.app).syncs.of(self.link, self.job)
        return [
            ("in output  " if self.job.state.ended else "in what it wrote so far  ", "$dim"),
            (f"{headline(sync)}  " if sync else "", f"${colour(sync)}" if sync else ""),
            (fmt.plain(shown_path(sync.to) if sync else self.source), "$dim"),
        ]

    @property
    def folder(self) -> str:
        """The path of the folder under the cursor; empty for the whole output."""
        file = self.table.file
        return file.path if file and file.kind == "dir" else ""

    # Keys

    def action_sync(self) -> None:
        """Begin to sync the output, or see how that stands."""
        self.app.push_screen(SyncDialog(self.link, self.job), lambda _: self.draw_line())

    def action_save(self) -> None:
        """Keep the folder under the cursor, or the whole output, as a dataset."""
        from floyd_tui.screens.save_dataset import SaveDatasetDialog, said

        def kept(added: AddedVersion | None) -> None:
            if added:
                self.notify(said(added))

        whole = "/".join(filter(None, (self.source, self.folder)))
        self.app.push_screen(SaveDatasetDialog(self.link, whole), kept)
