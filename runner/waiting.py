"""The jobs that wait: held, moved, after others, paused before another attempt; and what they are told meanwhile.

The order and who starts is the queue's (`runner.queue`, `runner.scheduling`); this is what happens around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any

from runner.asking import check_priority
from runner.ending import reason_of_waiting, sentence
from runner.errors import BadRequest, Conflict, RunnerError
from runner.executors.usage import Place, with_jobs
from runner.gpus import Gpus
from runner.launching import Launching
from runner.life import Parts
from runner.models import Event, GpuStats, Job, JobChange, JobState, Ref
from runner.queue import Entry, Queue
from runner.retrying import seconds_left, waiting_words
from runner.scheduling import Device
from runner.store.jobs import Standing
from runner.telemetry.watch import Running
from runner.threads import within

log = logging.getLogger(__name__)
# While a job waits for GPUs: how often it is looked which there are and who else uses them, in seconds.
_LOOK = 5.0
# How long a look waits for the engine, in seconds.
_PATIENCE = 2.0
# Places in a long line change with every start: they are told at most so often, in seconds.
_QUIET = 0.5


class WaitingJobs:
    """All jobs that wait. `running` tells which jobs have a place, `measured` where the processes of each are.

    `begin` is given the jobs that start, `over` is told of those that ended without having begun.
    """

    def __init__(
        self,
        parts: Parts,
        launching: Launching,
        gpus: Gpus,
        running: Callable[[], Iterable[Job]],
        measured: Callable[[], Awaitable[Iterable[Running]]],
        begin: Callable[[Standing], None],
        over: Callable[[Job], None],
    ) -> None:
        self._parts, self._launching, self._gpus = parts, launching, gpus
        self._running, self._measured, self._begin, self._over = running, measured, begin, over
        self._queue = Queue(parts.settings)
        self._pauses: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling = asyncio.Lock()
        self._quiet: asyncio.TimerHandle | None = None
        self._news = False
        self._closing = False
        self.gpu_note = ""

    async def start(self) -> None:
        """See which GPUs there are, and go on looking."""
        await self.look()
        self._do(self._watch())

    async def close(self) -> None:
        """Start nothing more."""
        self._closing = True
        for timer in (*self._pauses.values(), *([self._quiet] if self._quiet else [])):
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def devices(self) -> tuple[Device, ...]:
        """The GPUs that jobs may have here."""
        return self._queue.devices

    def has(self, name: str) -> bool:
        """Whether the job of this name waits."""
        return self._queue.get(name) is not None

    def shown(self, job: Job) -> Job:
        """The job with its place in line and what it waits for, if it waits."""
        found = self._queue.shown(job)
        return replace(found, progress=waiting_words(job)) if job.name in self._pauses else found

    async def look(self) -> None:
        """See which GPUs there are now, and which of them other programs use."""
        places: dict[str, Place] = {}
        with contextlib.suppress(asyncio.TimeoutError):
            # An engine that hangs is not to hold up who launches.
            measured = await within(self._measured(), _PATIENCE)
            places = {one.job.name: one.place for one in measured if one.place is not None}
        stats, self.gpu_note = await asyncio.to_thread(self._sample, places)
        # Of a job that only begins, or ends, it is not known which processes are its own.
        unsure = (job for job in self._running() if job.name not in places)
        self._queue.see(stats, frozenset(uuid for job in unsure for uuid in job.devices))

    def _sample(self, places: Mapping[str, Place]) -> tuple[list[GpuStats], str]:
        stats, note = self._gpus.sample({}, anew=True)
        return [with_jobs(gpu, places) for gpu in stats], note

    # Into the queue and out of it

    def add(self, standing: Standing) -> None:
        """Let a job wait; who adds several starts what may start with `pump`."""
        job = standing.job
        wait = seconds_left(job, self._parts.settings.retry_delay)
        self._queue.put(Entry(standing, frozenset(job.after), waiting_words(job) if wait else ""))
        if wait:
            self._pauses[job.name] = asyncio.get_running_loop().call_later(wait, self._pause_over, job.name)
        if job.after:
            self._do(self._settle_after(job.name))

    def pump(self) -> None:
        """Start what may start. Without an await in it, so that nothing is started twice."""
        if self._closing:
            return
        for standing in self._queue.start(self._running(), time.time()):
            self._begin(standing)
        self._tell()

    def ended(self, job: Job) -> None:
        """A job has ended: those that were to start after it may, or never will."""
        for entry in self._queue.following(job.name):
            self._do(self._settle_after(entry.job.name))

    async def stop(self, name: str) -> Job | None:
        """End a waiting job as stopped; None if none of this name waits."""
        entry = self._queue.get(name)
        return None if entry is None else await self._end(entry, JobState.STOPPED, reason_of_waiting(entry.job))

    async def _end(self, entry: Entry, state: JobState, reason: str) -> Job:
        # At once, so that it does not start while that is written down.
        self._queue.pop(entry.job.name)
        try:
            job = await self._parts.store.transition(entry.job, state, ended_at=time.time(), reason=reason)
        except Exception:
            self._queue.put(entry)
            raise
        self._end_pause(job.name)
        self._parts.hub.publish(Event(job=job))
        self._over(job)
        self.ended(job)
        self.pump()
        return job

    # What people change

    async def change(self, job: Job, change: JobChange) -> Job:
        """Hold, release, or move a waiting job; raises `BadRequest`, or `Conflict` where it does not wait any more."""
        if change.priority is not None and change.before is not None:
            raise BadRequest("A job is moved either by a priority or before another.", "Say one of them.")
        if change.priority is not None:
            check_priority(change.priority, self._parts.settings.max_priority)
        self._waiting(job)
        if change.held is not None:
            await self._hold(job, change.held)
        if change.priority is not None:
            await self._patch(job, priority=change.priority)
        if change.before is not None:
            await self._move(job, change.before)
        self.pump()
        entry = self._queue.get(job.name)
        if entry is None:
            return await self._parts.store.find(job.owner, job.project, job.number) or job
        changed = self.shown(entry.job)
        self._parts.hub.publish(Event(job=changed))
        return changed

    def tag(self, name: str, tags: tuple[str, ...]) -> None:
        """Take over tags that were written down, if the job waits."""
        self._alter(name, tags=tags)

    async def _hold(self, job: Job, held: bool) -> None:
        if held:
            # As with an end.
            self._queue.put(_with(self._waiting(job), held=True))
        try:
            await self._patch(job, held=held)
        except Exception:
            self._alter(job.name, held=job.held)
            raise

    async def _patch(self, job: Job, **changes: Any) -> None:
        self._waiting(job)
        await self._parts.store.update(job, **changes)
        self._alter(job.name, **changes)

    async def _move(self, job: Job, before: str) -> None:
        """Put a job before another of its owner's: their places are dealt out anew, those of others stay theirs."""
        entry = self._waiting(job)
        line = [one for one in self._queue.line_of(job.owner) if one.job.name != job.name]
        target = line[0] if line and not before else None
        if before:
            ref = Ref.parse(before, job.project).with_defaults(job.owner, "projects")
            target = next((one for one in line if one.job.name == str(ref)), None)
            if target is None:
                raise Conflict(f"{before} is none of your other waiting jobs.", "Look at `floyd-tui queue`.")
        if target is None:
            return
        peers = [one for one in line if one.job.priority == target.job.priority]
        place = peers.index(target)
        peers.insert(place, entry)
        turns = sorted(one.standing.turn for one in peers)
        dealt = [
            (one, turn) for one, turn in zip(peers, turns, strict=True) if one is entry or one.standing.turn != turn
        ]
        await self._parts.store.move([(one.job, turn) for one, turn in dealt], target.job.priority)
        for one, turn in dealt:
            if (now := self._queue.get(one.job.name)) is not None:
                moved = _with(now, priority=target.job.priority)
                self._queue.put(replace(moved, standing=replace(moved.standing, turn=turn)))

    def _waiting(self, job: Job) -> Entry:
        entry = self._queue.get(job.name)
        if entry is None:
            raise Conflict(f"{job.short} does not wait any more.", "Only waiting jobs are held, released and moved.")
        return entry

    # After other jobs

    async def _settle_after(self, name: str) -> None:
        """See how the jobs stand that this one is to start after: it waits on, may start, or never will."""
        async with self._settling:
            entry = self._queue.get(name)
            if entry is None:
                return
            found = [job for one in sorted(entry.after) if (job := await self._stored(one)) is not None]
            bad = next((job for job in found if job.state.ended and job.state is not JobState.SUCCEEDED), None)
            if bad is not None:
                await self._never(name, f"It was to start after {bad.short}, which {_ended_words(bad)}.")
            else:
                await self._settled(entry, frozenset(job.name for job in found if not job.state.ended))
        self.pump()

    async def _settled(self, entry: Entry, left: frozenset[str]) -> None:
        """Note what it still waits for; nothing: what it mounts of those jobs is there from here on."""
        job = entry.job
        if not left and any(not one.tree for one in job.inputs):
            try:
                inputs = await self._launching.resolve(job)
                await self._parts.store.update(job, inputs=inputs)
            except RunnerError as error:
                await self._never(job.name, sentence(error))
                return
            self._alter(job.name, inputs=inputs)
        if (now := self._queue.get(job.name)) is not None:
            self._queue.put(replace(now, after=left))

    def _alter(self, name: str, **changes: Any) -> None:
        if (entry := self._queue.get(name)) is not None:
            self._queue.put(_with(entry, **changes))

    async def _never(self, name: str, reason: str) -> None:
        if (entry := self._queue.get(name)) is not None:
            await self._end(entry, JobState.FAILED, reason)

    async def _stored(self, name: str) -> Job | None:
        ref = Ref.parse(name)
        return await self._parts.store.find(ref.owner or "", ref.name, ref.number)

    # By and by

    def _pause_over(self, name: str) -> None:
        self._end_pause(name)
        if (entry := self._queue.get(name)) is not None:
            self._queue.put(replace(entry, paused=""))
        self.pump()

    def _end_pause(self, name: str) -> None:
        if (pause := self._pauses.pop(name, None)) is not None:
            pause.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            if self._queue.wants_gpus:
                try:
                    await self.look()
                except Exception:
                    log.exception("looking for GPUs")
                self.pump()

    def _tell(self) -> None:
        """Publish which jobs wait otherwise than before."""
        if self._quiet is not None:
            self._news = True
            return
        for job in self._queue.news():
            self._parts.hub.publish(Event(job=self.shown(job)))
        self._quiet = asyncio.get_running_loop().call_later(_QUIET, self._tell_rest)

    def _tell_rest(self) -> None:
        self._quiet = None
        if self._news:
            self._news = False
            self._tell()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("beside the queue", exc_info=error)


def _with(entry: Entry, **changes: Any) -> Entry:
    return replace(entry, standing=replace(entry.standing, job=replace(entry.job, **changes)))


def _ended_words(job: Job) -> str:
    return {JobState.LOST: "was lost", JobState.STOPPED: "was stopped", JobState.TIMED_OUT: "timed out"}.get(
        job.state, "failed"
    )
