"""Processes as /proc tells of them: who is alive, who descends from whom, and ending a family of them gently."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `started` (clock ticks after boot) tells it from a later one of the same pid."""

    pid: int
    parent: int
    name: str
    state: str
    started: int
    cpu_seconds: float
    memory: int

    @property
    def alive(self) -> bool:
        """Whether it is more than an exit code that waits to be collected."""
        return self.state not in "ZX"


def look(pid: int) -> Process | None:
    """The process with that pid, None where there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # The name may hold anything, brackets and newlines too; what follows the last bracket is in fixed order.
        head, _, tail = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")
        field = tail.split()
        ticks = (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")
        memory = int(field[21]) * os.sysconf("SC_PAGE_SIZE")
        return Process(pid, int(field[1]), head.partition("(")[2], field[0], int(field[19]), ticks, memory)
    return None


def descendants(pid: int) -> list[Process]:
    """All live processes below `pid`, parents before their children."""
    children: dict[int, list[Process]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (process := look(int(entry))) is not None:
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += (process for process in below if process.alive)
        waiting += (process.pid for process in below)
    return found


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Signal each of `processes` that is still the same one."""
    for process in processes:
        now = look(process.pid)
        if now is not None and now.started == process.started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


def still_there(processes: Iterable[Process]) -> list[Process]:
    """Those of `processes` that live yet."""
    now = ((process, look(process.pid)) for process in processes)
    return [then for then, found in now if found is not None and found.started == then.started and found.alive]
