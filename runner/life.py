"""One job's life, from preparing its folder to settling its end: a task to be cut off anywhere and taken up again.

Each step may be done twice. What runs is found again by the job's name, so nothing runs twice; what ended tells its
true exit code; the job's state goes on only in the database, one transaction a step.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.clock import Mark, true_start
from runner.ending import BEGAN_FILE, clear_folder, final_state, keep_home, reason_of, sentence
from runner.environments import Environments
from runner.errors import NoSpace, RunnerError, Unavailable
from runner.events import Hub
from runner.executors import Executors
from runner.executors.base import Away, Ended, Identity, Standing, Task
from runner.giving import give
from runner.logs import Growth, size_of
from runner.logtail import LogTail
from runner.models import Event, Job, JobState
from runner.output import Collected, Outputs
from runner.preparing import lay_out_inputs, make_home
from runner.retrying import delay_before, for_another, wants_another
from runner.settings import Settings
from runner.store.jobs import JobStore
from runner.store.jobs import Standing as Stored
from runner.store.secrets import Secrets
from runner.store.trees import Trees
from runner.telemetry.watch import Running
from runner.threads import to_the_end, until_cancelled, within

log = logging.getLogger(__name__)
_RETRY = 1.0
_FULL_DISK_RETRY = 10.0
_STUMBLE_RETRY = 5.0
# For so long an engine may keep the gauges waiting, in seconds.
_PATIENCE = 2.0
_GONE = "What ran it was gone when the runner or its engine came back, and with it the exit code."


@dataclass(frozen=True, slots=True)
class Parts:
    """What a life is made of; the same for all jobs."""

    settings: Settings
    store: JobStore
    trees: Trees
    outputs: Outputs
    environments: Environments
    executors: Executors
    hub: Hub
    secrets: Secrets


class Life:
    """One live job. `job` is how it stands; `ending` how it is to end, once somebody asked for that."""

    def __init__(self, stored: Stored, parts: Parts, growth: Growth) -> None:
        job = self.job = stored.job
        self._parts = parts
        self._growth = growth
        self._executor = parts.executors.of(job.executor)
        self.folder = parts.settings.job_dir(job.owner, job.project, job.number)
        self._ending = stored.ending
        self._told_to_end = asyncio.Event()
        if self._ending is not None:
            self._told_to_end.set()
        self._parsed = stored.parsed
        self._turn = stored.turn
        self._progress = ""
        paths = parts.settings.host_paths
        self._task = Task(job, self.folder, Identity.of(job.owner), job.given, host_paths=paths)

    def snapshot(self) -> Job:
        """The job as it is just now, with what is not worth a transaction: its progress and the size of its log."""
        return replace(self.job, progress=self._progress, log_size=size_of(self._task.log))

    def tag(self, tags: tuple[str, ...]) -> None:
        """Take over tags that were written down."""
        self.job = replace(self.job, tags=tags)

    @property
    def _began(self) -> Path:
        return self.folder / BEGAN_FILE

    def _elapsed(self) -> float:
        """Seconds since the attempt began, whatever was done to the clock meanwhile."""
        began = Mark.read(self._began)
        elapsed = began.elapsed() if began is not None else None
        return max(0.0, time.time() - (self.job.started_at or time.time())) if elapsed is None else elapsed

    @property
    def stored(self) -> Stored:
        """The job with what the database knows of it besides, for the life of its next attempt."""
        return Stored(self.job, self._ending, self._parsed, self._turn)

    @property
    def _max_runtime(self) -> int | None:
        return self.job.max_runtime or self._parts.settings.max_runtime

    async def running(self) -> Running:
        """The running job for those who measure it."""
        place = None
        with contextlib.suppress(Unavailable, asyncio.TimeoutError):
            place = await within(self._executor.place(self._task), _PATIENCE)
        return Running(self.job, self.folder, self._task.limits, place, lambda why: self.end(JobState.STOPPED, why))

    async def end(self, state: JobState, reason: str = "") -> None:
        """Ask the job to end as `state` (stopped or timed out), durably, so that a crash does not forget it.

        `reason` is the sentence that its end tells, where the state alone does not say why.
        """
        if self._ending is None:
            self.job = replace(self.job, reason=reason)
        try:
            self._ending = await self._parts.store.ask_end(self.job, state, reason)
        except NoSpace as error:
            # Ending jobs is what makes room.
            log.error("%s: %s", self.job.name, error.detail)
            self._ending = self._ending or state
        self._told_to_end.set()

    async def run(self) -> None:
        """Live to the end. Cancelling leaves everything to be taken up again."""
        while True:
            try:
                ended = await self._live()
                break
            except Away as error:
                await self._say(f"{error.detail} {error.hint}")
                await asyncio.sleep(_RETRY)
            except Exception as error:
                if not isinstance(error, RunnerError):
                    log.exception("%s stumbled", self.job.name)
                if self.job.state is not JobState.RUNNING:
                    ended = Ended(None, reason=sentence(error))
                    break
                # The command is not to suffer for what befalls the runner.
                await asyncio.sleep(_STUMBLE_RETRY)
        await self._settle_surely(ended)

    # Getting it to run

    async def _live(self) -> Ended:
        # Also for a job that is taken up again: it is root's processes that are to be ended, and files given back.
        self._task = replace(self._task, as_root=self._needs_root())
        standing = Standing.ABSENT
        if self.job.state is JobState.QUEUED:
            if self.job.attempts and await self._standing() is not Standing.ABSENT:
                # A crash left the attempt before there; this one must not be taken for it.
                await self._executor.remove(self._task)
            await self._become(JobState.PREPARING, devices=self.job.devices, given=self.job.given, retry_at=None)
        else:
            standing = await self._standing()
        fresh = self.job.state is JobState.PREPARING and standing in (Standing.ABSENT, Standing.READY)
        if fresh:
            if not await self._unless_told_to_end(self._prepare()):
                return Ended(None)
            await self._say("starting")
            Mark.now().write(self._began)
            await self._executor.start(self._task)
        if self.job.state is JobState.PREPARING:
            # In this order: a moment that passes in between must not let it begin before it was asked for.
            elapsed = self._elapsed()
            await self._become(JobState.RUNNING, started_at=time.time() - elapsed, image=self.job.image)
        if not fresh and standing not in (Standing.RUNNING, Standing.ENDED):
            return Ended(None, reason=_GONE)
        return await self._accompany()

    async def _standing(self) -> Standing:
        """How the executor finds the job, waiting for an engine that is down: without an answer nothing may be done."""
        while (standing := await self._ask_standing()) is None:  # noqa: ASYNC110 (an engine sets no asyncio.Event)
            await asyncio.sleep(_RETRY)
        return standing

    async def _ask_standing(self) -> Standing | None:
        try:
            return await self._executor.standing(self._task)
        except Unavailable as error:
            await self._say(f"{error.detail} {error.hint}")
            return None

    async def _unless_told_to_end(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`, but break it off when the job is told to end; returns whether it was done."""
        doing = asyncio.ensure_future(work)
        told = asyncio.ensure_future(self._told_to_end.wait())
        try:
            await asyncio.wait((doing, told), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
            return doing.done()
        finally:
            told.cancel()
            doing.cancel()
            await asyncio.wait((doing,))

    async def _prepare(self) -> None:
        await self._executor.remove(self._task)
        await self._say("copying the code")
        await until_cancelled(lambda check: make_home(self._task, self._parts.trees, check))
        if self.job.inputs:
            await self._say("mounting the inputs")
        inputs = await until_cancelled(lambda check: lay_out_inputs(self.job, self._parts.trees, check))
        await to_the_end(self._give_secrets)
        self._task = replace(self._task, inputs=inputs, env=self.job.env)
        await self._say("preparing the environment")
        image = await self._executor.prepare(self._task, self._say)
        self.job = replace(self.job, image=image)
        self._task = replace(self._task, job=self.job)

    def _give_secrets(self) -> None:
        if self.job.secrets:
            job = self.job
            give(self._task, self._parts.secrets.values(job.owner, job.project, job.secrets))

    def _needs_root(self) -> bool:
        if self.job.executor != "docker":
            return False
        known = self._parts.environments.all().get(self.job.environment)
        return known is not None and known.user == "root"

    # While it runs

    async def _accompany(self) -> Ended:
        await self._say("")
        tail = LogTail(self._parts.store, self.job, self._task.log, self._growth, self._parsed, self._on_stored)
        reading = asyncio.create_task(tail.run())
        helpers = [asyncio.create_task(self._end_in_time()), asyncio.create_task(self._obey())]
        try:
            ended = await self._executor.wait(self._task)
            # Told from here on, it has ended by itself.
            for helper in helpers:
                helper.cancel()
            await self._surely(lambda: tail.finish(reading))
            self._parsed = tail.parsed
            return ended
        finally:
            for helper in (*helpers, reading):
                helper.cancel()
            for outcome in await asyncio.gather(*helpers, reading, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("beside %s", self.job.name, exc_info=outcome)

    def _on_stored(self, job: Job) -> None:
        self.job = replace(self.job, metrics=job.metrics)
        self._publish()

    async def _end_in_time(self) -> None:
        if self._max_runtime is not None:
            await asyncio.sleep(max(0.0, self._max_runtime - self._elapsed()))
            await self.end(JobState.TIMED_OUT)

    async def _obey(self) -> None:
        """Once the job is told to end: ask its processes to, and after the grace kill them."""
        await self._told_to_end.wait()
        kill_at = time.monotonic() + self._parts.settings.stop_grace
        with contextlib.suppress(asyncio.TimeoutError, RunnerError):
            await within(self._executor.terminate(self._task), self._parts.settings.stop_grace)
        await asyncio.sleep(max(0.0, kill_at - time.monotonic()))
        while True:
            with contextlib.suppress(RunnerError):
                await self._executor.kill(self._task)
            await asyncio.sleep(_RETRY)

    # Its end

    async def _settle_surely(self, ended: Ended) -> None:
        await self._surely(lambda: self._settle(ended))
        try:
            await self._surely(lambda: self._executor.remove(self._task))
            await to_the_end(lambda: clear_folder(self.folder))
        except (RunnerError, OSError) as error:
            # The next start sweeps it up.
            log.warning("clearing up after %s: %s", self.job.name, error)

    async def _settle(self, ended: Ended) -> None:
        # It may have begun just when it was told not to.
        if self.job.state is JobState.PREPARING:
            try:
                await self._executor.remove(self._task)
            except Away:
                raise
            except Unavailable as error:
                # One that may not even be asked has made nothing of it.
                log.warning("clearing up after %s: %s", self.job.name, error.detail)
        collected, trouble = Collected(None), ""
        if self.job.state is JobState.RUNNING:
            await self._say("storing the output")
            collected, trouble = await self._collect()
        state = final_state(self.job.state, self._ending, ended)
        self._progress = ""
        end = self._end(state, ended, collected, trouble)
        if wants_another(self.job, state, ended):
            if await self._tries_again(state, end):
                return
            # Told to end at the last moment.
            state = final_state(self.job.state, self._ending, ended)
            end = self._end(state, ended, collected, trouble)
        await self._become(state, **end)

    async def _tries_again(self, state: JobState, end: dict[str, Any]) -> bool:
        """Queue the job for its next attempt; False if it was told to end meanwhile."""
        delay = delay_before(self.job.attempt + 1, self._parts.settings.retry_delay)
        again = await self._parts.store.try_again(self.job, **for_another(self.job, state, end, delay))
        if again is None:
            self._ending = await self._parts.store.ask_end(self.job, JobState.STOPPED)
            return False
        self._is_now(again)
        return True

    def _end(self, state: JobState, ended: Ended, collected: Collected, trouble: str) -> dict[str, Any]:
        """The fields of the job that tell how it ended as `state`."""
        started_at, ended_at = self.job.started_at, ended.ended_at or time.time()
        if started_at is not None:
            started_at = true_start(Mark.read(self._began), started_at, ended_at)
        return {
            "exit_code": ended.exit_code,
            "started_at": started_at,
            "ended_at": ended_at,
            "reason": " ".join(filter(None, (reason_of(state, self.job, ended, self._max_runtime), trouble))),
            "output": collected.tree,
            "output_files": collected.files,
            "output_size": collected.size,
            "log_size": size_of(self._task.log),
        }

    async def _collect(self) -> tuple[Collected, str]:
        """Store the output; where that fails the home is kept, and the second answer says where."""
        try:
            await self._executor.give_back(self._task)
            collected = await self._parts.outputs.collect(self._task.home, self.job.code, self.job.owner)
        except Away:
            raise
        except (RunnerError, OSError) as error:
            log.error("the output of %s could not be stored: %s", self.job.name, error)
            kept = await to_the_end(lambda: keep_home(self.folder))
            return Collected(None), f"Its output could not be stored ({error}) and lies in {kept} on the host."
        if not collected.skipped:
            return collected, ""
        return collected, f"{len(collected.skipped)} files could not be read, {collected.skipped[0]!r} among them."

    # Telling

    async def _become(self, state: JobState, **changes: Any) -> None:
        self._is_now(await self._parts.store.transition(self.job, state, **changes))
        if state.ended:
            self._growth.end()

    def _is_now(self, job: Job) -> None:
        self.job = job
        self._task = replace(self._task, job=job)
        self._publish()

    async def _say(self, progress: str) -> None:
        if progress != self._progress:
            self._progress = progress
            self._publish()

    def _publish(self) -> None:
        self._parts.hub.publish(Event(job=self.snapshot()))

    async def _surely(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do `work`, again and again while the disk is full or the engine away: it is what must not be left undone."""
        while (pause := await self._undone(work)) is not None:  # noqa: ASYNC110 (neither sets an asyncio.Event)
            await asyncio.sleep(pause)

    async def _undone(self, work: Callable[[], Awaitable[object]]) -> float | None:
        """Try `work`; None if it is done, else the seconds after which to try again."""
        try:
            await work()
        except (NoSpace, Away) as error:
            log.warning("%s: %s", self.job.name, error.detail)
            if not self.job.state.ended:
                await self._say(error.detail)
            return _FULL_DISK_RETRY if isinstance(error, NoSpace) else _RETRY
        return None
