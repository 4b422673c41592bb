"""A file on the host by its kind: text, JSON, a table, a picture, what an archive holds, or its bytes; as it grows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.peek.kinds import Kind
from floyd_tui.peek.look import DUMP, Look, as_bytes, as_text, look
from floyd_tui.peek.parts import PART, read, read_part
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.json_tree import JsonTree
from floyd_tui.widgets.log_pane import LogPane
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.picture_view import PictureView
from floyd_tui.widgets.sheet import Sheet
from runner.models import FileInfo

# What is read from its end: the newest of a log is wanted first.
_LOGS = (".log", ".out", ".err")
# What was shown last must still be there, where a file is taken to have grown.
_OVERLAP = 64
_LAID_OUT = (Kind.JSON, Kind.TABLE, Kind.CONTENTS, Kind.MARKDOWN, Kind.NOTEBOOK)
# A cursor that runs down a list asks for none of the files it passes.
_REST = 0.12
View = TypeVar("View", bound=Widget)


class FileNote(Note, can_focus=True):
    """A note that has the keys while there is nothing else to give them to."""


class FileView(Vertical):
    """Shows one file of a source, a part at a time; `keen` takes the keys as soon as there is something to see."""

    DEFAULT_CSS = """
    FileView {
        & > .file-facts { height: 1; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .file-body { height: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "as_text", "Text / laid out", id="preview.text", tooltip="Its text or bytes, or laid out"),
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

    def __init__(self, link: Link, *, keen: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.link, self.source = link, ""
        self.file: FileInfo | None = None
        self.look: Look | None = None
        self.raw = False
        self._keen = keen

    def compose(self) -> ComposeResult:
        yield Static(classes="file-facts")
        yield Vertical(FileNote(), classes="file-body")

    # What is shown

    def show(self, source: str, file: FileInfo) -> None:
        """Show `file` of `source` from now on; of one that is shown already, what became of it."""
        if self.file is not None and (source, file.path) == (self.source, self.file.path):
            if file != self.file:
                self._take_change(file)
            return
        self.source, self.file, self.look, self.raw = source, file, None, False
        self._begin(file)

    def say(self, title: str, hint: str = "") -> None:
        """Show no file, but a note."""
        self.file = self.look = None
        self._say(title, hint)

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _say(self, title: str, hint: str) -> None:
        self.query_one(".file-facts", Static).update("")
        await self._show_note(title, hint=hint)

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _begin(self, file: FileInfo) -> None:
        if not self._keen:
            await asyncio.sleep(_REST)
        self._draw_facts()
        for note in self.query(FileNote):
            note.wait_for(f"Reading {file.base}")
        from_end = file.path.lower().endswith(_LOGS)
        await self._read_from(file, max(0, file.size - PART) if from_end else 0)

    @work(exclusive=True, group="read", exit_on_error=False)
    async def show_from(self, start: int) -> None:
        """Show the part that begins at byte `start`."""
        if self.file is not None:
            await self._read_from(self.file, start)

    async def _read_from(self, file: FileInfo, start: int) -> None:
        try:
            if file.size == 0:
                await self._show_note("An empty file")
                return
            await self._show(file, await self._looked(file, start))
        except FloydError as error:
            await self._show_note(f"✘ {error.title}", error.message, error.hint, "bad")

    async def _looked(self, file: FileInfo, start: int) -> Look:
        if self.raw and self._bytes:
            return await as_bytes(self.link.client, self.source, file, start)
        if self.raw:
            part = await read_part(self.link.client, self.source, file.path, file.size, start)
            return await as_text(file, part)
        return await look(self.link.client, self.source, file, start, self.look)

    @property
    def _bytes(self) -> bool:
        """Whether what is shown is no text, by its kind or as its bytes."""
        return self.look is not None and self.look.kind in (Kind.CONTENTS, Kind.BINARY)

    async def _show(self, file: FileInfo, found: Look) -> None:
        before, self.look = self.look, found
        self._draw_facts()
        # Focus leaves what is taken away, and comes back to what stands in its place.
        mine = self.has_focus_within or (self._keen and (before is None or self.screen.focused is None))
        view: Widget
        if found.picture is not None:
            view = picture = await self._view(PictureView)
            picture.show(found.picture)
        elif found.kind is Kind.JSON:
            view = tree = await self._view(JsonTree)
            tree.show(found.value)
        elif found.kind is Kind.MARKDOWN:
            from floyd_tui.widgets.markdown_view import MarkdownView  # its parser is for who reads some

            view = laid_out = await self._view(MarkdownView)
            await laid_out.show(found.text)
        elif found.table is not None:
            view = sheet = await self._view(Sheet)
            sheet.show(found.table)
        else:
            view = (await self._show_lines(file, found)).view
        if mine:
            view.focus()
        self.refresh_bindings()

    async def _view(self, kind: type[View]) -> View:
        """The view of this kind: the one that is there, or a new one in the place of another."""
        for there in self.query(".file-body > *").results(kind):
            return there
        return await self._replace(kind())

    async def _replace(self, view: View) -> View:
        place = self.query_one(".file-body")
        await place.remove_children()
        await place.mount(view)
        return view

    async def _show_lines(self, file: FileInfo, found: Look) -> LogPane:
        pane = await self._replace(LogPane(noun="", save_as=file.base))
        pane.show_lines()
        head = [f"\x1b[36m{word:<10}\x1b[0m {said}" for word, said in found.facts]
        text = "\n".join([*head, "", found.text] if head else [found.text])
        at_end = found.part.last and not found.part.first
        pane.view.following = at_end
        pane.view.feed(text.encode("utf-8", "replace"))
        if file.digest or not found.part.last:
            pane.view.finish()
        return pane

    async def _show_note(self, title: str, text: str = "", hint: str = "", color: str = "dim") -> None:
        mine = self._keen or self.has_focus_within
        note = await self._view(FileNote)
        note.say(title, text, hint, color)
        if mine:
            note.focus()

    def _draw_facts(self) -> None:
        if (file := self.file) is None:
            return
        parts = [fmt.size(file.size), fmt.ago(file.modified_at, fmt.now(self)), *self._words()]
        self.query_one(".file-facts", Static).update(
            Content.assemble((fmt.plain(file.path), "bold"), ("   " + "   ".join(filter(None, parts)), "$dim"))
        )

    def _words(self) -> list[str]:
        found = self.look
        if found is None:
            return []
        words = [fmt.plain(found.trouble)] if found.trouble else []
        if found.picture:
            words.append(found.picture.words)
        elif found.words:
            words.append(fmt.plain(found.words))
        elif found.table:
            words.append(f"{fmt.count(len(found.table.rows), 'row')}, {fmt.count(len(found.table.names), 'column')}")
        part = found.part
        if not (part.first and part.last) and not found.picture and not found.words:
            words.append(f"{fmt.size(part.start)} to {fmt.size(part.end)} of it")
        return words

    @on(Sheet.SortAsked)
    def _sort(self, event: Sheet.SortAsked) -> None:
        from floyd_tui.screens.sheet_picker import SheetPicker

        event.stop()
        sheet = event.sheet

        def chosen(column: int | None) -> None:
            if column is not None:
                sheet.sort_by(column)

        self.app.push_screen(SheetPicker(event.names), chosen)

    # As it grows

    def _take_change(self, now: FileInfo) -> None:
        self.run_worker(self.changed(now), group="grow", exclusive=True, exit_on_error=False)

    async def changed(self, now: FileInfo) -> None:
        """The file is now as `now` says: show what came, if that is where one looks. Raises as `Client.content`."""
        before, self.file = self.file, now
        found = self.look
        if (
            found is None
            or before is None
            or not self._reaches(found, before, now)
            or (found.kind is Kind.TEXT and now.size > before.size and await self._append(found, now))
        ):
            self._draw_facts()
        else:
            self.show_from(found.part.start if found.part.start < now.size else 0)

    def _reaches(self, found: Look, before: FileInfo, now: FileInfo) -> bool:
        """Whether what became of the file can be seen in the part that is shown."""
        # At the job's end a file gets its digest, and stays as it was.
        same = (now.size, now.modified_at) == (before.size, before.modified_at)
        return not same and (found.part.last or now.size < before.size)

    async def _append(self, found: Look, now: FileInfo) -> bool:
        """Add what came behind the part that is shown; False where the file was not just written on."""
        overlap = found.part.data[-_OVERLAP:]
        start = found.part.end - len(overlap)
        new = await read(self.link.client, self.source, now.path, start, len(overlap) + PART)
        panes = self.query(LogPane)
        if not new.startswith(overlap) or not panes:
            return False
        part = replace(found.part, data=found.part.data + new[len(overlap) :], size=now.size)
        self.look = replace(found, part=part)
        panes.first().view.feed(new[len(overlap) :])
        return True

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Parts there are only of a large file; laid out are JSON, tables and what a file holds."""
        found = self.look
        if action == "as_text":
            return self.raw or (found is not None and found.kind in _LAID_OUT)
        if action in ("part", "end") and found is not None and found.kind is Kind.CONTENTS:
            return False
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
        if self.file is not None:
            self.show_from(max(0, self.file.size - PART) if last else 0)

    def action_as_text(self) -> None:
        """Its text in place of the tree or table, or back."""
        self.raw = not self.raw
        start = self.look.part.start if self.look else 0
        if not self.raw:
            self.look = None
        self.show_from(start)
