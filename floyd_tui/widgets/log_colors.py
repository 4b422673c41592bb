"""The colours that a job gives its lines, as they can be read in the theme: 4.5 to 1 on what they stand on."""

from __future__ import annotations

from collections.abc import Mapping

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.style import Style
from rich.text import Span, Text
from textual.color import Color

from floyd_tui.themes import legible

# What black, red, green, yellow, blue, magenta, cyan and white are here, bright or not.
PALETTE = ("dim", "bad", "good", "warn", "key", "busy", "running", "foreground")
MOST_STYLES = 2000
_DIM_OFF = Style(dim=False)
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)


class LogColors:
    """Styles for a theme's `variables`. A theme of the terminal's own colours is left alone: nobody can measure it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._names = [variables.get(name, "") for name in PALETTE]
        self._own = any(name.startswith("ansi_") for name in self._names)
        self._known: dict[Style, Style] = {}
        if not self._own:
            self._front = Color.parse(variables["foreground"])
            self._dim = Color.parse(variables["dim"])
            self._grounds = (Color.parse(variables["background"]), Color.parse(variables["cursor-row"]))

    def paint(self, text: Text) -> Text:
        """`text` in colours that can be read."""
        if not self._own:
            text.spans = [Span(span.start, span.end, self._readable(span.style)) for span in text.spans]
        return text

    def _readable(self, style: str | Style) -> str | Style:
        if isinstance(style, str) or not (style.color or style.bgcolor or style.dim):
            return style
        known = self._known.get(style)
        if known is None:
            if len(self._known) >= MOST_STYLES:  # a log may have millions of colours
                self._known.clear()
            known = self._known[style] = self._worked_out(style)
        return known

    def _worked_out(self, style: Style) -> Style:
        wished = self._color(style.color) or (self._dim if style.dim else self._front)
        ground = self._color(style.bgcolor)
        if ground is None:
            found = legible(wished, self._grounds, self._front)
            ground_style = None
        else:
            dark = ground.brightness < 0.5
            found = legible(
                legible(wished, (ground,), _WHITE if dark else _BLACK), (ground,), _BLACK if dark else _WHITE
            )
            ground_style = ground.rich_color
        return style.without_color + _DIM_OFF + Style(color=found.rich_color, bgcolor=ground_style)

    def _color(self, color: RichColor | None) -> Color | None:
        """A colour of the log as the theme has it; None for the theme's own."""
        if color is None or color.is_default:
            return None
        if color.type is ColorType.STANDARD and color.number is not None:
            return Color.parse(self._names[color.number % 8])
        return Color.from_rich_color(color)
