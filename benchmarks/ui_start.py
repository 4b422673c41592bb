"""From the start of the program to its first useful paint: what it is for stands on the screen.

Each runs in a Python of its own whose files the kernel has in memory, all imports included, and paints to the same
terminal. Ours has jobs to show, asked of a runner; the others show what they find here, which is nothing yet.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.harness import Row
from benchmarks.peers import peer
from benchmarks.visit import FLOYD, JOB_SIGN, Visit, visit

ROUNDS = 9
# What each peer draws as soon as one can work with it.
SIGNS = {"harlequin": "Query Editor", "posting": "Enter a URL"}
MANY, FEW = 10_000, 10


def rows() -> dict[str, Callable[[str], Row]]:
    """The rows by their names."""
    made: dict[str, Callable[[str], Row]] = {
        f"ui: start, beside {name}'s": partial(beside_peer, name) for name in SIGNS
    }
    return made | {"ui: start with 10,000 jobs, beside 10": many_jobs}


def beside_peer(other: str, name: str) -> Row:
    """Our median beside theirs."""
    with visit(FEW) as here:
        return _row(name, 1.0, {"ours": (here, FLOYD, JOB_SIGN), other: (here, peer(other), SIGNS[other])})


def many_jobs(name: str) -> Row:
    """The start before many jobs beside that before few, each of a runner of its own."""
    with visit(MANY) as many, visit(FEW) as few:
        return _row(name, 1.2, {"many": (many, FLOYD, JOB_SIGN), "few": (few, FLOYD, JOB_SIGN)})


def _row(name: str, bar: float, starts: Mapping[str, tuple[Visit, Path, str]]) -> Row:
    """The first of two beside the second; medians, after a round that does not count."""
    seconds: dict[str, list[float]] = {each: [] for each in starts}
    cpu: dict[str, list[float]] = {each: [] for each in starts}
    for number in range(ROUNDS + 1):
        for each, (here, program, sign) in starts.items():
            with here.open(program) as screen:
                took, used = screen.until(sign) - screen.started, screen.cpu
            if number:
                seconds[each].append(took)
                cpu[each].append(used)
    (first, ours), (second, theirs) = ((each, statistics.median(taken)) for each, taken in seconds.items())
    note = f"{first} {ours * 1000:.0f} ms, {second} {theirs * 1000:.0f}"
    used_by = {each: statistics.median(taken) for each, taken in cpu.items()}
    return Row(name, ours / theirs, bar, detail={"seconds": seconds, "cpu_seconds": used_by}, note=note)
