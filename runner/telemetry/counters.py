"""The host's own counters, from /proc; and what of them goes by in a second. Formats: proc(5), iostats."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# The kernel counts disks in these, whatever their blocks are.
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Counters:
    """Since boot: ticks of all CPUs, busy ones and all; bytes of all disks and of all networks. `time` is monotonic."""

    time: float
    busy: int
    ticks: int
    read: int
    written: int
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Between two looks: percent of all CPUs, and bytes a second."""

    cpu_percent: float
    read: float | None = None
    written: float | None = None
    received: float | None = None
    sent: float | None = None


def read_counters(now: float) -> Counters:
    """The counters at `now`, by a monotonic clock."""
    return Counters(now, *_cpu(), *_disks(), *_networks())


def rates(before: Counters, now: Counters) -> Rates:
    """What went by between two looks. A counter that began anew (a network card that came back) counts as nothing."""
    passed, ticks = now.time - before.time, now.ticks - before.ticks
    percent = round(100 * (now.busy - before.busy) / ticks, 1) if ticks > 0 else 0.0
    if passed <= 0:
        return Rates(percent)
    pairs = ((before.read, now.read), (before.written, now.written), (before.received, now.received),
             (before.sent, now.sent))  # fmt: skip
    return Rates(percent, *(max(0.0, (new - old) / passed) for old, new in pairs))


def read_memory() -> dict[str, int]:
    """``/proc/meminfo`` in bytes."""
    found = {}
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0]) * 1024
    return found


def _cpu() -> tuple[int, int]:
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    # user nice system idle iowait irq softirq steal; guests are counted within user.
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _disks() -> tuple[int, int]:
    read = written = 0
    for line in _lines("/proc/diskstats"):
        field = line.split()
        # Partitions, RAIDs and encrypted volumes count again what the disks below them do.
        if os.path.exists(f"/sys/block/{field[2]}/device"):
            read += int(field[5]) * _SECTOR
            written += int(field[9]) * _SECTOR
    return read, written


def _networks() -> tuple[int, int]:
    received = sent = 0
    for line in _lines("/proc/net/dev"):
        name, colon, rest = line.partition(":")
        # Bridges and the like count again what the cards do, and the loopback leads nowhere.
        if colon and os.path.exists(f"/sys/class/net/{name.strip()}/device"):
            field = rest.split()
            received += int(field[0])
            sent += int(field[8])
    return received, sent


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
