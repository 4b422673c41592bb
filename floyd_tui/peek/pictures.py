"""Pictures in cells: two pixels one above the other in each, which every terminal with colours shows, tmux too."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from floyd_tui.errors import FloydError

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich_pixels import Pixels

# A larger file is fetched before it is looked at; a picture of more pixels would take gigabytes to decode.
MOST_BYTES, MOST_PIXELS = 32 << 20, 100_000_000
# Pillow knows more, and for some of them starts other programs.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")


class NoPicture(FloydError):
    title = "No picture to show"


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, no larger than a screen needs, and what is said of it: ``PNG, 640 x 480, RGB``."""

    image: Image
    words: str

    def in_cells(self, width: int, height: int, ground: str) -> Pixels:
        """The picture in at most `width` x `height` cells, what shines through in the colour `ground`."""
        from PIL import Image
        from rich_pixels import Pixels

        scale = min(width / self.image.width, 2 * height / self.image.height)
        size = (max(1, round(self.image.width * scale)), max(2, round(self.image.height * scale) // 2 * 2))
        # Small ones are made larger by whole pixels: a sprite or a 28 x 28 digit stays sharp.
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
        under = Image.new("RGBA", size, ground)
        under.alpha_composite(self.image.resize(size, how))
        cells: Pixels = Pixels.from_image(under)
        return cells


def decode(data: bytes) -> Picture:
    """Read a picture (the first one, of several). Blocks: call it in a thread. Raises `NoPicture`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise NoPicture(f"It has {width:,} x {height:,} pixels, too many to show here.", "Fetch it instead.")
            words = f"{image.format}, {width:,} x {height:,}, {image.mode}"
            image.draft("RGB", (2000, 2000))
            plain = _stretched(image) if image.mode in ("I", "F", "I;16") else image
            shown = plain.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NoPicture(
            "It is damaged, or not all of it is there yet.", "Fetch it to look at what there is."
        ) from error
    shown.thumbnail((1000, 1000))
    return Picture(shown, words)


def _stretched(image: Image) -> Image:
    """Values without a scale of their own (depth maps, masks), from the darkest to the brightest."""
    low, high = image.convert("F").getextrema()
    span = (high - low) or 1.0  # type: ignore[operator]
    return image.convert("F").point(lambda value: (value - low) * 255.0 / span).convert("L")
