"""What a view says when it has nothing to show: loading, empty, or what went wrong; always with the next key."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from floyd_tui.errors import FloydError
from floyd_tui.widgets.format import plain


class Note(Static):
    """A few centred lines: a headline, a sentence, the next step."""

    DEFAULT_CSS = """
    Note {
        width: 1fr;
        height: 1fr;
        content-align: center middle;
        text-align: center;
        padding: 1 4;
        background: $background;
    }
    """

    def say(self, title: str, text: str = "", hint: str = "", color: str = "foreground") -> None:
        """Show a headline with a sentence and a hint below it."""
        lines = [Content.styled(plain(title), f"bold ${color}")]
        if text:
            lines += [Content(""), Content.styled(plain(text), "$foreground")]
        if hint:
            lines += [Content(""), Content.styled(plain(hint), "$dim")]
        self.update(Content("\n").join(lines))

    def wait_for(self, what: str) -> None:
        """Say that `what` is on its way."""
        self.say(f"◐ {what} …", color="dim")

    def trouble(self, error: FloydError) -> None:
        """Show an error in place of the data it kept away."""
        self.say(f"✘ {error.title}", error.message, error.hint, "bad")
