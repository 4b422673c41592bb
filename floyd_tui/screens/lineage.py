"""The lineage of a dataset's version: who fetched or kept it, and the jobs that came from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from floyd_tui.client.protocol import Link
from floyd_tui.lineage import short
from floyd_tui.screens.errors import ErrorFunnel
from floyd_tui.screens.lineage_pane import LineagePane
from floyd_tui.screens.page import BREAKPOINTS, HEIGHTS
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp
    from floyd_tui.screens.datasets import DatasetsScreen


class LineageScreen(ErrorFunnel[None]):
    """A version by its full name, on the host behind `link`."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="lineage.back", tooltip="Back to where you came from"),
        Binding("f", "files", "Files", id="lineage.files", tooltip="Its versions and files, on the page of datasets"),
    ]

    def __init__(self, link: Link, version: str) -> None:
        super().__init__()
        self.link, self.version = link, version

    def compose(self) -> ComposeResult:
        yield TopBar(self.link, "dataset", short(self.version), "lineage")
        yield LineagePane(self.link, self.version)
        yield KeyRow()

    def on_mount(self) -> None:
        pane = self.query_one(LineagePane)
        pane.keep_true()
        pane.take_keys()

    def action_back(self) -> None:
        """Where one came from."""
        self.dismiss()

    async def action_files(self) -> None:
        """The page of datasets, with the cursor on this version; 1 comes back here."""
        app = cast("FloydApp", self.app)
        app.show_host(self.link.name)
        if app.current_mode != "datasets":
            await app.switch_mode("datasets")
        cast("DatasetsScreen", app.screen_stack[0]).go_to(self.version)
