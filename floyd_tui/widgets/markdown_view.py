"""Markdown laid out: headings, lists, tables and code as they are meant."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Markdown


class MarkdownView(VerticalScroll, can_focus=True):
    """The text that `show` is given. Its links are read, and not followed: who wrote the file is not known."""

    DEFAULT_CSS = """
    MarkdownView {
        height: 1fr;
        background: $background;
        scrollbar-size-vertical: 1;
        & > Markdown { background: $background; padding: 0 2; margin: 0; }
        & MarkdownFence { background: $surface; margin: 0 0 1 0; max-height: 1000; }
        & MarkdownH1, & MarkdownH2, & MarkdownH3, & MarkdownH4, & MarkdownH5, & MarkdownH6 {
            background: $background;
            color: $key;
            content-align: left middle;
            text-style: bold;
            margin: 1 0;
        }
        & MarkdownBlockQuote { background: $surface; border-left: outer $faint; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="markdown.down", tooltip="One line down"),
        Binding("k", "scroll_up", "Up", show=False, id="markdown.up", tooltip="One line up"),
        Binding("g", "scroll_home", "Top", show=False, id="markdown.top", tooltip="To the first line"),
        Binding("G", "scroll_end", "Bottom", show=False, id="markdown.bottom", tooltip="To the last line"),
    ]

    def compose(self) -> ComposeResult:
        yield Markdown(open_links=False)

    async def show(self, text: str) -> None:
        """Show `text` from its beginning."""
        await self.query_one(Markdown).update(text)
        self.scroll_home(animate=False)
