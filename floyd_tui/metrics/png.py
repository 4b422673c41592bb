"""Pictures as PNG, by Pillow, which draws without smooth edges: larger, then made smaller, they are."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from floyd_tui.metrics.picture import Line, Picture, Place, Sign, Words
from floyd_tui.metrics.signs import outline
from floyd_tui.widgets.format import plain

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

# Pixels of the file a unit of the picture; and pixels drawn a pixel of the file.
_SCALE, _FINER = 2, 2
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(picture: Picture) -> bytes:
    """The picture as a file's bytes, in twice as many pixels as it has units."""
    from PIL import Image, ImageColor, ImageDraw

    large = _SCALE * _FINER
    ground = ImageColor.getrgb(picture.ground)
    image = Image.new("RGB", (picture.width * large, picture.height * large), ground)
    drawing = ImageDraw.Draw(image)
    for part in picture.parts:
        _draw(drawing, part, large, picture.ground)
    made = io.BytesIO()
    image.resize((picture.width * _SCALE, picture.height * _SCALE), Image.Resampling.LANCZOS).save(made, "PNG")
    return made.getvalue()


def _draw(drawing: ImageDraw, part: Line | Sign | Words, scale: int, ground: str) -> None:
    match part:
        case Line():
            color = _mixed(part.color, ground, 0.3) if part.faint else part.color
            for stroke in _strokes(part.places, part.dash):
                drawing.line(_scaled(stroke, scale), color, round(part.width * scale), "curve")
        case Sign():
            drawing.polygon(_scaled(outline(part), scale), part.color)
        case Words():
            from PIL import ImageFont

            font = ImageFont.load_default(part.size * scale)
            # The font that Pillow brings has one weight: an outline makes it heavier.
            heavier = scale / 4 if part.bold else 0
            drawing.text(_scaled([part.at], scale)[0], plain(part.text), part.color, font,
                         _ANCHORS[part.anchor], stroke_width=heavier)  # fmt: skip


def _scaled(places: Sequence[Place], scale: int) -> list[Place]:
    return [(x * scale, y * scale) for x, y in places]


def _mixed(color: str, ground: str, share: float) -> tuple[int, ...]:
    from PIL import ImageColor

    pairs = zip(ImageColor.getrgb(color)[:3], ImageColor.getrgb(ground)[:3], strict=True)
    return tuple(round(a * share + b * (1 - share)) for a, b in pairs)


def _strokes(places: Sequence[Place], dash: Sequence[int]) -> Iterator[list[Place]]:
    """The strokes of a dashed line; all of one that is not."""
    if not dash:
        yield [*places]
        return
    at, left, stroke = 0, float(dash[0]), [places[0]]
    for start, end in pairwise(places):
        length, gone = math.dist(start, end), 0.0
        while length - gone > left:
            gone += left
            corner = (start[0] + (end[0] - start[0]) * gone / length, start[1] + (end[1] - start[1]) * gone / length)
            if at % 2 == 0:
                yield [*stroke, corner]
            at = (at + 1) % len(dash)
            stroke, left = [corner], float(dash[at])
        left -= length - gone
        stroke.append(end)
    if at % 2 == 0 and len(stroke) > 1:
        yield stroke
