"""Sizes and durations as people write them, in floyd.yml, at the prompt and in runner.yml alike."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_UNITS |= {"KI": 1024, "MI": 1024**2, "GI": 1024**3, "TI": 1024**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes of ``8GiB``, ``500 MB``, ``2G`` or ``1048576``; raises `ValueError` with a sentence."""
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found and found[2].upper() in _UNITS else 0
    if size <= 0:
        raise ValueError(f"{text!r} is not a size; write one such as 8GiB or 500MB.")
    return size


def parse_duration(text: str) -> int:
    """Seconds of ``3600``, ``90m``, ``2h30m``, ``1d`` or ``2w``; raises `ValueError` with a sentence."""
    found = _DURATION.fullmatch(text.strip().replace(" ", ""))
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0, 0)
    total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    if total <= 0:
        raise ValueError(f"{text!r} is not a duration; write seconds (3600) or such as 90m, 2h30m, 1d.")
    return total
