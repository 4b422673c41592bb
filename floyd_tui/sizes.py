"""Sizes and durations as people write and read them."""

from __future__ import annotations

from runner.models.sizes import parse_duration, parse_size

__all__ = ["human_count", "human_duration", "human_size", "parse_duration", "parse_size"]

_SHOWN = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def human_size(size: float) -> str:
    """Bytes with at most three digits: ``512 B``, ``1.4 MiB``. Powers of 1024, as memory and its limits are counted."""
    value, unit = float(size), 0
    # 999.5 and more would round to four digits.
    while value >= 999.5 and unit < len(_SHOWN) - 1:
        value, unit = value / 1024, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1
    return f"{value:.{digits}f} {_SHOWN[unit]}"


def human_duration(seconds: float, tenths: bool = False) -> str:
    """Seconds in two units: ``8s``, ``2m 05s``, ``3h 12m``, ``2d 04h``; with `tenths` also ``0.4s``."""
    if tenths and seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def human_count(count: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``1,234 files``; `plural` where an s does not make it."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
