"""Two sides of code: what a job ran beside a folder here, or beside what another job ran."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.errors import FloydError
from floyd_tui.project.code_side import CodeSide, FolderSide
from floyd_tui.screens.compare_code import CodePane
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.top_bar import TopBar
from runner.models import FileInfo

_WORDS = (("changed", "~", "warn"), ("added", "+", "good"), ("removed", "-", "bad"))


class CodeDiffScreen(ErrorFunnel[None]):
    """The files that differ between `old` and `new`, and how."""

    CSS_PATH: ClassVar = ["code_diff.tcss", "code_pane.tcss"]
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="code-diff.back", tooltip="Back to the job"),
        Binding("a", "again", "Again", id="code-diff.again", tooltip="Read the folder here again"),
        Binding("w", "folder", "Other folder", id="code-diff.folder", tooltip="Compare with another folder here"),
    ]

    def __init__(self, old: CodeSide, new: CodeSide) -> None:
        super().__init__()
        self.old, self.new = old, new

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(id="sides")
        yield Note()
        yield CodePane([self.old, self.new])
        yield KeyRow()

    def on_mount(self) -> None:
        self._read()

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        self.query_one(TopBar).parts = ("code", self.old.name, self.new.name)
        note = self._note_shown(True)
        note.wait_for(f"Comparing {self.old.name} with {self.new.name}")
        self._draw_sides("")
        try:
            code = await asyncio.gather(self.old.files(), self.new.files())
        except FloydError as error:
            note.trouble(error)
            return
        self._show(*code)

    def _show(self, *code: list[FileInfo]) -> None:
        pane = self.query_one(CodePane)
        pane.take(code)
        if not pane.differing:
            hint = "a looks again, w compares with another folder." if self._here else ""
            self.query_one(Note).say("The code is the same", f"{fmt.count(len(code[0]), 'file')} on both sides.", hint)
            return
        self._note_shown(False)
        pane.compare(1)
        self._draw_sides(*(one.words for one in pane.differing))
        self.call_after_refresh(pane.focus_list)

    def _note_shown(self, shown: bool) -> Note:
        note = self.query_one(Note)
        note.display, self.query_one(CodePane).display = shown, not shown
        return note

    def _draw_sides(self, *words: str) -> None:
        """What is compared, and how many files are how."""
        counts = Counter(words)
        parts = [(f"   {sign} {counts[word]:,} {word}", f"${color}") for word, sign, color in _WORDS if counts[word]]
        names = [
            ("- ", "$bad"),
            (fmt.plain(self.old.name), "bold"),
            ("   + ", "$good"),
            (fmt.plain(self.new.name), "bold"),
        ]
        self.query_one("#sides", Static).update(Content.assemble(*names, *parts))

    # Keys

    @property
    def _here(self) -> bool:
        return isinstance(self.new, FolderSide)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a folder here can change, or be another one."""
        return self._here if action in ("again", "folder") else True

    def action_again(self) -> None:
        """Read both sides again."""
        self._read()

    def action_folder(self) -> None:
        """Compare with another folder."""
        from floyd_tui.screens.folder_dialog import FolderDialog

        def chosen(folder: Path | None) -> None:
            if folder is not None:
                self.app.switch_screen(CodeDiffScreen(self.old, FolderSide(folder)))

        if isinstance(self.new, FolderSide):
            what = f"Compare {self.old.name} with the code in which folder?"
            self.app.push_screen(FolderDialog(what, self.new.folder), chosen)

    def action_back(self) -> None:
        """Leave."""
        self.dismiss()
