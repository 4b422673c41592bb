"""What one person may see of things that are about all people of a host."""

from __future__ import annotations

from dataclasses import replace

from runner.models import HostStats


def stats_for(stats: HostStats, who: str) -> HostStats:
    """`stats` with the jobs of `who` alone. Of others a GPU tells whose job holds it, as `nvidia-smi` would."""
    gpus = tuple(replace(gpu, jobs=tuple(_job_for(job, who) for job in gpu.jobs)) for gpu in stats.gpus)
    return replace(stats, gpus=gpus, jobs=tuple(one for one in stats.jobs if _owner(one.job) == who))


def _job_for(job: str, who: str) -> str:
    owner = _owner(job)
    return job if owner == who else owner


def _owner(job: str) -> str:
    return job.partition("/")[0]
