"""What processes use, as the kernel counts it, and whose they are: read from /proc and from control groups.

A container has a control group of its own, whose counters hold also what its ended processes used. A plain process has
none: there the counters of all its descendants are added up. Formats: proc(5), cgroups(7), and the kernel's
admin-guide/cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runner.models import GpuStats

_GROUPS = Path("/sys/fs/cgroup")
# Docker names a container's group by its 64 digits: /docker/ID, /system.slice/docker-ID.scope, and deeper below.
_CONTAINER = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MEMORY_STAT = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)
_V1_IO = re.compile(r"^\d+:\d+ (Read|Write) (\d+)$", re.MULTILINE)
_V2_IO = re.compile(r"\b([rw])bytes=(\d+)")
_V2_CPU = re.compile(r"^usage_usec (\d+)$", re.MULTILINE)
_READ, _WRITTEN = re.compile(r"^read_bytes: (\d+)$", re.M), re.compile(r"^write_bytes: (\d+)$", re.M)
# Longer chains of parents are a loop of pids that were given anew meanwhile.
_DEEPEST = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's processes are: below `pid`, and in `container` (its id; empty for plain processes)."""

    pid: int
    container: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Counters of a job: seconds of CPU, bytes of disk and network since it began, bytes of memory now.

    None is not known: who shares the host's network has none of their own.
    """

    cpu_seconds: float | None = None
    memory: int | None = None
    disk_read: int | None = None
    disk_written: int | None = None
    received: int | None = None
    sent: int | None = None


def usage_of(place: Place) -> Usage:
    """What the job at `place` has used so far. Where its processes have gone, nothing is known."""
    if not place.container:
        return _family_usage(place.pid)
    received, sent = _network(place.pid)
    return replace(_group_usage(groups_of(place.pid)), received=received, sent=sent)


# Whose it is


def groups_of(pid: int) -> dict[str, str]:
    """The control groups of a process, by controller, cgroup v2's by an empty name; nothing where it has gone."""
    return parse_groups(_text(Path(f"/proc/{pid}/cgroup")))


def parse_groups(text: str) -> dict[str, str]:
    """``/proc/PID/cgroup``: lines of ID:CONTROLLERS:PATH, as in ``4:cpu,cpuacct:/docker/…`` and v2's ``0::/…``."""
    lines = (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2)
    return {name: path for _, names, path in lines for name in names.split(",")}


def container_of(groups: Mapping[str, str]) -> str:
    """The id of the innermost container that these control groups are of; empty for none."""
    found = (_CONTAINER.findall(path) for path in groups.values())
    return next((ids[-1] for ids in found if ids), "")


def job_of(pid: int, places: Mapping[str, Place]) -> str:
    """The job of `places` (by their names) that a process is of; empty where it is of none.

    A process that was put into a container from outside (`docker exec`) descends from no process of it, so there the
    group counts; a plain job's process is told by its parents.
    """
    container = container_of(groups_of(pid))
    for job, place in places.items():
        if place.container and place.container == container:
            return job
    plain = {place.pid: job for job, place in places.items() if not place.container}
    for _ in range(_DEEPEST if plain else 0):
        if pid in plain:
            return plain[pid]
        if (parent := _parent(pid)) is None:
            break
        pid = parent
    return ""


def with_jobs(gpu: GpuStats, places: Mapping[str, Place]) -> GpuStats:
    """The GPU with the jobs of `places` that its processes are of."""
    if not gpu.processes:
        return gpu
    return replace(gpu, processes=tuple(replace(one, job=job_of(one.pid, places)) for one in gpu.processes))


def _parent(pid: int) -> int | None:
    # A process may call itself anything, brackets and newlines too; what follows the last bracket is in fixed order.
    _, _, tail = _text(Path(f"/proc/{pid}/stat")).rpartition(") ")
    words = tail.split()
    return int(words[1]) if len(words) > 1 and int(words[1]) > 0 else None


