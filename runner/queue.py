"""What runs next, and on which GPUs: first come, first served.

A job that needs no GPU does not wait behind one that waits for GPUs; among those that need some the order holds, so
that a big one is never starved by small ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.models import Job


@dataclass(frozen=True, slots=True)
class Granted:
    """A job that may start now, on these GPUs (UUIDs)."""

    name: str
    devices: tuple[str, ...]


class Queue:
    """Waiting jobs and the GPUs of those that run. `max_running` bounds how many run at once."""

    def __init__(self, max_running: int, devices: Iterable[str] = ()) -> None:
        self._max_running = max_running
        self._devices = tuple(devices)
        self._waiting: dict[str, int] = {}
        self._running: dict[str, tuple[str, ...]] = {}

    @property
    def devices(self) -> tuple[str, ...]:
        """All GPUs that may be given to jobs."""
        return self._devices

    def add(self, job: Job) -> None:
        """Let a job wait at the end."""
        self._waiting[job.name] = job.gpus

    def remove(self, job: Job) -> bool:
        """Take a job out of the queue; False if it did not wait."""
        return self._waiting.pop(job.name, None) is not None

    def occupy(self, job: Job) -> None:
        """Count a job that runs already, found at the runner's start, with its GPUs."""
        self._running[job.name] = job.devices

    def release(self, job: Job) -> None:
        """A job has ended: its place and GPUs are free."""
        self._running.pop(job.name, None)

    def holders(self) -> dict[str, tuple[str, ...]]:
        """Names of the jobs that hold each GPU."""
        held: dict[str, tuple[str, ...]] = {}
        for name, devices in self._running.items():
            for device in devices:
                held[device] = (*held.get(device, ()), name)
        return held

    def position(self, job: Job) -> int | None:
        """How many jobs wait before this one; None if it does not wait."""
        names = list(self._waiting)
        return names.index(job.name) if job.name in self._waiting else None

    def grant(self) -> list[Granted]:
        """The jobs that may start now; they count as running from here on."""
        granted: list[Granted] = []
        gpus_awaited = False
        for name, wanted in list(self._waiting.items()):
            if len(self._running) >= self._max_running:
                break
            free = self._free()
            if wanted and (gpus_awaited or wanted > len(free)):
                gpus_awaited = True
                continue
            devices = free[:wanted]
            del self._waiting[name]
            self._running[name] = devices
            granted.append(Granted(name, devices))
        return granted

    def _free(self) -> tuple[str, ...]:
        held = {device for devices in self._running.values() for device in devices}
        return tuple(device for device in self._devices if device not in held)
