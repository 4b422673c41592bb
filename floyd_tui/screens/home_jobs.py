"""What is known of projects and jobs, host by host: filled by their answers, kept true by their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from floyd_tui.errors import FloydError
from floyd_tui.screens.home_rows import ALL
from floyd_tui.widgets.filter_hints import METRIC
from floyd_tui.widgets.job_filter import HostJob, JobFilter, source_parts
from floyd_tui.widgets.job_order import NEWEST, JobOrder
from runner.models import Event, Job, JobState, Project

JobKey = tuple[str, str]
# What a filter may be completed with, by its key.
_VALUES: dict[str, Callable[[Job], Iterable[str]]] = {
    "project": lambda job: (job.project,),
    "tag": lambda job: job.tags,
    "env": lambda job: (job.environment,),
    "dataset": lambda job: (source_parts(given.source)[1] for given in job.inputs),
    "gpus": lambda job: (str(job.gpus),),
    "group": lambda job: (job.group,) if job.group else (),
    METRIC: lambda job: job.metrics,
}


@dataclass
class KnownJobs:
    """One host's jobs by name, and its projects with their counts.

    `seen_at` is when the host last said something, None before; `error` why it cannot be asked now.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    projects: list[Project] = field(default_factory=list)
    seen_at: float | None = None
    error: FloydError | None = None

    def take(self, projects: list[Project], jobs: Iterable[Job], now: float) -> None:
        """All that the host has: its projects and its newest jobs."""
        self.projects, self.jobs, self.seen_at, self.error = projects, {job.name: job for job in jobs}, now, None

    def add_older(self, jobs: Iterable[Job]) -> None:
        """Jobs that are not among the newest; what events told meanwhile is newer than this answer."""
        self.jobs = {job.name: job for job in jobs} | self.jobs

    def lacks(self, project: str) -> bool:
        """Whether `project` (or any) has jobs that are not known yet."""
        return self.count(project) < sum(one.jobs for one in self.projects if project in (ALL, one.name))

    def apply(self, event: Event, now: float) -> tuple[bool, bool]:
        """Take in a change; whether there was one, and whether projects count otherwise since."""
        self.seen_at = now
        if event.removed and self.jobs.pop(event.removed, None):
            return True, True
        if event.job is None:
            return False, False
        old, self.jobs[event.job.name] = self.jobs.get(event.job.name), event.job
        return True, old is None or old.state is not event.job.state

    def line(self) -> list[Job]:
        """The jobs that wait for their turn, in their order."""
        waiting = [job for job in self.jobs.values() if job.position is not None and not job.state.ended]
        return sorted(waiting, key=lambda job: job.position or 0)

    def count(self, project: str) -> int:
        """How many jobs of `project` (or of all) are known."""
        return len(self.jobs) if project == ALL else sum(job.project == project for job in self.jobs.values())


class Board:
    """The jobs of the hosts that are shown, by their hosts' names."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self.hosts = {host: KnownJobs() for host in hosts}

    def job(self, key: JobKey | None) -> HostJob | None:
        """The job of that key, if it is known."""
        host, name = key or ("", "")
        known = self.hosts.get(host)
        return HostJob(host, known.jobs[name]) if known and name in known.jobs else None

    def find(self, name: str) -> HostJob | None:
        """The job of that name on the first host that has one."""
        return next((found for host in self.hosts if (found := self.job((host, name)))), None)

    def of(self, project: str, wanted: JobFilter, now: float, order: JobOrder = NEWEST) -> list[HostJob]:
        """The jobs of `project` (or of all) that pass a filter, in `order` at the time `now`."""
        found = [
            one
            for host, known in self.hosts.items()
            for job in known.jobs.values()
            if project in (ALL, job.project) and wanted.matches(one := HostJob(host, job))
        ]
        return order.sort(found, now)

    def projects(self) -> list[Project]:
        """All hosts' projects: those of one name as one, the one last touched first."""
        merged: dict[str, Project] = {}
        for project in (project for known in self.hosts.values() for project in known.projects):
            other = merged.get(project.name)
            merged[project.name] = _together(project, other) if other else project
        return sorted(merged.values(), key=lambda project: -project.updated_at)

    def count(self, project: str) -> int:
        """How many jobs of `project` (or of all) are known."""
        return sum(known.count(project) for known in self.hosts.values())

    def active(self) -> dict[JobState, int]:
        """How many jobs run, get ready or wait, in this order; states that none is in are left out."""
        states = [job.state for known in self.hosts.values() for job in known.jobs.values() if not job.state.ended]
        order = (JobState.RUNNING, JobState.PREPARING, JobState.QUEUED)
        return {state: states.count(state) for state in order if state in states}

    def values(self, key: str) -> list[str]:
        """What there is of a filter's key among the known jobs, each once: tags, hosts, names of metrics …"""
        if key == "host":
            return list(self.hosts)
        read = _VALUES.get(key)
        jobs = (job for known in self.hosts.values() for job in known.jobs.values())
        return list(dict.fromkeys(value for job in jobs for value in read(job))) if read else []

    @property
    def seen_at(self) -> float | None:
        """When one of the hosts last said something."""
        return max((known.seen_at for known in self.hosts.values() if known.seen_at is not None), default=None)

    @property
    def errors(self) -> dict[str, FloydError]:
        """The hosts that cannot be asked now, with why."""
        return {host: known.error for host, known in self.hosts.items() if known.error}

    @property
    def away(self) -> bool:
        """Whether no host can be asked now."""
        return bool(self.hosts) and len(self.errors) == len(self.hosts)


def _together(one: Project, other: Project) -> Project:
    """Two hosts' projects of one name: what they have in all, and how the latest of either stands."""
    latest = max(one, other, key=lambda project: project.updated_at)
    return replace(latest, jobs=one.jobs + other.jobs, active=one.active + other.active)


def keys_of(jobs: Sequence[HostJob]) -> list[JobKey]:
    """What a table knows `jobs` by."""
    return [one.key for one in jobs]
