"""A look into a file on the host: its first 256 KiB, to read, search and copy."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from floyd_tui.client.ahead import closing
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.file_text import is_binary, readable
from floyd_tui.widgets.log_pane import LogPane
from floyd_tui.widgets.top_bar import TopBar
from runner.models import FileInfo

LIMIT = 256 * 1024


class PreviewScreen(Screen[None]):
    """Shows `file` of `source`."""

    CSS_PATH = "preview.tcss"
    AUTO_FOCUS = "LogView"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="preview.back", tooltip="Back to the files"),
        Binding("d", "download", "Download", id="preview.download", tooltip="Fetch the whole file"),
    ]

    def __init__(self, link: Link, source: str, file: FileInfo) -> None:
        super().__init__()
        self.link, self.source, self.file = link, source, file

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Static(id="file-facts")
        yield LogPane(noun="", id="file-text")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(TopBar).follow(self.link, *self.source.split("/")[-3:], *self.file.path.split("/")[-1:])
        self._facts("")
        self._read()

    def _facts(self, more: str) -> None:
        words = f"  {fmt.size(self.file.size)}   {fmt.ago(self.file.modified_at, fmt.now(self))}   {more}"
        self.query_one("#file-facts", Static).update(
            Content.assemble((fmt.plain(self.file.path), "bold"), (words, "$dim"))
        )

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        pane = self.query_one(LogPane)
        pane.say(f"◐ Reading {fmt.plain(self.file.base)} …", color="dim")
        try:
            data = await self._first_bytes()
        except FloydError as error:
            pane.say(f"✘ {error.title}", error.message, error.hint, "bad")
            return
        whole = len(data) >= self.file.size
        if not data:
            pane.say("An empty file", color="dim")
        elif is_binary(data):
            pane.say("Not a text", f"{fmt.size(self.file.size)} of binary data.", "d fetches it.", "dim")
        else:
            pane.show_lines()
            pane.view.following = False
            pane.view.feed(await asyncio.to_thread(readable, self.file.path, data, whole))
            pane.view.finish()
            self._facts("" if whole else f"only the first {fmt.size(LIMIT)} are shown; d fetches all")

    async def _first_bytes(self) -> bytes:
        data = bytearray()
        async with closing(self.link.client.content(self.source, self.file.path)) as parts:
            async for part in parts:
                data += part
                if len(data) >= LIMIT:
                    break
        return bytes(data[:LIMIT])

    def action_back(self) -> None:
        """Back to the files."""
        self.dismiss()

    def action_download(self) -> None:
        """Fetch the whole file."""
        from floyd_tui.screens.download import DownloadScreen

        self.app.push_screen(DownloadScreen(self.link, self.source, [self.file.path]))
