"""Sizes and durations as people write and read them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_UNITS |= {"KI": 1024, "MI": 1024**2, "GI": 1024**3, "TI": 1024**4}
_SHOWN = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes of ``8GiB``, ``500 MB``, ``2G`` or ``1048576``; raises `ValueError` with a sentence."""
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found and found[2].upper() in _UNITS else 0
    if size <= 0:
        raise ValueError(f"{text!r} is not a size; write one such as 8GiB or 500MB.")
    return size


def parse_duration(text: str) -> int:
    """Seconds of ``3600``, ``90m``, ``2h30m`` or ``1d``; raises `ValueError` with a sentence."""
    found = _DURATION.fullmatch(text.strip().replace(" ", ""))
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total <= 0:
        raise ValueError(f"{text!r} is not a duration; write seconds (3600) or such as 90m, 2h30m, 1d.")
    return total


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
