"""A look into a file on the host, by its kind: text, JSON, a table, a picture, or its bytes; as it grows, too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.peek.kinds import Kind
from floyd_tui.peek.look import DUMP, Look, as_text, look
from floyd_tui.peek.parts import PART, read, read_part
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.json_tree import JsonTree
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.log_pane import LogPane
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.picture_view import PictureView
from floyd_tui.widgets.sheet import Sheet
from floyd_tui.widgets.top_bar import TopBar
from runner.models import FileInfo

POLL_SECONDS = 2.0
# What is read from its end: the newest of a log is wanted first.
_LOGS = (".log", ".out", ".err")
# What was shown last must still be there, where a file is taken to have grown.
_OVERLAP = 64
View = TypeVar("View", bound=Widget)


class PreviewScreen(ErrorFunnel[None]):
    """Shows `file` of `source`, a part at a time."""

    CSS_PATH = "preview.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="preview.back", tooltip="Back to the files"),
        Binding("d", "download", "Download", id="preview.download", tooltip="Fetch the whole file"),
        Binding("v", "as_text", "Text / laid out", id="preview.text", tooltip="Its text, or laid out by its kind"),
        Binding("greater_than_sign", "part(1)", "On", key_display=">", id="preview.on", tooltip="The next part of it"),
        Binding(
            "less_than_sign", "part(-1)", "Before", key_display="<", id="preview.before", tooltip="The part before"
        ),
        Binding(
            "circumflex_accent", "end(False)", "Begin", key_display="^", show=False, id="preview.begin",
            tooltip="To its beginning",
        ),
        Binding("dollar_sign", "end(True)", "End", key_display="$", id="preview.end", tooltip="To its end"),
    ]  # fmt: skip

    def __init__(self, link: Link, source: str, file: FileInfo) -> None:
        super().__init__()
        self.link, self.source, self.file = link, source, file
        self.look: Look | None = None
        self.raw = False

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(id="file-facts")
        yield Vertical(Note(), id="file-view")
        yield KeyRow()

    def on_mount(self) -> None:
        self.query_one(TopBar).follow(self.link, *self.source.split("/")[-3:], *self.file.path.split("/")[-1:])
        self.query_one(Note).wait_for(f"Reading {self.file.base}")
        self._draw_facts()
        from_end = self.file.path.lower().endswith(_LOGS)
        self.show_from(max(0, self.file.size - PART) if from_end else 0)
        if not self.file.digest:
            self._keep_true()

    def on_resize(self) -> None:
        """All keys fit a line of 80 columns, if they stand close."""
        self.query_one(KeyRow).compact = self.size.width < 100

    # What is shown

    @work(exclusive=True, group="read", exit_on_error=False)
    async def show_from(self, start: int) -> None:
        """Show the part that begins at byte `start`."""
        try:
            if self.file.size == 0:
                await self._show_note("An empty file")
                return
            await self._show(await self._looked(start))
        except FloydError as error:
            await self._show_note(f"✘ {error.title}", error.message, error.hint, "bad")

    async def _looked(self, start: int) -> Look:
        if self.raw:
            part = await read_part(self.link.client, self.source, self.file.path, self.file.size, start)
            return await as_text(self.file, part)
        return await look(self.link.client, self.source, self.file, start, self.look)

    async def _show(self, found: Look) -> None:
        before, self.look = self.look, found
        self._draw_facts()
        view: Widget
        if found.picture is not None:
            view = picture = await self._view(PictureView)
            picture.show(found.picture)
        elif found.kind is Kind.JSON:
            view = tree = await self._view(JsonTree)
            tree.show(found.value)
        elif found.table is not None:
            view = sheet = await self._view(Sheet)
            sheet.show(found.table)
        else:
            view = (await self._show_lines(found)).view
        if before is None or self.focused is None:
            view.focus()
        self.refresh_bindings()

    async def _view(self, kind: type[View]) -> View:
        """The view of this kind: the one that is there, or a new one in the place of another."""
        for there in self.query("#file-view > *").results(kind):
            return there
        return await self._replace(kind())

    async def _replace(self, view: View) -> View:
        place = self.query_one("#file-view")
        await place.remove_children()
        await place.mount(view)
        return view

    async def _show_lines(self, found: Look) -> LogPane:
        pane = await self._replace(LogPane(noun="", save_as=self.file.base))
        pane.show_lines()
        head = [f"\x1b[36m{word:<10}\x1b[0m {said}" for word, said in found.facts]
        text = "\n".join([*head, "", found.text] if head else [found.text])
        at_end = found.part.last and not found.part.first
        pane.view.following = at_end
        pane.view.feed(text.encode("utf-8", "replace"))
        if self.file.digest or not found.part.last:
            pane.view.finish()
        return pane

    async def _show_note(self, title: str, text: str = "", hint: str = "", color: str = "dim") -> None:
        note = await self._view(Note)
        note.say(title, text, hint, color)

    def _draw_facts(self) -> None:
        parts = [fmt.size(self.file.size), fmt.ago(self.file.modified_at, fmt.now(self)), *self._words()]
        self.query_one("#file-facts", Static).update(
            Content.assemble((fmt.plain(self.file.path), "bold"), ("   " + "   ".join(parts), "$dim"))
        )

    def _words(self) -> list[str]:
        found = self.look
        if found is None:
            return []
        words = [fmt.plain(found.trouble)] if found.trouble else []
        if found.picture:
            words.append(found.picture.words)
        elif found.table:
            words.append(f"{fmt.count(len(found.table.rows), 'row')}, {fmt.count(len(found.table.names), 'column')}")
        part = found.part
        if not (part.first and part.last) and not found.picture:
            words.append(f"{fmt.size(part.start)} to {fmt.size(part.end)} of it")
        return words

    # As it grows

    @work(exclusive=True, group="grow", exit_on_error=False)
    async def _keep_true(self) -> None:
        """While the job runs, show what it writes to the file."""
        while not self.file.digest:
            await asyncio.sleep(POLL_SECONDS)
            try:
                (now,) = await self.link.client.files(self.source, self.file.path)
            except (FloydError, ValueError):
                continue  # the line is down, which the top bar tells, or the file is gone for a moment
            if now != self.file:
                await self._changed(now)

    async def _changed(self, now: FileInfo) -> None:
        before, self.file = self.file, now
        found = self.look
        if (
            found is None
            or not self._reaches(found, before, now)
            or (found.kind is Kind.TEXT and now.size > before.size and await self._append(found))
        ):
            self._draw_facts()
        else:
            self.show_from(found.part.start if found.part.start < now.size else 0)

    def _reaches(self, found: Look, before: FileInfo, now: FileInfo) -> bool:
        """Whether what became of the file can be seen in the part that is shown."""
        # At the job's end a file gets its digest, and stays as it was.
        same = (now.size, now.modified_at) == (before.size, before.modified_at)
        return not same and (found.part.last or now.size < before.size)

    async def _append(self, found: Look) -> bool:
        """Add what came behind the part that is shown; False where the file was not just written on."""
        overlap = found.part.data[-_OVERLAP:]
        start = found.part.end - len(overlap)
        new = await read(self.link.client, self.source, self.file.path, start, len(overlap) + PART)
        panes = self.query(LogPane)
        if not new.startswith(overlap) or not panes:
            return False
        part = replace(found.part, data=found.part.data + new[len(overlap) :], size=self.file.size)
        self.look = replace(found, part=part)
        panes.first().view.feed(new[len(overlap) :])
        return True

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Parts there are only of a large file; laid out are JSON and tables."""
        found = self.look
        if action == "as_text":
            return self.raw or (found is not None and found.kind in (Kind.JSON, Kind.TABLE))
        if action == "part":
            return found is not None and not (found.part.last if parameters == (1,) else found.part.first)
        if action == "end":
            return found is not None and not (found.part.first and found.part.last)
        return True

    def action_part(self, step: int) -> None:
        """The next part, or the one before."""
        if self.look is not None:
            part = self.look.part
            length = DUMP if self.look.kind is Kind.BINARY else PART
            self.show_from(part.end if step > 0 else max(0, part.start - length))

    def action_end(self, last: bool) -> None:
        """To the end, or the beginning."""
        self.show_from(max(0, self.file.size - PART) if last else 0)

    def action_as_text(self) -> None:
        """Its text in place of the tree or table, or back."""
        self.raw = not self.raw
        start = self.look.part.start if self.look else 0
        if not self.raw:
            self.look = None
        self.show_from(start)

    def action_back(self) -> None:
        """Back to the files."""
        self.dismiss()

    def action_download(self) -> None:
        """Fetch the whole file."""
        from floyd_tui.screens.download import DownloadScreen

        self.app.push_screen(DownloadScreen(self.link, self.source, [self.file.path]))
