"""The curves in the list of jobs: asked for the rows in sight, a request a host, and again while a job logs on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from floyd_tui.client.protocol import LinkSet
from floyd_tui.errors import FloydError
from floyd_tui.screens.home_jobs import JobKey
from floyd_tui.widgets.job_filter import HostJob
from runner.models import Curve

# Seconds after which a curve whose job logged more is asked for again.
AGAIN = 5.0
# A runner answers for so many jobs at once.
_MOST = 200


@dataclass(slots=True)
class _Asked:
    """When a curve was last asked for, what its job had logged then, for which metric, and what came."""

    at: float
    logged: Mapping[str, float]
    metric: str
    curve: Curve | None = None


class Curves:
    """What is known of jobs' curves."""

    def __init__(self) -> None:
        self._asked: dict[JobKey, _Asked] = {}

    def of(self, key: JobKey) -> Curve | None:
        """The job's curve, if it came."""
        return asked.curve if (asked := self._asked.get(key)) is not None else None

    def lacking(self, jobs: Iterable[HostJob], metric: str, now: float) -> dict[str, list[str]]:
        """The names of those of `jobs`, by host, whose curve (of `metric`, if they have that) is to be asked for."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for one in jobs:
            if one.job.metrics and self._is_old(one, metric, now):
                found[one.host].append(one.job.name)
                curve = self.of(one.key)
                self._asked[one.key] = _Asked(now, one.job.metrics, metric, curve)
        return found

    def _is_old(self, one: HostJob, metric: str, now: float) -> bool:
        asked = self._asked.get(one.key)
        if asked is None or asked.metric != metric:
            return True
        return asked.logged != one.job.metrics and now - asked.at >= AGAIN

    async def fetch(self, links: LinkSet, names: Mapping[str, Sequence[str]], metric: str) -> None:
        """Ask each host for its own at once; what one does not tell is left as it was, and asked for later."""

        async def ask(host: str) -> None:
            # The list says elsewhere what is wrong with a host; one of before there were curves has none.
            with contextlib.suppress(FloydError):
                for curve in await links[host].client.curves(names[host][:_MOST], metric):
                    if (asked := self._asked.get((host, curve.job))) is not None:
                        asked.curve = curve

        await asyncio.gather(*map(ask, names))
