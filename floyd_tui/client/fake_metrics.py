"""The fake client's numbers: metrics, their curves in short, and what a job used."""

from __future__ import annotations

from collections.abc import Sequence

from floyd_tui.client.fake_host import FakeHost
from runner.models import Curve, JobUsage, Metric


class FakeMetrics:
    """The part of `Client` that is about what jobs measured."""

    host: FakeHost

    async def metrics(self, job: str, after: int = 0) -> list[Metric]:
        await self.host.gate("metrics")
        return self.host.metrics.get(self.host.find_job(job).name, [])[after:]

    async def curves(self, jobs: Sequence[str], metric: str = "", points: int = 16) -> list[Curve]:
        await self.host.gate("curves")
        return [found for name in jobs if (found := _curve(name, self.host.metrics.get(name, []), metric, points))]

    async def usage(self, job: str, points: int = 1000) -> JobUsage:
        await self.host.gate("usage")
        name = self.host.find_job(job).name
        return self.host.usages.get(name) or JobUsage(name)


def _curve(job: str, metrics: Sequence[Metric], metric: str, points: int) -> Curve | None:
    names = list(dict.fromkeys(point.name for point in metrics))
    which = metric if metric in names else min(names, key=lambda name: (name != "loss", "loss" not in name), default="")
    values = [point.value for point in metrics if point.name == which]
    most = min(points, len(values))
    thinned = tuple(values[len(values) * (place + 1) // most - 1] for place in range(most))
    return Curve(job, which, thinned) if thinned else None
