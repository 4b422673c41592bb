"""Pictures as SVG 1.1, self-contained: no scripts, no fonts from the net."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from floyd_tui.metrics.picture import Line, Picture, Place, Sign, Words
from floyd_tui.metrics.signs import outline
from floyd_tui.widgets.format import plain

_FONT = "font-family=\"'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif\""


def svg(picture: Picture) -> str:
    """The picture as a document."""
    width, height = picture.width, picture.height
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    ground = f'<rect width="{width}" height="{height}" fill="{picture.ground}"/>'
    return "\n".join([f"{head} {_FONT}>", ground, *map(_part, picture.parts), "</svg>\n"])


def _part(part: Line | Sign | Words) -> str:
    match part:
        case Line():
            extra = f' stroke-dasharray="{" ".join(map(str, part.dash))}"' if part.dash else ""
            extra += ' stroke-opacity="0.3"' if part.faint else ""
            return (
                f'<polyline points="{_points(part.places)}" fill="none" stroke="{part.color}" '
                f'stroke-width="{part.width:g}" stroke-linejoin="round" stroke-linecap="round"{extra}/>'
            )
        case Sign():
            return f'<polygon points="{_points(outline(part))}" fill="{part.color}"/>'
        case Words():
            weight = ' font-weight="bold"' if part.bold else ""
            (x, y), text = part.at, escape(plain(part.text))
            return (
                f'<text x="{x:.1f}" y="{y:.1f}" font-size="{part.size}" fill={quoteattr(part.color)} '
                f'text-anchor="{part.anchor}"{weight}>{text}</text>'
            )


def _points(places: Sequence[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
