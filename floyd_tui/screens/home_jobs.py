"""What is known of a host's projects and jobs: filled by its answers, kept true by its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from floyd_tui.screens.home_rows import ALL
from floyd_tui.widgets.job_filter import JobFilter
from runner.models import Event, Job, JobState, Project


@dataclass
class KnownJobs:
    """Jobs by name, and projects with their counts. `seen_at` is when the host last said something, None before."""

    jobs: dict[str, Job] = field(default_factory=dict)
    projects: list[Project] = field(default_factory=list)
    seen_at: float | None = None

    def take(self, projects: list[Project], jobs: Iterable[Job], now: float) -> None:
        """All that the host has: its projects and its newest jobs."""
        self.projects, self.jobs, self.seen_at = projects, {job.name: job for job in jobs}, now

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

    def of(self, project: str, wanted: JobFilter) -> list[Job]:
        """The jobs of `project` (or of all) that pass a filter: what waits in its order, the others newest first."""
        jobs = [job for job in self.jobs.values() if project in (ALL, job.project) and wanted.matches(job)]
        return sorted(jobs, key=_place)

    def line(self) -> list[Job]:
        """The jobs that wait for their turn, in their order."""
        return [job for job in sorted(self.jobs.values(), key=_place) if job.position is not None]

    def count(self, project: str) -> int:
        """How many jobs of `project` (or of all) are known."""
        return sum(project in (ALL, job.project) for job in self.jobs.values())

    def active(self) -> dict[JobState, int]:
        """How many jobs run, get ready or wait, in this order; states that none is in are left out."""
        states = [job.state for job in self.jobs.values()]
        order = (JobState.RUNNING, JobState.PREPARING, JobState.QUEUED)
        return {state: states.count(state) for state in order if state in states}


def _place(job: Job) -> tuple[bool, bool, int, float, int]:
    waits = job.state is JobState.QUEUED
    return (not waits, waits and job.held, (job.position or 0) if waits else 0, -job.created_at, -job.number)
