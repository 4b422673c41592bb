"""Axes: intervals, and round numbers to stand on them. Pure functions, shared by the screen and by pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

XAxis = Literal["step", "epoch", "time"]
# Further apart than this are no two values: a float must hold their distance.
_FAR = 4e307
AXES: tuple[XAxis, ...] = ("step", "epoch", "time")


class Span(NamedTuple):
    """An interval of an axis."""

    low: float
    high: float

    def place(self, value: float, cells: int) -> int:
        """Which of `cells` the value falls into."""
        inside = max(self.low, min(self.high, value))
        return round((inside - self.low) / (self.high - self.low) * (cells - 1))


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its interval, and where numbers stand on it with how they read."""

    span: Span
    ticks: tuple[tuple[float, str], ...]


def span_of(values: Iterable[float], margin: float = 0.0) -> Span | None:
    """The interval of the finite values, widened by `margin` of its length; None where there are none."""
    known = [*filter(math.isfinite, values)]
    return roomy(Span(min(known), max(known)), margin) if known else None


def roomy(span: Span, margin: float = 0.0) -> Span:
    """`span` widened by `margin` of its length, and some length given to one that has none.

    Lengths that a float cannot hold are cut to one that it can.
    """
    low, high = (max(-_FAR, min(_FAR, edge)) for edge in span)
    flat = high - low <= max(abs(low), abs(high)) * 1e-12 + 1e-300
    room = abs(low) * 0.1 or 0.5 if flat else (high - low) * margin
    return Span(low - room, high + room)


def nice_step(length: float, ticks: int) -> float:
    """A round distance (1, 2 or 5 times a power of ten) that puts at most about `ticks` ticks on `length`."""
    raw = length / max(1, ticks)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)


def number_axis(span: Span, ticks: int, whole: bool = False) -> Axis:
    """An axis of plain numbers; `whole` keeps ticks on whole numbers."""
    step = nice_step(span.high - span.low, ticks)
    if whole:
        step = max(1.0, step)
    first = math.ceil(span.low / step - 1e-9)
    values = [i * step for i in range(first, math.floor(span.high / step + 1e-9) + 1)]
    return Axis(span, tuple((value, tick_label(value, step)) for value in values))


def tick_label(value: float, step: float) -> str:
    """A tick's number with as many decimals as its distance needs: ``0.25``, ``1.5k``, ``2e-05``."""
    if value == 0 or abs(value) < step / 1000:
        return "0"
    if abs(value) >= 1e6 or step < 1e-4:
        return f"{value:.3g}"
    if abs(value) >= 10_000 or step >= 1000:
        return f"{value / 1000:.{_decimals(step / 1000)}f}k"
    return f"{value:.{_decimals(step)}f}"


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


def time_axis(span: Span, ticks: int) -> Axis:
    """An axis of seconds since the start: ``0``, ``5m``, ``1h30``."""
    length = span.high - span.low
    step = next((step for step in TIME_STEPS if step * ticks >= length), 86400 * math.ceil(length / 86400 / ticks))
    first = math.ceil(span.low / step)
    values = [float(i * step) for i in range(first, math.floor(span.high / step) + 1)]
    return Axis(span, tuple((value, time_label(value)) for value in values))


def time_label(seconds: float) -> str:
    """Seconds as a short tick: ``40s``, ``5m``, ``1h30``, ``2d``; before 0 with a minus."""
    whole = round(seconds)
    if whole < 0:
        return f"-{time_label(-seconds)}"
    if whole < 60:
        return f"{whole}s" if whole else "0"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}" if whole % 60 else f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}" if whole % 3600 else f"{whole // 3600}h"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h" if whole % 86400 else f"{whole // 86400}d"


def log_axis(span: Span, ticks: int) -> Axis:
    """An axis of powers of ten, `span` in their exponents; at 2 and 5 times those where the span is short.

    Where not even two of these fall on it, plain round numbers stand there.
    """
    factors = (1, 2, 5) if span.high - span.low < 3 else (1,)
    # No float is higher, and few are lower.
    low, high = max(-307.0, span.low), min(307.0, span.high)
    powers = range(math.floor(low), math.ceil(high) + 1)
    apart = max(1, math.ceil(len(powers) / max(1, ticks)))
    values = [power + math.log10(factor) for power in powers[::apart] for factor in factors]
    found = tuple((v, f"{10**v:.3g}") for v in values if low <= v <= high)
    if len(found) < 2:
        plain = number_axis(roomy(Span(10**low, max(10**low, 10**high))), ticks)
        found = tuple((math.log10(v), text) for v, text in plain.ticks if 10**low <= v <= 10**high)
    return Axis(span, found)
