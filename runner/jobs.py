"""The jobs of this runner: launched, queued, found again after a restart, stopped, deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from runner.errors import BadRequest, Conflict, NotFound
from runner.gpus import Gpus
from runner.launching import Launching
from runner.life import Life, Parts
from runner.logs import Growth
from runner.models import Curve, Event, Job, JobChange, JobState, Launch, Metric, Project, Ref, check_name
from runner.store.datasets import near
from runner.store.jobs import Standing
from runner.sweeping import Sweeper
from runner.telemetry.watch import Running
from runner.waiting import WaitingJobs

log = logging.getLogger(__name__)
# How long a deletion waits for the end of a job's clearing up, in seconds.
_CLEARING = 20.0


class Jobs:
    """All jobs, live ones as tasks. Every method that takes a `caller` shows and changes that person's only."""

    def __init__(self, parts: Parts, launching: Launching, gpus: Gpus) -> None:
        self._parts = parts
        self._store = parts.store
        self._launching = launching
        self._sweeper = Sweeper(parts.settings.jobs, parts.executors, parts.store)
        self._waiting = WaitingJobs(parts, launching, gpus, self._running, self.running, self._begin, self._never_began)
        self._growths: dict[str, Growth] = {}
        self._lives: dict[str, Life] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    async def start(self) -> None:
        """Take up what an earlier runner left: follow what runs, settle what ended, queue what waits."""
        active = await self._store.active()
        await self._sweeper.start(frozenset(standing.job.name for standing in active))
        for standing in active:
            self._take_up(standing)
        await self._waiting.start()
        self._waiting.pump()

    async def close(self) -> None:
        """Let go of all jobs; they run on and are taken up at the next start."""
        self._closing = True
        await self._sweeper.close()
        await self._waiting.close()
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
            self._enqueue(await self._store.standing(job))
            self._parts.hub.publish(Event(job=job))
            self._waiting.pump()
        return self._now(job)

    async def check(self, launch: Launch, caller: str) -> Job:
        """The job that a launch would make, still without a number; raises what `Launching.check` does."""
        if launch.gpus or launch.gpu_memory or launch.machine:
            await self._waiting.look()
        return await self._launching.check(launch, caller, self._waiting.devices, self._waiting.gpu_note)

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
        self,
        caller: str,
        project: str | None,
        states: Sequence[JobState],
        limit: int | None,
        text: str = "",
        offset: int = 0,
        group: str = "",
    ) -> list[Job]:
        """The caller's jobs, newest first, that have each word of `text`, without the first `offset` of them.

        A project without any may be one that is yet to be made.
        """
        if project is not None:
            ref = Ref.parse(project).with_defaults(caller, "projects")
            if ref.owner != caller:
                raise await self._nothing(ref, caller)
            project = ref.name
        return [self._now(job) for job in await self._store.select(caller, project, states, limit, text, offset, group)]

    async def stop(self, name: str, caller: str) -> Job:
        """Ask a job to end; one that waits is stopped at once, one that has ended stays as it is."""
        job = await self.get(name, caller)
        if (stopped := await self._waiting.stop(job.name)) is not None:
            return stopped
        if (life := self._lives.get(job.name)) is not None:
            await life.end(JobState.STOPPED)
            job = life.snapshot()
        return job

    async def change(self, name: str, change: JobChange, caller: str) -> Job:
        """Give a job other tags, or hold, release or move one that waits; raises as `WaitingJobs.change`."""
        job = await self.get(name, caller)
        if change.tags is None:
            return await self._waiting.change(job, change)
        if change != JobChange(tags=change.tags):
            raise BadRequest("Tags are not changed together with a job's place.", "Ask for one after the other.")
        return await self._tag(job, tuple(dict.fromkeys(check_name(tag, "tag") for tag in change.tags)))

    async def _tag(self, job: Job, tags: tuple[str, ...]) -> Job:
        """Write the tags down, then tell them to whoever holds the job, and to all."""
        stored = await self._store.tag(job, tags)
        self._waiting.tag(job.name, tags)
        if (life := self._lives.get(job.name)) is not None:
            life.tag(tags)
        changed = self._now(stored)
        self._parts.hub.publish(Event(job=changed))
        return changed

    async def delete(self, name: str, caller: str) -> None:
        """Put an ended job, with its log and output, into the trash; raises `Conflict` while it is active."""
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
        await self._store.delete(job)
        self._parts.hub.publish(Event(removed=job.name))

    async def restored(self, name: str, caller: str) -> None:
        """Tell that a job is there again which was in the trash."""
        self._parts.hub.publish(Event(job=await self.get(name, caller)))

    async def metrics(self, name: str, caller: str, after: int) -> list[Metric]:
        """A job's points in the order they came, without the first `after`; negative: so many of the last."""
        return await self._store.metrics(await self.get(name, caller), after)

    async def curves(self, names: Sequence[str], caller: str, metric: str, points: int) -> list[Curve]:
        """The curve of `metric`, or of what tells most, of each of the caller's jobs that has one."""
        return await self._store.curves(caller, names, metric, points)

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
        held: dict[str, tuple[str, ...]] = {}
        for job in self._running():
            for device in job.devices:
                held[device] = (*held.get(device, ()), job.name)
        return held

    async def running(self) -> list[Running]:
        """The jobs that run just now, for those who measure them."""
        lives = [life for life in self._lives.values() if life.job.state is JobState.RUNNING]
        return list(await asyncio.gather(*(life.running() for life in lives)))

    # Waiting and running

    def _running(self) -> list[Job]:
        """The jobs that have a place."""
        return [life.job for life in self._lives.values()]

    def _enqueue(self, standing: Standing) -> None:
        self._growths.setdefault(standing.job.name, Growth())
        if standing.ending is not None:
            # Told to end just before it would have begun: it will not.
            self._begin(standing)
        else:
            self._waiting.add(standing)

    def _begin(self, standing: Standing) -> None:
        name = standing.job.name
        life = self._lives[name] = Life(standing, self._parts, self._growths[name])
        task = self._tasks[name] = asyncio.create_task(life.run(), name=name)
        task.add_done_callback(lambda done: self._over(name, done))

    def _over(self, name: str, done: asyncio.Task[None]) -> None:
        life = self._lives.pop(name)
        del self._tasks[name]
        if life.job.state.ended:
            del self._growths[name]
            self._waiting.ended(life.job)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("%s: its task broke off", name, exc_info=error)
        elif life.job.state is JobState.QUEUED and not self._closing:
            self._enqueue(life.stored)
        self._waiting.pump()

    def _never_began(self, job: Job) -> None:
        self._growths.pop(job.name).end()

    def _now(self, job: Job) -> Job:
        life = self._lives.get(job.name)
        return life.snapshot() if life is not None else self._waiting.shown(job)

    # After a restart

    def _take_up(self, standing: Standing) -> None:
        if standing.job.state is not JobState.QUEUED:
            self._growths[standing.job.name] = Growth()
            self._begin(standing)
        else:
            self._enqueue(standing)

    async def _nothing(self, ref: Ref, caller: str) -> NotFound:
        names = await self._store.project_names(caller) if ref.owner == caller else []
        if ref.name in names and (latest := await self._store.find(caller, ref.name)) is not None:
            return NotFound(f"There is no job {ref.name}/{ref.number}.", f"The latest is {latest.short}.")
        if ref.name in names:
            return NotFound(f"Project {ref.name} has no job yet.", "Launch one with `floyd-tui run`.")
        what = ref.name if ref.owner == caller else f"{ref.owner}/projects/{ref.name}"
        return NotFound(f"There is no project {what} here.", near(ref.name, names) or "Look at `floyd-tui status`.")
