"""What a job may use of the host: its own limits, else its machine's, else the settings', else what suits the host."""

from __future__ import annotations

import os
from dataclasses import dataclass

from runner.models import Limits

PIDS = 4096
# Of the host's memory this is left to everything else, in bytes, or the twentieth part of a large one's.
_LEFT = 1 << 30


@dataclass(frozen=True, slots=True)
class Machine:
    """What ``machine: NAME`` stands for on a host; None leaves a limit to the settings. Sizes in bytes."""

    gpus: int = 0
    gpu_memory: int | None = None
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    shm_size: int | None = None

    @property
    def limits(self) -> Limits:
        """Its limits."""
        return Limits(self.memory, self.cpus, self.pids, self.shm_size)


# FloydHub's instances.
MACHINES = {"cpu": Machine(), "cpu2": Machine(), "gpu": Machine(gpus=1), "gpu2": Machine(gpus=1)}


def given(executor: str, *wished: Limits) -> Limits:
    """The limits that a job runs with: of `wished` the first one that says something, then the host's own.

    A plain process has a limit of memory only where one is asked for: it is looked after, not held by the kernel.
    """
    found = Limits(
        *(next((value for one in wished if (value := getattr(one, name)) is not None), None) for name in _NAMES)
    )
    return found if executor != "docker" else _filled(found, os.cpu_count() or 1, host_memory())


_NAMES = ("memory", "cpus", "pids", "shm_size")


def _filled(own: Limits, cores: int, total: int) -> Limits:
    memory = own.memory or max(total // 2, total - max(_LEFT, total // 20))
    # Docker's 64 MiB of /dev/shm make PyTorch's data loaders fail; what lies there counts as memory of the job.
    return Limits(memory, own.cpus or float(cores), own.pids or PIDS, own.shm_size or memory // 2)


def host_memory() -> int:
    """The host's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
