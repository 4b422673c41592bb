"""What a launch asks of the host, its machine's part filled in: GPUs, limits, and its place in line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import BadRequest, Unavailable
from runner.limits import Machine, host_memory
from runner.models import Launch, Limits
from runner.scheduling import Device
from runner.settings import Settings
from runner.store.disk import format_size

MIN_PRIORITY = -100
# Less than this no container starts with, in bytes.
_MIN_MEMORY = 6 << 20
# More than this is not written out, in bytes.
_MOST = 1 << 60


@dataclass(frozen=True, slots=True)
class Asked:
    """GPUs as the queue gives them: whole ones, or with `gpu_memory` (bytes) one to share."""

    gpus: int = 0
    gpu_memory: int | None = None


def asked(launch: Launch, settings: Settings) -> Asked:
    """The GPUs that a launch asks for; raises `BadRequest` for what cannot be meant."""
    if launch.gpus < 0:
        raise BadRequest(f"A job cannot have {launch.gpus} GPUs.", "Ask for 0 or more.")
    machine = settings.machine(launch.machine) if launch.machine else Machine()
    memory = launch.gpu_memory if launch.gpu_memory is not None or launch.gpus else machine.gpu_memory
    if memory is None:
        return Asked(launch.gpus or machine.gpus)
    if memory < 1:
        raise BadRequest(f"A job cannot share {memory} bytes of a GPU.", "Say how much it needs, such as 8GiB.")
    if launch.gpus > 1:
        raise BadRequest(
            f"A job has {launch.gpus} GPUs of its own, or shares the memory of one.",
            "Leave out gpu_memory for whole GPUs, or gpus for a share of one.",
        )
    return Asked(1, memory)


def require_gpus(wanted: Asked, devices: Sequence[Device], note: str, settings: Settings) -> None:
    """Raise `Unavailable` where the job could never start here, since the host or its owner's limit has not as much."""
    if wanted.gpus > len(devices):
        raise Unavailable(
            f"The job asks for {_gpus(wanted.gpus)}; this host has {len(devices)}. {note}".rstrip(),
            "Ask for fewer, or choose another host.",
        )
    largest = max((device.memory for device in devices), default=0)
    if wanted.gpu_memory is not None and wanted.gpu_memory > largest:
        raise Unavailable(
            f"The job asks for {format_size(min(wanted.gpu_memory, _MOST))} of a GPU; the largest here has "
            f"{format_size(largest)}.",
            "Ask for less, or choose another host.",
        )
    most = settings.max_gpus_each
    if most is not None and wanted.gpus > most:
        raise Unavailable(
            f"The job asks for {_gpus(wanted.gpus)}; one person may have {most} at once on this host.",
            "Ask for fewer, or choose another host.",
        )


def check_limits(limits: Limits) -> None:
    """Raise `BadRequest` for limits that no job can have here."""
    total = host_memory()
    if limits.memory is not None and limits.memory < _MIN_MEMORY:
        raise BadRequest(f"{limits.memory} bytes of memory are too few to start with.", "Give 6 MiB or more.")
    if limits.memory is not None and limits.memory > total:
        raise BadRequest(
            f"A job cannot have {limits.memory} bytes of memory here: the host has {total}, {format_size(total)}.",
            "Give less, or leave it open.",
        )
    cores = os.cpu_count() or 1
    if limits.cpus is not None and not 0.01 <= limits.cpus <= cores:
        raise BadRequest(f"A job cannot have {limits.cpus:g} CPUs here: the host has {cores}.", "Give 0.01 to that.")
    if limits.pids is not None and limits.pids < 1:
        raise BadRequest(f"A job cannot have {limits.pids} processes.", "Give 1 or more.")
    if limits.shm_size is not None and limits.shm_size < 1:
        raise BadRequest(f"Shared memory cannot have {limits.shm_size} bytes.", "Give 1 or more, or leave it open.")


def check_priority(priority: int, most: int) -> None:
    """Raise `BadRequest` for a priority that a job cannot have on this host."""
    if not MIN_PRIORITY <= priority <= max(most, MIN_PRIORITY):
        raise BadRequest(
            f"A job cannot have the priority {priority} on this host.", f"Give {MIN_PRIORITY} to {most}; 0 is usual."
        )


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"
