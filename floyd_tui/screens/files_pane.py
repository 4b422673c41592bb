"""What panes with a tree of files have in common: `/` finds files at any depth by words of their paths."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import show_error
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.filter_bar import FilterBar
from runner.models import FileInfo


class FilesPane(Vertical):
    """A pane that composes one `FileTree` and one `FilterBar`, and says in `list_all` which files there are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "Find", key_display="/", id="files.find", tooltip="Files by words of their paths"),
        Binding("escape", "leave_find", "All files", show=False, id="files.leave-find", tooltip="Back to the tree"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all: list[FileInfo] | None = None

    async def list_all(self) -> list[FileInfo]:
        """All files, at any depth; raises `FloydError`."""
        raise NotImplementedError

    @property
    def finding(self) -> bool:
        """Whether what is shown are files found, not the tree."""
        return self.is_mounted and self.query_one(FilterBar).has_class("-open")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the screen's own unless files are being found, or the keys are beside the tree."""
        return self.finding or self._beside if action == "leave_find" else True

    @property
    def _beside(self) -> bool:
        """Whether what has the keys is neither the tree nor the words to find by."""
        focused = self.screen.focused if self.is_mounted else None
        if focused is None or self not in focused.ancestors or isinstance(focused, FileTree):
            return False
        return self.query_one(FilterBar) not in focused.ancestors_with_self

    def action_find(self) -> None:
        """Type words; the host is asked for all paths."""
        self.query_one(FilterBar).open()
        self._read_all()

    def action_leave_find(self) -> None:
        """Back to the tree."""
        if self._beside:
            self.query_one(FileTree).focus()
        else:
            self.query_one(FilterBar).action_close()

    def forget_found(self) -> None:
        """Other files are shown from now on."""
        self._all = None
        bar = self.query_one(FilterBar)
        if bar.has_class("-open"):
            bar.action_close()

    @work(exclusive=True, group="find", exit_on_error=False)
    async def _read_all(self) -> None:
        try:
            await self.read_all_again()
        except FloydError as error:
            self.action_leave_find()
            show_error(self.screen, error)

    async def read_all_again(self) -> None:
        """Ask for all paths, and find among these; raises `FloydError`."""
        found = await self.list_all()
        self._all = [info for info in found if info.kind != "dir"]
        self._show_found()

    @on(FilterBar.Changed)
    def _typed(self, event: FilterBar.Changed) -> None:
        event.stop()
        self._show_found()

    @on(FilterBar.Left)
    def _left(self, event: FilterBar.Left) -> None:
        event.stop()
        self.query_one(FileTree).focus()
        self._show_found()

    def _show_found(self) -> None:
        bar, tree = self.query_one(FilterBar), self.query_one(FileTree)
        words = bar.text.lower().split()
        if self._all is None or not words:
            tree.show_found(None)
            return
        found = [info for info in self._all if all(word in info.path.lower() for word in words)]
        tree.show_found(found)
        bar.found(len(found), len(self._all))
