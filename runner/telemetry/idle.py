"""The utilization policy: how long each GPU of a job has had too little to do."""

from __future__ import annotations

from collections.abc import Mapping

from runner.models import UtilizationPolicy
from runner.telemetry.hints import seconds_words
from runner.telemetry.readings import BLIND


class IdleWatch:
    """Watches one job's GPUs for its policy. A GPU that does not tell its use (N/A) is never taken for idle."""

    def __init__(self, policy: UtilizationPolicy) -> None:
        self._policy = policy
        self._since: dict[str, float] = {}
        self._last: float | None = None

    def see(self, now: float, uses: Mapping[str, float | None]) -> str:
        """How much each GPU is used at `now`, in percent; answers why to stop the job, or an empty text."""
        if self._last is not None and now - self._last > BLIND:
            self._since.clear()
        self._last = now
        low = self._policy.min_gpu_utilization
        idle = {gpu for gpu, use in uses.items() if use is not None and use < low}
        self._since = {gpu: self._since.get(gpu, now) for gpu in idle}
        window = self._policy.time_window
        if not any(now - since >= window for since in self._since.values()):
            return ""
        which = "Its GPU was" if len(uses) == 1 else "One of its GPUs was"
        return f"{which} used below {low:g} % for {seconds_words(window)} (utilization_policy)."
