"""The files of a dataset version, as a tree that is asked for folder by folder."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.files_pane import FilesPane
from floyd_tui.widgets.file_tree import ROOT, FileTree
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.format import plain
from runner.models import DatasetVersion, FileInfo


class DatasetFiles(FilesPane):
    """A tree with a line above it that says whose files these are."""

    DEFAULT_CSS = """
    DatasetFiles {
        height: 1fr;
        & > #files-title { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "preview", "View", show=False, id="files.view", tooltip="Look at the file, or open the folder"
        ),
        Binding("d", "download", "Download", id="files.download", tooltip="Fetch the file or folder under the cursor"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._link: Link | None = None
        self._version: DatasetVersion | None = None
        self._title = ""

    def compose(self) -> ComposeResult:
        yield Static(id="files-title")
        yield FileTree(id="dataset-tree")
        yield FilterBar("words of a path", id="files-find")

    @property
    def tree_table(self) -> FileTree:
        """The tree."""
        return self.query_one(FileTree)

    async def list_all(self) -> list[FileInfo]:
        """All files of the version."""
        if self._link is None or self._version is None:
            return []
        return await self._link.client.files(self._version.name, recursive=True)

    def show(self, link: Link, version: DatasetVersion | None) -> None:
        """Show the files of `version`, unless they are shown already."""
        same = link is self._link and (version and version.name) == (self._version and self._version.name)
        self._link, self._version = link, version
        if same:
            return
        self.forget_found()
        self.tree_table.forget()
        origin = f" · from {version.origin.url}" if version and version.origin else ""
        self._title = plain(f"Files of {version.short}{origin}") if version else ""
        self._say(f"{self._title} …" if version else "")
        if version:
            self._list(ROOT)

    def _say(self, text: str, color: str = "dim") -> None:
        self.query_one("#files-title", Static).update(Content.styled(text, f"${color}"))

    @work(exclusive=False, group="files", exit_on_error=False)
    async def _list(self, folder: str) -> None:
        link, version = self._link, self._version
        if link is None or version is None:
            return
        try:
            files = await link.client.files(version.name, folder)
        except FloydError as error:
            if version is self._version:
                self._say(f"✘ {plain(str(error))}", "bad")
            return
        # An answer for a version that is no longer looked at must not win.
        if version is self._version:
            self._say(self._title)
            self.tree_table.show_folder(folder, files)

    @on(FileTree.Wanted)
    def _wanted(self, event: FileTree.Wanted) -> None:
        event.stop()
        self._list(event.path)

    @on(FileTree.Opened)
    def _opened(self, event: FileTree.Opened) -> None:
        event.stop()
        self.action_preview()

    def action_preview(self) -> None:
        """Look at the file under the cursor."""
        from floyd_tui.screens.preview import PreviewScreen

        file = self.tree_table.file
        if self._link and self._version and file and file.kind == "file":
            self.app.push_screen(PreviewScreen(self._link, self._version.name, file))

    def action_download(self) -> None:
        """Fetch what is under the cursor."""
        from floyd_tui.screens.download import DownloadScreen

        if self._link and self._version and self.tree_table.file:
            self.app.push_screen(DownloadScreen(self._link, self._version.name, [self.tree_table.file.path]))
