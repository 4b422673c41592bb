"""Rows, bars and the way they are printed.

A benchmark is a module of this package with ``run() -> Iterator[Row]``. Ours and the peer's runs alternate, so that
what else the machine does falls on both, and medians are compared.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One result: `ratio` to a peer, and the `bar` it is to keep (``>=`` for speeds, ``<=`` for times and memory).

    `detail` goes into the JSON: medians in seconds, sizes in bytes, whatever explains the ratio.
    """

    name: str
    ratio: float
    bar: float
    sense: Literal[">=", "<="] = "<="
    detail: dict[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the bar is kept."""
        return self.ratio >= self.bar if self.sense == ">=" else self.ratio <= self.bar

    def line(self) -> str:
        """``NAME RATIO BAR ok|short``."""
        return f"{self.name:<40} {self.ratio:>7.2f} {self.sense}{self.bar:<6.2f} {'ok' if self.ok else 'short'}"

    def json(self) -> dict[str, object]:
        """This row for the file beside the lines."""
        return {**asdict(self), "ok": self.ok}


def seconds(work: Callable[[], object]) -> float:
    """How long one call of `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(runs: int, **works: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each of `works` over `runs` rounds of one each, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(runs + 1):
        for name, work in works.items():
            took = seconds(work)
            if number:
                times[name].append(took)
    return {name: statistics.median(each) for name, each in times.items()}
