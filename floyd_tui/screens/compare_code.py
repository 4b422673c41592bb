"""Code side by side: which files differ by their digests, and how the text of one does; and what the code needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from floyd_tui.errors import FloydError
from floyd_tui.project.code_side import CodeSide
from floyd_tui.screens.errors import show_error
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_diff import MOST, FileDiff, files_that_differ, unified
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import FileInfo, Job

FILES = (Column("what", "", 1), Column("path", "Differs", 12, flex=1))
_SIGNS = {"added": ("+", "good"), "removed": ("-", "bad"), "changed": ("~", "warn")}
# So many lines of a diff are shown.
LINES = 5000


class DiffView(VerticalScroll, can_focus=True):
    """A unified diff, in colours that its signs say as well."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="diff.down", tooltip="One line down"),
        Binding("k", "scroll_up", "Up", show=False, id="diff.up", tooltip="One line up"),
    ]

    def compose(self) -> ComposeResult:
        yield Static(classes="diff")

    def show(self, lines: Sequence[str]) -> None:
        """Show the lines of a diff."""
        shown = [Content.styled(_printable(line), _color(line)) for line in lines[:LINES]]
        if len(lines) > LINES:
            shown.append(Content.styled(f"… and {len(lines) - LINES:,} lines more", "$dim"))
        self.query_one(".diff", Static).update(Content("\n").join(shown))
        self.scroll_home(animate=False)


def _printable(line: str) -> str:
    return fmt.plain(line.expandtabs(4))


def _color(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "bold"
    return {"+": "$good", "-": "$bad", "@": "$key"}.get(line[:1], "$foreground")


class _Compared:
    """The code of several sides, two of which are compared."""

    def __init__(self, sides: Sequence[CodeSide]) -> None:
        self.sides = sides
        self.other = 1
        self.code: Sequence[Sequence[FileInfo]] | None = None

    @property
    def differing(self) -> list[FileDiff]:
        """The files of the first side and of the other that are not the same."""
        return files_that_differ([self.code[0], self.code[self.other]]) if self.code else []

    async def diff(self, file: FileDiff) -> list[str]:
        """How a file's text differs; raises `FloydError`."""
        pair = (self.sides[0], self.sides[self.other])
        texts = [
            await side.read(file.path, MOST + 1) if digest else None
            for side, digest in zip(pair, file.digests, strict=True)
        ]
        first, second = (f"{side.name}/{file.path}" for side in pair)
        return unified(texts[0], texts[1], (first, second))


class CodePane(Container):
    """The files that differ, and beside or below them how the one under the cursor does."""

    def __init__(self, sides: Sequence[CodeSide], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._two = _Compared(sides)

    def compose(self) -> ComposeResult:
        yield RowTable(FILES)
        yield DiffView()

    def take(self, code: Sequence[Sequence[FileInfo]]) -> None:
        """The files of each side."""
        self._two.code = code

    def compare(self, other: int) -> None:
        """Compare the first with the one at the place `other`."""
        self._two.other = other
        if self._two.code is None:
            return
        paint, rows = Paint.of(self.app), []
        for file in self._two.differing:
            sign, color = _SIGNS[file.words]
            rows.append(Row(file.path, {"what": paint(sign, color), "path": paint(file.path)}))
        self.query_one(RowTable).show_rows(rows)
        if rows:
            self._show_diff()
        else:
            self.query_one(DiffView).show(["The code of these two is the same."])

    @property
    def differing(self) -> list[FileDiff]:
        """The files that are not the same on both sides."""
        return self._two.differing

    def focus_list(self) -> None:
        """Give the list of files the keys."""
        self.query_one(RowTable).focus()

    @on(RowTable.RowHighlighted)
    def _on_file(self, event: RowTable.RowHighlighted) -> None:
        event.stop()
        self._show_diff()

    @on(RowTable.RowSelected)
    def _into_file(self, event: RowTable.RowSelected) -> None:
        event.stop()
        self.query_one(DiffView).focus()

    @work(exclusive=True, group="diff", exit_on_error=False)
    async def _show_diff(self) -> None:
        path = self.query_one(RowTable).cursor_key
        file = next((one for one in self._two.differing if one.path == path), None)
        if file is None:
            return
        try:
            lines = await self._two.diff(file)
        except FloydError as error:
            show_error(self.screen, error)
            return
        self.query_one(DiffView).show(lines)


class NeedsPane(DiffView):
    """How what the code needs differs: environment and image, and the files that name packages."""

    def __init__(self, sides: Sequence[CodeSide], jobs: Sequence[Job], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._two, self._jobs = _Compared(sides), jobs

    def take(self, code: Sequence[Sequence[FileInfo]]) -> None:
        """The files of each side."""
        self._two.code = code

    @work(exclusive=True, group="needs", exit_on_error=False)
    async def compare(self, other: int) -> None:
        """Compare the first with the one at the place `other`."""
        self._two.other = other
        pair = [self._jobs[0], self._jobs[other]]
        lines = []
        for name, values in (("environment", [job.environment for job in pair]), ("image", [j.image for j in pair])):
            if values[0] != values[1]:
                lines += [f"@@ {name} @@", f"-{values[0] or 'none'}", f"+{values[1] or 'none'}", ""]
        try:
            for file in [one for one in self._two.differing if one.requirement]:
                lines += [*await self._two.diff(file), ""]
        except FloydError as error:
            show_error(self.screen, error)
        self.show(lines or ["Both need the same: one environment, one image, the same requirements."])
