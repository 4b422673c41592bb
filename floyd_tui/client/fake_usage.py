"""What the fake jobs used: a training that begins with reading, and is paused by each evaluation."""

from __future__ import annotations

import math
import random
from functools import cache

from runner.models import Hint, Job, JobUsage, UsagePoint

GIB = 1 << 30
POINTS = 240


def usage_of(job: Job, until: float) -> JobUsage:
    """The record of `job`, which ran to `until`."""
    start = job.started_at or until
    if until - start < POINTS / 4:
        return JobUsage(job.name)
    step = 2.0 ** max(0, math.ceil(math.log2((until - start) / POINTS)))
    points = _points(job.number, job.gpus, start, step, int((until - start) / step))
    sizes = (80 * GIB,) * job.gpus
    return JobUsage(job.name, step, points, 32.0, job.limits.memory or 256 * GIB, sizes, _hints(job))


@cache
def _points(seed: int, cards: int, start: float, step: float, count: int) -> tuple[UsagePoint, ...]:
    noise = random.Random(seed)
    return tuple(_point(cards, start + i * step, i / count, noise) for i in range(count))


def _point(cards: int, time: float, share: float, noise: random.Random) -> UsagePoint:
    reading, evaluating = share < 0.04, int(share * 100) % 20 >= 18
    use = 0.0 if reading else 38.0 if evaluating else 91.0
    gpus = tuple(max(0.0, min(100.0, use + noise.gauss(0, 3))) for _ in range(cards))
    memory = tuple((2.0 if reading else 61.2) * GIB + noise.random() * GIB for _ in range(cards))
    cpu = (900.0 if evaluating else 410.0) + noise.gauss(0, 25)
    ram = (4.0 + 5.4 * min(1.0, share * 12)) * GIB
    disk = (900.0 if reading else 40.0) * (1 << 20) * (0.8 + 0.4 * noise.random())
    written = (6 << 20) * noise.random()
    received = (180.0 if reading else 0.2) * (1 << 20) * (1.0 + 0.1 * math.sin(50 * share))
    return UsagePoint(time, cpu, ram, disk, written, gpus, memory, received, received / 40)


def _hints(job: Job) -> tuple[Hint, ...]:
    if job.number != 6:
        return ()
    text = "Its memory was 91 % full at its peak."
    advice = "Give it more (--memory), or load less at a time: at 100 % it is killed."
    return (Hint("memory", "warning", text, advice, job.name),)
