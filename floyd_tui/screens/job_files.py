"""The files of a job, its output or its code: browsed as a tree, true while the job runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.files_pane import FilesPane
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.screens.sync import SyncDialog, colour, headline
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.file_tree import ROOT, FileTree
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.note import Note
from runner.models import AddedVersion, FileInfo, Job

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

POLL_SECONDS = 3.0
Area = Literal["output", "code"]


class JobFiles(FilesPane):
    """Tree of a job's output; `c` shows the code it ran instead."""

    DEFAULT_CSS = """
    JobFiles {
        height: 1fr;
        & > Note { display: none; }
        & > Note.-shown { display: block; }
        & > #files-status { height: 1; padding: 0 1; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "preview", "View", id="files.view", tooltip="Look at the file, or open the folder"),
        Binding("d", "download", "Download", id="files.download", tooltip="Fetch the file or folder under the cursor"),
        Binding("D", "download_all", "All", show=False, id="files.all", tooltip="Fetch everything"),
        Binding("a", "save", "Keep", id="files.save", tooltip="Keep the folder under the cursor as a dataset"),
        Binding("S", "sync", "Sync", id="files.sync", tooltip="Bring its output here as it is written"),
        Binding("c", "other_area", "Code", id="files.area", tooltip="The code it ran, or what it wrote"),
    ]

    area: var[Area] = var("output")

    def __init__(self, link: Link, job: Job, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._link = link
        self.job = job

    def compose(self) -> ComposeResult:
        yield Note()
        yield FileTree(id="files-tree")
        yield FilterBar("words of a path", id="files-find")
        yield Static(id="files-status")

    def on_mount(self) -> None:
        self.set_interval(1.0, self._follow_sync)

    def _follow_sync(self) -> None:
        if self.table.known:
            self._draw_line()

    @property
    def source(self) -> str:
        """The reference to what is shown."""
        return f"{self.job.name}/{self.area}"

    @property
    def table(self) -> FileTree:
        """The table."""
        return self.query_one(FileTree)

    async def list_all(self) -> list[FileInfo]:
        """All files of what is shown."""
        return await self._link.client.files(self.source, recursive=True)

    def show_job(self, job: Job) -> None:
        """The job as it is now; an end brings a last look."""
        ended = job.state.ended and not self.job.state.ended
        self.job = job
        if ended and self.table.known:
            self.keep_true()

    @work(exclusive=True, group="files", exit_on_error=False)
    async def keep_true(self) -> None:
        """List what is in sight, again and again while it can change."""
        while True:
            last = self.job.state.ended or self.area == "code"
            try:
                await self._link.connected()
                for folder in self.table.open_folders:
                    await self._list(folder)
                if self.finding:
                    await self.read_all_again()
                self.table.remove_class("-stale")
            except FloydError as error:
                self._trouble(error)
            else:
                if last:
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _list(self, folder: str) -> None:
        source = self.source
        files = await self._link.client.files(source, folder)
        if source == self.source:
            self.table.show_folder(folder, files)
            self._draw_status()

    def _trouble(self, error: FloydError) -> None:
        if self.table.known:
            self.table.add_class("-stale")
        else:
            self._note_shown(True).trouble(error)

    def _note_shown(self, shown: bool) -> Note:
        note = self.query_one(Note)
        note.set_class(shown, "-shown")
        self.table.display = not shown
        return note

    def on_show(self) -> None:
        """Say what is awaited until the first answer."""
        if not self.table.known:
            self._note_shown(True).wait_for(f"Asking {self._link.name} for the files")

    def _draw_status(self) -> None:
        files = self.table.folder(ROOT)
        note = self._note_shown(not files)
        if not files:
            running = not self.job.state.ended
            hint = "Files that the job writes under /floyd/home show up here."
            note.say("No files yet" if running else "This job left no files", hint=hint if running else "", color="dim")
        self._draw_line()

    def _draw_line(self) -> None:
        """What there is, and how its sync stands."""
        total = fmt.size(sum(info.size for info in self.table.folder(ROOT)))
        what = "what it wrote so far" if self.area == "output" and not self.job.state.ended else self.area
        sync = cast("FloydApp", self.app).syncs.of(self._link, self.job)
        self.query_one("#files-status", Static).update(
            Content.assemble(
                (self.area, "$key"),
                (f"  {total} in {what}  ", "$dim"),
                (f"{headline(sync)}  " if sync else "", f"${colour(sync)}" if sync else ""),
                (fmt.plain(shown_path(sync.to) if sync else self.source), "$dim"),
            )
        )

    # Keys

    @on(FileTree.Wanted)
    def _wanted(self, event: FileTree.Wanted) -> None:
        event.stop()
        self._list_now(event.path)

    @work(group="folder", exit_on_error=False)
    async def _list_now(self, folder: str) -> None:
        try:
            await self._list(folder)
        except FloydError as error:
            show_error(self.screen, error, self._link)

    @on(FileTree.Opened)
    def _opened(self, event: FileTree.Opened) -> None:
        event.stop()
        self._preview()

    def action_preview(self) -> None:
        """Look at the file under the cursor, or open the folder."""
        if self.table.file and self.table.file.kind == "dir":
            self.table.action_select_cursor()
        else:
            self._preview()

    def _preview(self) -> None:
        from floyd_tui.screens.preview import PreviewScreen

        if self.table.file and self.table.file.kind == "file":
            self.app.push_screen(PreviewScreen(self._link, self.source, self.table.file))

    def action_download(self) -> None:
        """Fetch what is under the cursor."""
        if self.table.file:
            self._download(self.table.file.path)

    def action_download_all(self) -> None:
        """Fetch everything."""
        self._download(ROOT)

    def _download(self, path: str) -> None:
        from floyd_tui.screens.download import DownloadScreen

        self.app.push_screen(DownloadScreen(self._link, self.source, [path]))

    def action_sync(self) -> None:
        """Begin to sync the output, or see how that stands."""
        self.app.push_screen(SyncDialog(self._link, self.job), lambda _: self._draw_line())

    def action_save(self) -> None:
        """Keep the folder under the cursor, or the whole output, as a dataset."""
        from floyd_tui.screens.save_dataset import SaveDatasetDialog, said

        def kept(added: AddedVersion | None) -> None:
            if added:
                self.notify(said(added))

        file = self.table.file
        path = file.path if file and file.kind == "dir" else ""
        self.app.push_screen(SaveDatasetDialog(self._link, "/".join(filter(None, (self.source, path)))), kept)

    def action_other_area(self) -> None:
        """The code in place of the output, or back."""
        self.area = "code" if self.area == "output" else "output"

    def watch_area(self) -> None:
        """Begin anew with the other files."""
        if self.is_mounted:
            self.forget_found()
            self.table.forget()
            self.on_show()
            self.keep_true()
