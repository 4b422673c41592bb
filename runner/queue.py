"""The jobs that wait, as the scheduling rule sees them, and what it says of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf

from runner.limits import Machine, given, host_memory
from runner.models import GpuStats, Job, Limits
from runner.scheduling import Device, Reservation, Room, Rules, Running, State, Wait, Waiting, in_order, plan
from runner.settings import Settings
from runner.store.jobs import Standing

# What a job needs besides its max_runtime and the grace of its end: to get ready and to store its output, in seconds.
_AROUND = 60.0
# Longer limits are of no use to a plan, and may be more than a float holds: a thousand years, in seconds.
_AGES = 1000 * 366 * 86400


@dataclass(frozen=True, slots=True)
class Entry:
    """A job that waits. `after` are those of the jobs before it that have not succeeded yet."""

    standing: Standing
    after: frozenset[str] = frozenset()
    paused: str = ""

    @property
    def job(self) -> Job:
        """The job."""
        return self.standing.job


class Queue:
    """What waits, on which devices; `start` says what does not wait any more."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        host = Room(host_memory(), float(os.cpu_count() or 1))
        self._rules = Rules(settings.max_running, settings.max_running_each, settings.max_gpus_each, host)
        self._devices: tuple[Device, ...] = ()
        self._entries: dict[str, Entry] = {}
        self._waits: dict[str, Wait] = {}
        self._told: dict[str, Wait] = {}
        self._reserved: Reservation | None = None

    @property
    def devices(self) -> tuple[Device, ...]:
        """All GPUs that may be given to jobs."""
        return self._devices

    @property
    def wants_gpus(self) -> bool:
        """Whether a job waits that GPUs coming free, or falling off, would matter to."""
        return any(entry.job.gpus for entry in self._entries.values())

    def see(self, gpus: Iterable[GpuStats], ours: frozenset[str]) -> None:
        """Take note of the GPUs there are now, whose processes name the jobs that they are of.

        `ours` are devices of jobs of which that cannot be told: there no process counts as somebody else's.
        """
        self._devices = tuple(
            Device(gpu.uuid, gpu.memory_total or 0, gpu.uuid not in ours and self._is_taken(gpu))
            for gpu in gpus
            if gpu.usable
        )

    def put(self, entry: Entry) -> None:
        """Let a job wait, or wait otherwise than it did."""
        self._entries[entry.job.name] = entry

    def get(self, name: str) -> Entry | None:
        """The job, if it waits."""
        return self._entries.get(name)

    def pop(self, name: str) -> Entry | None:
        """Take a job out of the queue; None if it does not wait."""
        self._waits.pop(name, None)
        self._told.pop(name, None)
        return self._entries.pop(name, None)

    def following(self, name: str) -> list[Entry]:
        """The jobs that wait for the job of this name to succeed."""
        return [entry for entry in self._entries.values() if name in entry.after]

    def line_of(self, owner: str) -> list[Entry]:
        """The waiting jobs of a person in their order."""
        line = in_order(self._seen(entry) for entry in self._entries.values() if entry.job.owner == owner)
        return [self._entries[one.name] for one in line]

    def start(self, running: Iterable[Job], now: float) -> list[Standing]:
        """The jobs that begin now, beside those that are `running`, with their devices; they wait no more."""
        seated = tuple(
            Running(
                job.name, job.owner, job.devices, job.gpu_memory, self._ends_by(job, now), self._room(job), _group(job)
            )
            for job in running
        )
        waiting = tuple(map(self._seen, self._entries.values()))
        found = plan(State(self._rules, self._devices, seated, waiting, self._reserved, now))
        self._waits, self._reserved = dict(found.waits), found.reserved
        begun = []
        for grant in found.grants:
            standing = self._entries.pop(grant.name).standing
            self._told.pop(grant.name, None)
            begun.append(replace(standing, job=self._fitted(standing.job, grant.devices)))
        return begun

    def shown(self, job: Job) -> Job:
        """The job with what it waits for, as far as it waits."""
        wait = self._waits.get(job.name)
        if wait is None:
            return job
        return replace(job, progress=wait.reason, position=wait.position, starts_by=wait.starts_by)

    def news(self) -> Sequence[Job]:
        """The jobs that wait otherwise than when this was last asked."""
        changed = [name for name, wait in self._waits.items() if self._told.get(name) != wait]
        self._told = dict(self._waits)
        return [self.shown(self._entries[name].job) for name in changed if name in self._entries]

    def _fitted(self, job: Job, devices: tuple[str, ...]) -> Job:
        """The job with its devices and limits: by the settings of now, which may not be those of its launch."""
        return replace(job, devices=devices, given=limits_of(job, self._settings))

    def _seen(self, entry: Entry) -> Waiting:
        job = entry.job
        return Waiting(
            job.name,
            job.owner,
            job.gpus,
            job.gpu_memory,
            job.priority,
            entry.standing.turn,
            job.held,
            tuple(sorted(entry.after)),
            entry.paused,
            self._longest(job),
            self._room(job),
            _group(job),
            job.max_parallel,
        )

    def _room(self, job: Job) -> Room:
        """What the launch or its machine say that the job needs; what the host gives those that say nothing is none."""
        machine = self._settings.machines.get(job.machine, Machine())
        return Room(job.limits.memory or machine.memory or 0, job.limits.cpus or machine.cpus or 0.0)

    def _longest(self, job: Job) -> float:
        limit = job.max_runtime or self._settings.max_runtime
        return inf if limit is None else min(limit, _AGES) + self._settings.stop_grace + _AROUND

    def _ends_by(self, job: Job, now: float) -> float:
        # Until it has begun its time does not count.
        return (job.started_at or now) + self._longest(job)

    def _is_taken(self, gpu: GpuStats) -> bool:
        return not self._settings.use_busy_gpus and any(
            process.computes and not process.job for process in gpu.processes or ()
        )


def _group(job: Job) -> str:
    """The name of its group among all of the host."""
    return f"{job.owner}/{job.project}/{job.group}" if job.group else ""


def limits_of(job: Job, settings: Settings) -> Limits:
    """What the job may use by the host's settings."""
    machine = settings.machines.get(job.machine)
    return given(job.executor, job.limits, *([machine.limits] if machine else []), settings.limits)
