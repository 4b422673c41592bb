"""The outlines of a curve's signs."""

from __future__ import annotations

import math

from floyd_tui.metrics.picture import Place, Sign

_RADIUS = 4.4


def _regular(corners: int, turn: float) -> tuple[Place, ...]:
    angles = [math.tau * (i / corners + turn) for i in range(corners)]
    return tuple((math.cos(angle), math.sin(angle)) for angle in angles)


_ARM = 0.35
_CROSS = tuple(
    (x * c - y * s, x * s + y * c)
    for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))
    for x, y in ((_ARM, -_ARM), (1.1, -_ARM), (1.1, _ARM))
)
_OUTLINES: dict[str, tuple[Place, ...]] = {
    "circle": _regular(20, 0),
    "diamond": _regular(4, 0),
    "square": _regular(4, 1 / 8),
    "triangle": _regular(3, -1 / 4),
    "down": _regular(3, 1 / 4),
    "cross": _CROSS,
}


def outline(sign: Sign) -> tuple[Place, ...]:
    """The corners of `sign`."""
    x, y = sign.at
    return tuple((x + dx * _RADIUS, y + dy * _RADIUS) for dx, dy in _OUTLINES[sign.shape])
