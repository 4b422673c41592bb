"""What a running job uses just now, in a few words."""

from __future__ import annotations

from textual.content import Content

from floyd_tui.widgets import format as fmt
from runner.models import HostStats


def job_use(stats: HostStats, job: str) -> Content:
    """CPU, memory and GPUs of `job` by the host's gauges; empty where they tell nothing of it."""
    parts: list[Content] = []
    for gpu in stats.gpus:
        if job in gpu.jobs:
            memory = f" {fmt.size(gpu.memory_used)}" if gpu.memory_used is not None else ""
            parts.append(_fact(f"GPU {gpu.index}", f"{fmt.percent(gpu.utilization)}{memory}"))
    for use in stats.jobs:
        if use.job == job:
            if use.cpu_percent is not None:
                parts.append(_fact("CPU", f"{use.cpu_percent / 100:.1f}"))
            if use.memory_used is not None:
                parts.append(_fact("RAM", fmt.size(use.memory_used)))
    return Content("   ").join(parts)


def _fact(label: str, value: str) -> Content:
    return Content.assemble((f"{label} ", "$dim"), (value, "$foreground"))
