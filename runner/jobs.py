"""The jobs of this runner: launched, queued, found again after a restart, stopped, deleted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runner.ending import clear_folder, reason_of_waiting
from runner.errors import BadRequest, Conflict, NotFound, RunnerError
from runner.gpus import Gpus
from runner.launching import Launching
from runner.life import Life, Parts
from runner.logs import Growth
from runner.models import Event, Job, JobState, Launch, Metric, Project, Ref, check_name
from runner.queue import Queue
from runner.retrying import seconds_left, waiting_words
from runner.store.datasets import near
from runner.store.disk import remove_tree
from runner.store.jobs import Standing
from runner.telemetry.watch import Running
from runner.threads import to_the_end

log = logging.getLogger(__name__)
# How long a deletion waits for the end of a job's clearing up, in seconds.
_CLEARING = 20.0


class Jobs:
    """All jobs, live ones as tasks. Every method that takes a `caller` shows and changes that person's only."""

    def __init__(self, parts: Parts, launching: Launching, gpus: Gpus) -> None:
        self._parts = parts
        self._store = parts.store
        self._launching = launching
        self._gpus = gpus
        self._gpu_note = ""
        self._queue = Queue(parts.settings.max_running)
        self._queued: dict[str, Standing] = {}
        self._pauses: dict[str, asyncio.TimerHandle] = {}
        self._growths: dict[str, Growth] = {}
        self._lives: dict[str, Life] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    async def start(self) -> None:
        """Take up what an earlier runner left: follow what runs, settle what ended, queue what waits."""
        stats, self._gpu_note = await asyncio.to_thread(self._gpus.sample, {})
        self._queue = Queue(self._parts.settings.max_running, [gpu.uuid for gpu in stats])
        active = await self._store.active()
        await self._sweep(frozenset(standing.job.name for standing in active))
        for standing in active:
            await self._take_up(standing)
        self._pump()

    async def close(self) -> None:
        """Let go of all jobs; they run on and are taken up at the next start."""
        self._closing = True
        for pause in self._pauses.values():
            pause.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the API asks

    async def launch(self, launch: Launch, caller: str) -> Job:
        """Check a launch, store it as a job and queue it; raises what `Launching.check` does.

        One whose key has made a job already is answered with that: its sender never saw the answer.
        """
        before = await self._store.launched(caller, launch.key)
        if before is not None:
            return self._now(before)
        wanted = await self.check(launch, caller)
        job, made = await self._store.create(wanted, launch.key)
        if made:
            self._enqueue(Standing(job, None, 0))
            self._parts.hub.publish(Event(job=job))
            self._pump()
        return self._now(job)

    async def check(self, launch: Launch, caller: str) -> Job:
        """The job that a launch would make, still without a number; raises what `Launching.check` does."""
        return await self._launching.check(launch, caller, len(self._queue.devices), self._gpu_note)

    async def get(self, name: str, caller: str) -> Job:
        """The job that `name` refers to, a project's latest where it has no number; raises `NotFound` with a hint."""
        ref = Ref.parse(name).with_defaults(caller, "projects")
        if ref.kind != "projects" or ref.path:
            raise BadRequest(f"{name!r} is not a job.", "Write PROJECT/NUMBER, or PROJECT for its latest job.")
        job = await self._store.find(caller, ref.name, ref.number) if ref.owner == caller else None
        if job is None:
            raise await self._nothing(ref, caller)
        return self._now(job)

    async def select(
        self, caller: str, project: str | None, states: Sequence[JobState], limit: int | None
    ) -> list[Job]:
        """The caller's jobs, newest first; a project without any may be one that is yet to be made."""
        if project is not None:
            ref = Ref.parse(project).with_defaults(caller, "projects")
            if ref.owner != caller:
                raise await self._nothing(ref, caller)
            project = ref.name
        return [self._now(job) for job in await self._store.select(caller, project, states, limit)]

    async def stop(self, name: str, caller: str) -> Job:
        """Ask a job to end; one that waits is stopped at once, one that has ended stays as it is."""
        job = await self.get(name, caller)
        if self._queued.pop(job.name, None) is not None:
            self._queue.remove(job)
            self._end_pause(job.name)
            growth = self._growths.pop(job.name)
            stopped = {"ended_at": time.time(), "reason": reason_of_waiting(job)}
            job = await self._store.transition(job, JobState.STOPPED, **stopped)
            self._parts.hub.publish(Event(job=job))
            growth.end()
        elif (life := self._lives.get(job.name)) is not None:
            await life.end(JobState.STOPPED)
            job = life.snapshot()
        return job

    async def delete(self, name: str, caller: str) -> None:
        """Remove an ended job with its log and output; raises `Conflict` while it is active."""
        if Ref.parse(name).number is None:
            raise BadRequest(f"{name!r} names no job to delete.", "Give its number: PROJECT/NUMBER.")
        job = await self.get(name, caller)
        if not job.state.ended:
            raise Conflict(f"{job.short} is still {job.state}.", f"Stop it first: floyd-tui stop {job.short}")
        # Its end is told before its folder is cleared up: two at that would get in each other's way.
        if (task := self._tasks.get(job.name)) is not None:
            await asyncio.wait({task}, timeout=_CLEARING)
            if not task.done():
                raise Conflict(f"{job.short} is still being cleared up.", "Is the host's Docker Engine running?")
        # The folder first: cut off in between, the job can be deleted once more.
        await to_the_end(lambda: remove_tree(self.folder(job)))
        await self._store.delete(job)
        self._parts.hub.publish(Event(removed=job.name))

    async def metrics(self, name: str, caller: str, after: int) -> list[Metric]:
        """A job's points in the order they came, without the first `after`."""
        return await self._store.metrics(await self.get(name, caller), max(0, after))

    async def projects(self, caller: str) -> list[Project]:
        """The caller's projects, the one last touched first."""
        return await self._store.projects(caller)

    async def create_project(self, name: str, caller: str, description: str) -> Project:
        """Make a project unless it is there already."""
        return await self._store.ensure_project(caller, check_name(name, "project name"), description)

    # What the rest of the runner asks

    def folder(self, job: Job) -> Path:
        """The job's folder."""
        return self._parts.settings.job_dir(job.owner, job.project, job.number)

    def growth(self, job: Job) -> Growth | None:
        """How far the log of a job that has not ended was seen; None once it has ended, and the log is whole."""
        growth = self._growths.get(job.name)
        return growth if growth is not None and not growth.ended else None

    async def reload(self, job: Job) -> Job:
        """The job as it is stored now."""
        return await self._store.find(job.owner, job.project, job.number) or job

    def gpu_holders(self) -> dict[str, tuple[str, ...]]:
        """Which jobs hold each GPU."""
        return self._queue.holders()

    async def running(self) -> list[Running]:
        """The jobs that run just now, for those who measure them."""
        lives = [life for life in self._lives.values() if life.job.state is JobState.RUNNING]
        return list(await asyncio.gather(*(life.running() for life in lives)))

    # The queue

    def _enqueue(self, standing: Standing) -> None:
        job = standing.job
        self._growths.setdefault(job.name, Growth())
        if standing.ending is not None:
            # Told to end just before it would have begun: it will not.
            self._begin(standing)
            return
        self._queued[job.name] = standing
        wait = seconds_left(job, self._parts.settings.retry_delay)
        if wait:
            self._pauses[job.name] = asyncio.get_running_loop().call_later(wait, self._pause_over, job)
        else:
            self._queue.add(job)

    def _pause_over(self, job: Job) -> None:
        self._end_pause(job.name)
        self._queue.add(job)
        self._pump()

    def _end_pause(self, name: str) -> None:
        if (pause := self._pauses.pop(name, None)) is not None:
            pause.cancel()

    def _pump(self) -> None:
        """Start what may start. Without an await in it, so that nothing is started twice."""
        for granted in () if self._closing else self._queue.grant():
            standing = self._queued.pop(granted.name)
            self._begin(replace(standing, job=replace(standing.job, devices=granted.devices)))

    def _begin(self, standing: Standing) -> None:
        name = standing.job.name
        life = self._lives[name] = Life(standing, self._parts, self._growths[name])
        task = self._tasks[name] = asyncio.create_task(life.run(), name=name)
        task.add_done_callback(lambda done: self._over(name, done))

    def _over(self, name: str, done: asyncio.Task[None]) -> None:
        life = self._lives.pop(name)
        del self._tasks[name]
        self._queue.release(life.job)
        if life.job.state.ended:
            del self._growths[name]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("%s: its task broke off", name, exc_info=error)
        elif life.job.state is JobState.QUEUED and not self._closing:
            self._enqueue(life.stored)
        self._pump()

    def _now(self, job: Job) -> Job:
        if (life := self._lives.get(job.name)) is not None:
            return life.snapshot()
        return replace(job, progress=self._waits_for(job)) if job.name in self._queued else job

    def _waits_for(self, job: Job) -> str:
        if job.name in self._pauses:
            return waiting_words(job)
        before = self._queue.position(job)
        if before:
            return f"waiting behind {before} other{'s' if before > 1 else ''}"
        return "waiting for free GPUs" if job.gpus else "waiting for a free place"

    # After a restart

    async def _take_up(self, standing: Standing) -> None:
        job = standing.job
        if job.state is not JobState.QUEUED:
            self._queue.occupy(job)
            self._growths[job.name] = Growth()
            self._begin(standing)
        else:
            self._enqueue(standing)

    async def _sweep(self, active: frozenset[str]) -> None:
        """Remove what a crash between a job's end and its clearing up left."""
        await asyncio.to_thread(_sweep_folders, self._parts.settings.jobs, active)
        if "docker" in self._parts.executors.offered:
            with contextlib.suppress(RunnerError):
                await self._parts.executors.docker.sweep(active)

    async def _nothing(self, ref: Ref, caller: str) -> NotFound:
        names = await self._store.project_names(caller) if ref.owner == caller else []
        if ref.name in names and (latest := await self._store.find(caller, ref.name)) is not None:
            return NotFound(f"There is no job {ref.name}/{ref.number}.", f"The latest is {latest.short}.")
        if ref.name in names:
            return NotFound(f"Project {ref.name} has no job yet.", "Launch one with `floyd-tui run`.")
        what = ref.name if ref.owner == caller else f"{ref.owner}/projects/{ref.name}"
        return NotFound(f"There is no project {what} here.", near(ref.name, names) or "Look at `floyd-tui status`.")


def _sweep_folders(jobs: Path, active: frozenset[str]) -> None:
    for folder in jobs.glob("*/*/*"):
        owner, project, number = folder.parts[-3:]
        if f"{owner}/projects/{project}/{number}" not in active:
            clear_folder(folder)
