"""How well the text on a drawn screen can be read: each cell's contrast to its own ground, as the terminal gets it.

The measure is WCAG 2's contrast ratio (`floyd_tui.themes.contrast`). What WCAG leaves out is left out here, too: rules,
bars and curves, which are drawing, and what lies inactive behind a dialog.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.errors import NoWidget
from textual.screen import ModalScreen, Screen

from floyd_tui.themes import contrast, linear

# Unicode's blocks of box drawing, block elements and braille patterns.
_DRAWING = (range(0x2500, 0x25A0), range(0x2800, 0x2900))


@dataclass(frozen=True, slots=True)
class Word:
    """Text of one style on the screen, and its contrast to what it stands on."""

    text: str
    ratio: float
    place: str
    """Line, colours, and the widget it belongs to."""


def words(screen: Screen[object]) -> Iterator[Word]:
    """All that is to be read on `screen`, top to bottom."""
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for segment in strip:
            if _is_text(segment) and (owner := _owner(screen, x, y)):
                front, back = colors(segment.style or Style())
                place = f"line {y + 1} of {owner}: {front.hex} on {back.hex}"
                yield Word(segment.text.strip(), contrast(front, back), place)
            x += segment.cell_length


def colors(style: Style) -> tuple[Color, Color]:
    """Foreground and background of a cell; both are always set once a screen is drawn."""
    assert style.color is not None
    assert style.bgcolor is not None
    front, back = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    return (back, front) if style.reverse else (front, back)


# Linear RGB as it is seen with one kind of cones missing: Machado, Oliveira and Fernandes, "A Physiologically-based
# Model for Simulation of Color Vision Deficiency" (2009), severity 1.0.
BLINDNESS = {
    "protanopia": (0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998),
    "deuteranopia": (0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881),
    "tritanopia": (1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900),
}


def seen_with(blindness: str, color: Color) -> tuple[float, float, float]:
    """`color` in CIE L*a*b* (D65) as somebody with `blindness` sees it; distances there are what eyes tell apart."""
    rgb = [linear(channel) for channel in color.normalized]
    matrix = BLINDNESS[blindness]
    red, green, blue = (min(1.0, max(0.0, sum(matrix[3 * row + i] * rgb[i] for i in range(3)))) for row in range(3))
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _is_text(segment: Segment) -> bool:
    return any(not (char.isspace() or any(ord(char) in block for block in _DRAWING)) for char in segment.text)


def _owner(screen: Screen[object], x: int, y: int) -> str:
    """The widget at a cell; empty for what lies behind a dialog."""
    try:
        widget, _ = screen.get_widget_at(x, y)
    except NoWidget:
        return ""
    return "" if widget is screen and isinstance(screen, ModalScreen) else str(widget.css_identifier_styled)
