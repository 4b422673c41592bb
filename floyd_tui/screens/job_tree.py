"""What the tabs of a job's files have in common: a tree, true while it can change, and beside it a look at the file."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.file_view import FileView
from floyd_tui.screens.files_pane import FilesPane
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.file_tree import ROOT, FileTree
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.line import Line
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.panes import Panes
from floyd_tui.widgets.row_table import RowTable
from runner.models import FileInfo, Job

POLL_SECONDS = 3.0
Area = Literal["output", "code"]


class JobTree(FilesPane):
    """The tree of one area of a job's files. From `SIDE` columns on, the file under the cursor is shown beside it."""

    DEFAULT_CSS = """
    JobTree {
        height: 1fr;
        & > Note { display: none; }
        & > Note.-shown { display: block; }
        & > .tree-body { height: 1fr; }
        & FileView { display: none; width: 3fr; border-left: vkey $faint; }
        &.-side FileTree { width: 2fr; max-width: 64; }
        &.-side FileView { display: block; }
        & > .tree-status { height: 1; padding: 0 1; color: $dim; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "preview", "View", id="files.view", tooltip="Look at the file, or open the folder"),
        Binding("d", "download", "Download", id="files.download", tooltip="Fetch the file or folder under the cursor"),
        Binding("D", "download_all", "All", show=False, id="files.all", tooltip="Fetch everything"),
    ]
    AREA: ClassVar[Area]
    SIDE: ClassVar[int] = 100

    def __init__(self, link: Link, job: Job, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.link = link
        self.job = job
        self._keys_wanted = False

    def compose(self) -> ComposeResult:
        yield Note()
        with Panes("files", classes="tree-body"):
            yield FileTree()
            yield FileView(self.link)
        yield FilterBar("words of a path", id="files-find")
        yield Line(classes="tree-status")

    @property
    def source(self) -> str:
        """The reference to what is shown."""
        return f"{self.job.name}/{self.AREA}"

    @property
    def table(self) -> FileTree:
        """The table."""
        return self.query_one(FileTree)

    @property
    def lasting(self) -> bool:
        """Whether what is shown stays as it is."""
        return True

    async def list_all(self) -> list[FileInfo]:
        """All files of what is shown."""
        return await self.link.client.files(self.source, recursive=True)

    @work(exclusive=True, group="files", exit_on_error=False)
    async def keep_true(self) -> None:
        """List what is in sight, again and again while it can change."""
        while True:
            last = self.lasting
            try:
                await self.link.connected()
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
        self.table.show_folder(folder, await self.link.client.files(self.source, folder))
        self._draw_status()
        self._look()

    def _trouble(self, error: FloydError) -> None:
        if self.table.known:
            self.table.add_class("-stale")
        else:
            self._note_shown(True).trouble(error)

    def _note_shown(self, shown: bool) -> Note:
        note = self.query_one(Note)
        note.set_class(shown, "-shown")
        self.query_one(".tree-body").display = not shown
        if self._keys_wanted and not shown:
            self.call_after_refresh(self.take_keys)
        return note

    def take_keys(self) -> None:
        """Give the tree the keys; while it is hidden it cannot have them, and takes them once there is something."""
        ready = self.table.known and self.query_one(".tree-body").display
        self._keys_wanted = not ready
        if ready and self.display:
            self.table.focus()

    def on_show(self) -> None:
        """Say what is awaited until the first answer."""
        if not self.table.known:
            self._note_shown(True).wait_for(f"Asking {self.link.name} for the files")

    def _draw_status(self) -> None:
        files = self.table.folder(ROOT)
        note = self._note_shown(not files)
        if not files:
            note.say(*self.empty, color="dim")
        self.draw_line()

    @property
    def empty(self) -> tuple[str, str, str]:
        """Headline, sentence and hint where there is no file."""
        raise NotImplementedError

    def draw_line(self) -> None:
        """What there is, in the line below."""
        total = fmt.size(sum(info.size for info in self.table.folder(ROOT)))
        self.query_one(".tree-status", Static).update(Content.assemble((f"{total}  ", "$key"), *self.words()))

    def words(self) -> list[tuple[str, str]]:
        """What that line says after the size, as pairs of text and style."""
        return [(fmt.plain(self.source), "$dim")]

    # The file beside the tree

    def on_resize(self, event: Resize) -> None:
        """Beside the tree where there is room for both."""
        self.set_class(event.size.width >= self.SIDE, "-side")
        self._look()

    @on(RowTable.RowHighlighted)
    def _on_row(self, event: RowTable.RowHighlighted) -> None:
        event.stop()
        self._look()

    def _look(self) -> None:
        """Show what is under the cursor, if there is room to."""
        file = self.table.file
        if file is None or not self.has_class("-side"):
            return
        view = self.query_one(FileView)
        if file.kind == "file":
            view.show(self.source, file)
        elif file.kind == "dir":
            view.say(f"{file.path}/", "Enter opens it, d fetches it.")
        else:
            view.say(f"{file.path} → {file.target}", "A link: what it leads to is not followed.")

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
            show_error(self.screen, error, self.link)

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
            self.app.push_screen(PreviewScreen(self.link, self.source, self.table.file))

    def action_download(self) -> None:
        """Fetch what is under the cursor."""
        if self.table.file:
            self._download(self.table.file.path)

    def action_download_all(self) -> None:
        """Fetch everything."""
        self._download(ROOT)

    def _download(self, path: str) -> None:
        from floyd_tui.screens.download import DownloadScreen

        self.app.push_screen(DownloadScreen(self.link, self.source, [path]))
