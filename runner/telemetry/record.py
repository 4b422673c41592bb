"""What a job used, kept beside its log: in steps of a second, which grow twice as long each time there are a thousand.

The file holds one JSON value a line: an object with the step and the limits, then an array a point, an object a hint.
It is appended to, and written anew when steps grow; a line that a crash cut off is passed over.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from runner.errors import NoSpace
from runner.models import BadMessage, Hint, JobUsage, UsagePoint, from_dict, to_dict
from runner.store.disk import write_durably

RECORD_FILE = "usage"
MOST_POINTS = 1000
# A crash costs this many seconds at most.
_FLUSH = 10.0
_NUMBERS = ("cpu_percent", "memory", "disk_read", "disk_written")
_LISTS = ("gpus", "gpu_memory")
# In records of older runners these are not there.
_NETWORK = ("received", "sent")


@dataclass
class Record:
    """A job's record in `path`. `add` takes one look after the other; `flush` writes what is not on the disk yet."""

    path: Path
    usage: JobUsage
    most: int = MOST_POINTS
    _bucket: list[UsagePoint] = field(default_factory=list)
    _flushed: int = 0
    _flushed_at: float | None = None
    _anew: bool = True

    @classmethod
    def open(cls, path: Path, fresh: JobUsage) -> Record:
        """Go on with the record that is there, else with a `fresh` one. It is written anew once: it may be torn."""
        return cls(path, read_record(path, fresh.job) or fresh)

    def add(self, point: UsagePoint) -> None:
        """One more look."""
        step = self.usage.step
        if self._bucket and self._bucket[0].time // step != point.time // step:
            self._close_bucket()
        self._bucket.append(point)
        if self._flushed_at is None:
            self._flushed_at = point.time
        # A clock that was set back is no reason to wait.
        if abs(point.time - self._flushed_at) >= _FLUSH:
            self.flush()

    def limit(self, gpu_memory: tuple[int | None, ...]) -> None:
        """How much memory each of the job's GPUs has: known only once they are looked at."""
        if gpu_memory != self.usage.gpu_memory_limit and any(gpu_memory):
            self.usage = replace(self.usage, gpu_memory_limit=gpu_memory)
            self._anew = True

    def note(self, hints: Iterable[Hint]) -> None:
        """Keep hints that nothing but their moment tells: about a GPU that was broken or throttled."""
        known = {(hint.kind, hint.gpu) for hint in self.usage.hints}
        new = [hint for hint in hints if hint.gpu and (hint.kind, hint.gpu) not in known]
        if new:
            self.usage = replace(self.usage, hints=(*self.usage.hints, *new))
            self._anew = True

    def now(self) -> JobUsage:
        """All that is known, with the step that is not over yet."""
        last = (average(self._bucket, self.usage.step),) if self._bucket else ()
        return replace(self.usage, points=(*self.usage.points, *last))

    def end(self) -> None:
        """The job is over, or the runner stops."""
        if self._bucket:
            self._close_bucket()
        self.flush()

    def flush(self) -> None:
        """Write what is new. A job whose folder is gone, or a full disk, costs only its record."""
        self._flushed_at = self._bucket[0].time if self._bucket else None
        points = self.usage.points
        with contextlib.suppress(OSError, NoSpace):
            if self._anew:
                write_durably(self.path, b"".join(_lines(self.usage)))
            elif self._flushed < len(points):
                with self.path.open("r+b") as file:
                    file.seek(0, 2)
                    file.writelines(_line(_packed(point)) for point in points[self._flushed :])
            self._anew, self._flushed = False, len(points)

    def _close_bucket(self) -> None:
        points = (*self.usage.points, average(self._bucket, self.usage.step))
        self._bucket = []
        self.usage = replace(self.usage, points=points)
        if len(points) > self.most:
            self.usage = thin(self.usage, self.most)
            self._anew = True


def thin(usage: JobUsage, most: int) -> JobUsage:
    """`usage` in steps so long that there are at most `most` of them; each is the mean of those it is made of."""
    points, step = usage.points, usage.step
    while len(points) > most:
        step *= 2
        points = tuple(average([*group], step) for _, group in groupby(points, partial(_place, step)))
    return replace(usage, points=points, step=step)


def _place(step: float, point: UsagePoint) -> float:
    return point.time // step


def average(points: Sequence[UsagePoint], step: float) -> UsagePoint:
    """The mean of `points`, at the beginning of their step."""
    numbers = {name: _mean([getattr(point, name) for point in points]) for name in (*_NUMBERS, *_NETWORK)}
    gpus, memory = ([getattr(point, name) for point in points] for name in _LISTS)
    return UsagePoint(points[0].time // step * step, gpus=_means(gpus), gpu_memory=_means(memory), **numbers)


def read_record(path: Path, job: str) -> JobUsage | None:
    """The record in a file; None where there is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return None
    head: dict[str, Any] | None = None
    points: list[UsagePoint] = []
    hints: list[Hint] = []
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, BadMessage):
            value = json.loads(line)
            if isinstance(value, list):
                points.append(_unpacked(value))
            elif "step" in value:
                head = value
            else:
                hints.append(from_dict(value, Hint))
    try:
        usage = from_dict({**(head or {}), "job": job}, JobUsage)
    except BadMessage:
        return None
    return replace(usage, points=tuple(points), hints=tuple(hints)) if head is not None else None


def _lines(usage: JobUsage) -> Iterable[bytes]:
    limits = ("step", "cpu_limit", "memory_limit", "gpu_memory_limit")
    yield _line({name: getattr(usage, name) for name in limits})
    yield from (_line(to_dict(hint)) for hint in usage.hints)
    yield from (_line(_packed(point)) for point in usage.points)


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _packed(point: UsagePoint) -> list[Any]:
    return [getattr(point, name) for name in ("time", *_NUMBERS, *_LISTS, *_NETWORK)]


def _unpacked(value: list[Any]) -> UsagePoint:
    time, cpu, used, read, written, gpus, memory, *network = value
    numbers = dict(zip(_NUMBERS, (cpu, used, read, written), strict=True))
    numbers |= dict(zip(_NETWORK, network or (None, None), strict=True))
    if not all(one is None or isinstance(one, int | float) for one in (time, *numbers.values(), *gpus, *memory)):
        raise TypeError("a point is made of numbers")
    return UsagePoint(float(time), **numbers, gpus=tuple(gpus), gpu_memory=tuple(memory))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(fmean(known), 1) if known else None


def _means(rows: Sequence[Sequence[float | None]]) -> tuple[float | None, ...]:
    width = max(map(len, rows))
    return tuple(_mean([row[place] for row in rows if place < len(row)]) for place in range(width))
