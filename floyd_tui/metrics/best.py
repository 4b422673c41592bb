"""Which values of metrics are good ones: which way is better, what each job had last and at best, who comes first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runner.models import Job, Metric

# Parts of the names of metrics of which more is better; of all others less is.
_MORE_IS_BETTER = (
    "acc", "auc", "f1", "precision", "recall", "score", "reward", "return", "bleu", "rouge", "iou", "dice", "psnr",
    "ssim", "r2", "top1", "top5", "map", "throughput", "per_sec", "win",
)  # fmt: skip


def more_is_better(metric: str) -> bool:
    """Whether a metric of that name is to go up: accuracy and its like; loss, error and all others are to go down."""
    name = metric.lower()
    return any(part in name for part in _MORE_IS_BETTER) and not any(part in name for part in ("loss", "err"))


@dataclass(slots=True)
class Record:
    """What a job logged of a metric so far: its last value, and the lowest and highest of those that are numbers."""

    last: float
    low: float = math.inf
    high: float = -math.inf

    def best(self, up: bool) -> float | None:
        """The highest where more is better (`up`), else the lowest; None while there was no number."""
        value = self.high if up else self.low
        return value if math.isfinite(value) else None


class Records:
    """A job's metrics, point by point; `seen` is how many points were read."""

    def __init__(self) -> None:
        self.seen = 0
        self._of: dict[str, Record] = {}

    def extend(self, points: Iterable[Metric]) -> None:
        """Note further points."""
        for point in points:
            self.seen += 1
            one = self._of.setdefault(point.name, Record(point.value))
            one.last = point.value
            if math.isfinite(point.value):
                one.low, one.high = min(one.low, point.value), max(one.high, point.value)

    def of(self, metric: str) -> Record | None:
        """What there is of `metric`."""
        return self._of.get(metric)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A job in its place: what it had of the metric last and at best, None where it had none."""

    job: Job
    last: float | None
    best: float | None


def telling(jobs: Iterable[Job]) -> str:
    """The metric to judge `jobs` by: of those that most of them log one of validation, then a loss; empty: none yet."""
    counts = Counter(name for job in jobs for name in job.metrics)
    most = max(counts.values(), default=0)
    names = (name for name, count in counts.items() if count == most)
    return min(names, key=lambda name: ("val" not in name.lower(), "loss" not in name.lower()), default="")


def metrics_of(jobs: Iterable[Job]) -> list[str]:
    """All metrics that any of `jobs` logs, in the order they came."""
    return list(dict.fromkeys(name for job in jobs for name in job.metrics))


def ranked(jobs: Sequence[Job], records: Mapping[str, Records], metric: str, up: bool) -> list[Ranked]:
    """`jobs` with the best first; those without a value of `metric` last, by their numbers."""
    rows = []
    for job in jobs:
        record = records[job.name].of(metric) if job.name in records else None
        rows.append(Ranked(job, record.last if record else None, record.best(up) if record else None))
    sign = -1 if up else 1
    return sorted(rows, key=lambda row: (row.best is None, sign * (row.best or 0.0), row.job.number))


def varying(jobs: Sequence[Job]) -> list[str]:
    """The names of the values that are not the same in all `jobs`; where all are, all names."""
    names = list(dict.fromkeys(name for job in jobs for name in job.values))
    return [name for name in names if len({job.values.get(name) for job in jobs}) > 1] or names
