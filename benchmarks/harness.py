"""Rows, bars and the way they are printed.

A benchmark is a module of this package with ``run(only: str) -> Iterator[Row]``, which makes the rows that have `only`
in their names. Ours and the peer's runs alternate, so that what else the machine does falls on both, and medians are
compared.
"""

from __future__ import annotations

import mmap
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

_LARGE = 64 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One result: `ratio` to a peer, and the `bar` it is to keep (``>=`` for speeds, ``<=`` for times and memory).

    `detail` goes into the JSON: medians in seconds, sizes in bytes, whatever explains the ratio. `note` is what is told
    beside the ratio.
    """

    name: str
    ratio: float
    bar: float
    sense: Literal[">=", "<="] = "<="
    detail: dict[str, object] = field(default_factory=dict)
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the bar is kept."""
        return self.ratio >= self.bar if self.sense == ">=" else self.ratio <= self.bar

    def line(self) -> str:
        """``NAME RATIO BAR ok|short NOTE``; with more digits where two would hide by how little it is short."""
        digits = 2 if self.ok or round(self.ratio, 2) != self.bar else 4
        kept = "ok" if self.ok else "short"
        return f"{self.name:<40} {self.ratio:>7.{digits}f} {self.sense}{self.bar:<6.2f} {kept:<5} {self.note}".rstrip()

    def json(self) -> dict[str, object]:
        """This row for the file beside the lines."""
        return {**asdict(self), "ok": self.ok}


def nothing() -> None:
    """No preparation."""


def with_memory(size: int, kept: Path, prepare: Callable[[], object] = nothing) -> Callable[[], None]:
    """`prepare`, and then `size` bytes of memory that the kernel has at hand for what is timed.

    A virtual machine gets its memory from its host page by page, at the first touch, and gives back what it freed: 2 s
    a GiB, which would be counted to who keeps what it writes and not to who writes where the last one was deleted. So
    the large files that were `kept` are no longer held in memory either.
    """

    def ready() -> None:
        prepare()
        for file in kept.rglob("*"):
            if file.is_file() and not file.is_symlink() and file.stat().st_size >= _LARGE:
                forget(file)
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()

    return ready


def forget(file: Path) -> None:
    """Have the kernel hold nothing of `file` in memory."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Work:
    """What is timed, and what has to be made ready before each time."""

    run: Callable[[], object]
    prepare: Callable[[], object] = nothing

    def seconds(self) -> float:
        """How long one run takes, without its preparation."""
        self.prepare()
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start


def chosen(rows: Mapping[str, Callable[[str], Row]], only: str) -> Iterator[Row]:
    """Make the rows whose names have `only` in them; each is made only when it is asked for."""
    for name, make in rows.items():
        if only in name:
            yield make(name)


def medians(rounds: int, works: Mapping[str, Work]) -> dict[str, float]:
    """Median seconds of each of `works` over `rounds` rounds of one each, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            took = work.seconds()
            if number:
                times[name].append(took)
    return {name: statistics.median(each) for name, each in times.items()}


def beside(name: str, bar: float, rounds: int, works: Mapping[str, Work], **detail: object) -> Row:
    """A row of ``ours`` beside the fastest of the other works: how many times as fast it is, at least `bar`."""
    times = medians(rounds, works)
    fastest = min((peer for peer in times if peer != "ours"), key=lambda peer: times[peer])
    return Row(name, times[fastest] / times["ours"], bar, ">=", {"seconds": times, "fastest": fastest, **detail})
