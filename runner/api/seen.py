"""What one person may see of things that are about all people of a host."""

from __future__ import annotations

from dataclasses import replace

from runner.models import GpuStats, HostStats, encode


class Told:
    """The gauges as each person is told them, in bytes: a hundred who follow them cost little more than one."""

    def __init__(self) -> None:
        self._stats: HostStats | None = None
        self._bytes: dict[str, bytes] = {}

    def to(self, who: str, stats: HostStats) -> bytes:
        """`stats` for `who`; made once for each sample."""
        if stats is not self._stats:
            self._stats, self._bytes = stats, {}
        if who not in self._bytes:
            self._bytes[who] = encode(stats_for(stats, who))
        return self._bytes[who]


def stats_for(stats: HostStats, who: str) -> HostStats:
    """`stats` with the jobs of `who` alone. Of others a GPU tells whose job holds it, as `nvidia-smi` would."""
    gpus = tuple(_gpu_for(gpu, who) for gpu in stats.gpus)
    jobs = tuple(one for one in stats.jobs if _owner(one.job) == who)
    hints = tuple(hint for hint in stats.hints if not hint.job or _owner(hint.job) == who)
    return replace(stats, gpus=gpus, jobs=jobs, hints=hints)


def _gpu_for(gpu: GpuStats, who: str) -> GpuStats:
    seen = replace(gpu, jobs=tuple(_job_for(job, who) for job in gpu.jobs))
    if not gpu.processes:
        return seen
    return replace(seen, processes=tuple(replace(one, job=_job_for(one.job, who)) for one in gpu.processes))


def _job_for(job: str, who: str) -> str:
    owner = _owner(job)
    return job if owner == who else owner


def _owner(job: str) -> str:
    return job.partition("/")[0]
