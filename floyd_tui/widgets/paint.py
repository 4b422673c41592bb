"""Rich text in the theme's colours, for cells that CSS does not reach; drawn anew when these change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App
from textual.strip import Strip
from textual.widget import Widget

from floyd_tui.widgets.format import plain

# What widgets mix in is no widget itself: Textual reads styles and keys of one line of ancestors.
if TYPE_CHECKING:
    _Mixin = Widget
else:
    _Mixin = object


class Paint:
    """Makes `Text` in colours named by theme variables (``dim``); make a new one when the theme changes."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    @classmethod
    def of(cls, app: App[Any]) -> Paint:
        """The colours of `app`'s theme as it is now."""
        return cls(app.theme_variables)

    def __call__(self, text: str, variable: str = "", style: str = "") -> Text:
        """`text` on one line and without control characters, in the colour `variable` (empty: the cell's own)."""
        return Text(plain(text), style=f"{style} {self.color(variable)}".strip())

    def color(self, variable: str) -> str:
        """The colour as Rich writes it; empty for none."""
        value = self._variables.get(variable, "")
        if value == "ansi_default":
            return "default"
        return value.removeprefix("ansi_")


class Painted(_Mixin):
    """A widget that holds text in the theme's colours: `draw` is called again once there are others."""

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.draw())

    def draw(self) -> None:
        """Draw again what is shown, if anything is."""


class Fades(_Mixin):
    """A widget that shows in one quiet colour what is no longer sure: while it has the class ``-stale``.

    All of it stays as legible as quiet text is, which less opacity would not let it be.
    """

    def render_line(self, y: int) -> Strip:
        """A line as it is, or without its colours."""
        return self.faded(super().render_line(y))

    def faded(self, line: Strip) -> Strip:
        """`line`, in one colour while it is stale: for widgets that draw their lines themselves."""
        if not self.has_class("-stale"):
            return line
        quiet = Style(color=Paint.of(self.app).color("dim"))
        return Strip(Segment.apply_style(line, post_style=quiet), line.cell_length)