# What a control group used


def _group_usage(groups: Mapping[str, str]) -> Usage:
    if not groups:
        return Usage()
    return _v1_usage(groups) if "memory" in groups else _v2_usage(_GROUPS / groups.get("", "/").lstrip("/"))


def _v1_usage(groups: Mapping[str, str]) -> Usage:
    def folder(controller: str) -> Path:
        return _GROUPS / controller / groups.get(controller, "/").lstrip("/")

    ticks, io = _number(folder("cpuacct") / "cpuacct.usage"), folder("blkio")
    text = _text(io / "blkio.throttle.io_service_bytes_recursive") or _text(io / "blkio.throttle.io_service_bytes")
    return Usage(
        None if ticks is None else ticks / 1e9,
        _memory(_number(folder("memory") / "memory.usage_in_bytes"), _text(folder("memory") / "memory.stat")),
        *_disk(text, _V1_IO, "Read", "Write"),
    )


def _v2_usage(folder: Path) -> Usage:
    cpu = _V2_CPU.search(_text(folder / "cpu.stat"))
    return Usage(
        int(cpu[1]) / 1e6 if cpu else None,
        _memory(_number(folder / "memory.current"), _text(folder / "memory.stat")),
        *_disk(_text(folder / "io.stat"), _V2_IO, "r", "w"),
    )


def _memory(used: int | None, stat: str) -> int | None:
    """Without the file cache that the kernel would give up first, as `docker stats` counts."""
    # v1 lists a group's own and then, with total_, that of all below it: the last one counts.
    cache = _MEMORY_STAT.findall(stat)
    return None if used is None else max(0, used - int(cache[-1] if cache else 0))


def _disk(text: str, line: re.Pattern[str], read: str, written: str) -> tuple[int | None, int | None]:
    """Bytes read and written on all disks. Where nothing was, the file is empty."""
    sums = {read: 0, written: 0}
    for kind, number in line.findall(text):
        sums[kind] += int(number)
    return sums[read], sums[written]


def _network(pid: int) -> tuple[int | None, int | None]:
    """Bytes received and sent by the network that a process has for itself; the loopback leads nowhere."""
    try:
        shared = os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net")
    except OSError:
        return None, None
    lines = [line.partition(":") for line in _text(Path(f"/proc/{pid}/net/dev")).splitlines()[2:]]
    counted = [rest.split() for name, _, rest in lines if name.strip() != "lo"]
    if shared or not lines:
        return None, None
    return sum(int(field[0]) for field in counted), sum(int(field[8]) for field in counted)


# What a family of processes used


def _family_usage(pid: int) -> Usage:
    each = [_process_usage(one) for one in (pid, *_below(pid))]
    known = [one for one in each if one is not None]
    if not known:
        return Usage()
    seconds, memory, read, written = zip(*known, strict=True)
    return Usage(sum(seconds), sum(memory), _sum(read), _sum(written))


def _below(pid: int) -> Iterable[int]:
    """The descendants of a process. A child is listed with the thread that made it."""
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):
                children = [int(word) for word in _text(Path(f"/proc/{parent}/task/{thread}/children")).split()]
                yield from children
                waiting += children


def _process_usage(pid: int) -> tuple[float, int, int | None, int | None] | None:
    """CPU seconds with those of the children that it has waited for, resident memory, bytes read and written."""
    field = _text(Path(f"/proc/{pid}/stat")).rpartition(") ")[2].split()
    if len(field) < 22:
        return None
    seconds = sum(map(int, field[11:15])) / os.sysconf("SC_CLK_TCK")
    io = _text(Path(f"/proc/{pid}/io"))
    read, written = _READ.search(io), _WRITTEN.search(io)
    disk = (int(read[1]) if read else None, int(written[1]) if written else None)
    return seconds, int(field[21]) * os.sysconf("SC_PAGE_SIZE"), *disk


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    """What a file of the kernel says, nothing where it is not there or may not be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
