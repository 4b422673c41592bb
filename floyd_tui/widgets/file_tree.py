"""Files as a tree in a table: folders first, with sizes and ages; a folder is asked for when it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint, Painted
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import FileInfo

COLUMNS = (
    Column("name", "Name", 12, flex=1),
    Column("size", "Size", 9, right=True),
    Column("age", "Age", 5, right=True, since=36),
    Column("digest", "SHA-256", 12, since=90),
)
INDENT = "  "
ROOT = ""
# Of one folder, or of what was found, so many are drawn: all rows of a folder of a million would take minutes.
MOST = 1_000


class FileTree(Painted, RowTable):
    """A tree of files. `show_folder` fills a folder; `Wanted` asks for one, `Opened` says that Enter was on a file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "expand", "Open", show=False, id="files.expand", tooltip="Show what the folder holds"),
        Binding(
            "left", "collapse", "Close", show=False, id="files.collapse", tooltip="Close the folder, or go up to it"
        ),
    ]

    @dataclass
    class Wanted(Message):
        """The folder at `path` was opened and is not known."""

        path: str

    @dataclass
    class Opened(Message):
        """Enter on a file."""

        file: FileInfo

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(COLUMNS, id=id)
        self._folders: dict[str, tuple[FileInfo, ...]] = {}
        self._open: set[str] = {ROOT}
        self._shown: dict[str, FileInfo] = {}
        self._found: tuple[FileInfo, ...] | None = None

    @property
    def open_folders(self) -> list[str]:
        """The folders whose content is in sight, outer ones first."""
        return sorted(self._open)

    @property
    def known(self) -> bool:
        """Whether the root has been listed."""
        return ROOT in self._folders

    @property
    def file(self) -> FileInfo | None:
        """What the cursor is on."""
        return self._shown.get(self.cursor_key or "")

    def folder(self, path: str) -> tuple[FileInfo, ...]:
        """What the folder at `path` held when it was last listed."""
        return self._folders.get(path, ())

    def forget(self) -> None:
        """Begin anew, for another source."""
        self._folders, self._open, self._found = {}, {ROOT}, None
        self.draw()

    def show_folder(self, path: str, files: Sequence[FileInfo]) -> None:
        """What the folder at `path` holds now."""
        self._folders[path] = tuple(files)
        self.draw()

    def show_found(self, files: Sequence[FileInfo] | None) -> None:
        """Show just `files`, by their whole paths; None brings the tree back."""
        found = None if files is None else tuple(files)
        if found != self._found:
            self._found = found
            self.draw()

    def draw(self) -> None:
        """Draw again, for ages or another theme."""
        paint, now = Paint.of(self.app), fmt.now(self)
        self._shown = {}
        self.show_rows(list(self._rows(ROOT, 0, paint, now)))

    def _rows(self, folder: str, depth: int, paint: Paint, now: float) -> Iterator[Row]:
        files = self._folders.get(folder, ()) if self._found is None else self._found
        for info in islice(files, MOST):
            self._shown[info.path] = info
            yield self._row(info, depth, paint, now)
            if info.kind == "dir" and info.path in self._open:
                yield from self._rows(info.path, depth + 1, paint, now)
        if (more := len(files) - MOST) > 0:
            by = "/ finds them by words" if self._found is None else "more words find fewer"
            yield Row(f"{folder}/", {"name": paint(f"{INDENT * (depth + 1)}… {more:,} more: {by}", "dim")})

    def _row(self, info: FileInfo, depth: int, paint: Paint, now: float) -> Row:
        if info.kind == "dir":
            arrow = "▾" if info.path in self._open else "▸"
            name = Text.assemble(paint(f"{INDENT * depth}{arrow} ", "dim"), paint(info.base + "/", "key"))
        else:
            mark = paint("*", "good") if info.executable else Text()
            target = paint(f" → {info.target}", "dim") if info.kind == "link" else Text()
            base = INDENT * (depth + 1) + info.base if self._found is None else info.path
            name = Text.assemble(paint(base), mark, target)
        loading = info.path in self._open and info.path not in self._folders
        size = paint("…", "dim") if loading else paint(fmt.size(info.size), "dim" if info.kind == "dir" else "")
        cells = {"name": name, "size": size, "age": paint(fmt.age(info.modified_at, now), "dim")}
        return Row(info.path, {**cells, "digest": paint(info.digest[:12], "dim")})

    # Keys

    @on(RowTable.RowSelected)
    def _entered(self, event: RowTable.RowSelected) -> None:
        event.stop()
        info = self.file
        if info is None:
            return
        if info.kind != "dir":
            self.post_message(self.Opened(info))
        elif info.path in self._open:
            self._close(info.path)
        else:
            self.action_expand()

    def action_expand(self) -> None:
        """Open the folder under the cursor."""
        info = self.file
        if info and info.kind == "dir" and info.path not in self._open:
            self._open.add(info.path)
            if info.path not in self._folders:
                self.post_message(self.Wanted(info.path))
            self.draw()

    def action_collapse(self) -> None:
        """Close the folder under the cursor, or the one that holds what is."""
        info = self.file
        if info is None:
            return
        path = info.path if info.path in self._open else info.path.rpartition("/")[0]
        if path != ROOT:
            self._close(path)
            self.move_to(path)

    def _close(self, path: str) -> None:
        self._open = {other for other in self._open if other != path and not other.startswith(path + "/")}
        self.draw()
