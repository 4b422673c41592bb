"""A look into a file on the host, with the whole screen for it; while a job writes it, as it grows."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.peek.look import Look
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.file_view import FileView
from floyd_tui.screens.page import BREAKPOINTS
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.top_bar import TopBar
from runner.models import FileInfo

POLL_SECONDS = 2.0


class PreviewScreen(ErrorFunnel[None]):
    """Shows `file` of `source`."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="preview.back", tooltip="Back to the files"),
        Binding("d", "download", "Download", id="preview.download", tooltip="Fetch the whole file"),
    ]

    def __init__(self, link: Link, source: str, file: FileInfo) -> None:
        super().__init__()
        self.link, self.source, self._opened = link, source, file

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield FileView(self.link, keen=True)
        yield KeyRow()

    @property
    def view(self) -> FileView:
        """Where it is shown."""
        return self.query_one(FileView)

    @property
    def file(self) -> FileInfo:
        """The file as it is now."""
        return (self.view.file if self.is_mounted else None) or self._opened

    @property
    def look(self) -> Look | None:
        """What is shown of it."""
        return self.view.look if self.is_mounted else None

    def on_mount(self) -> None:
        file = self._opened
        self.query_one(TopBar).follow(self.link, *self.source.split("/")[-3:], *file.path.split("/")[-1:])
        self.view.show(self.source, file)
        if not file.digest:
            self._keep_true()

    @work(exclusive=True, group="grow", exit_on_error=False)
    async def _keep_true(self) -> None:
        """While the job runs, show what it writes to the file."""
        while not self.file.digest:
            await asyncio.sleep(POLL_SECONDS)
            try:
                (now,) = await self.link.client.files(self.source, self.file.path)
                if now != self.file:
                    await self.view.changed(now)
            except (FloydError, ValueError):
                continue  # the line is down, which the top bar tells, or the file is gone for a moment

    def action_back(self) -> None:
        """Back to the files."""
        self.dismiss()

    def action_download(self) -> None:
        """Fetch the whole file."""
        from floyd_tui.screens.download import DownloadScreen

        self.app.push_screen(DownloadScreen(self.link, self.source, [self.file.path]))
