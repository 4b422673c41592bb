"""One job's life, from preparing its folder to settling its end: a task that can be cut off anywhere and taken up again.

Each step may be done twice. What runs is found again by the job's name, so nothing runs twice; what ended tells its true
exit code; the job's state goes on only in the database, one transaction a step.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.environments import Environments
from runner.errors import NoSpace, RunnerError, Unavailable
from runner.events import Hub
from runner.executors import Executors
from runner.executors.base import Ended, Identity, Mounted, Standing, Task
from runner.logs import TIMES_FILE, size_of
from runner.logtail import LogTail
from runner.models import EMPTY_TREE, Event, Job, JobState, JobStats, Limits
from runner.output import OUTPUT_FOLDER, Collected, Outputs
from runner.settings import Settings
from runner.store.disk import remove_tree
from runner.store.jobs import JobStore
from runner.store.trees import Trees
from runner.threads import to_the_end

log = logging.getLogger(__name__)
# Where a home is kept whose output could not be stored.
UNSAVED = "unsaved"
_RETRY = 1.0
_FULL_DISK_RETRY = 10.0
_STUMBLE_RETRY = 5.0
_REASONS = {
    126: "The command could not be executed (exit code 126): is the file executable?",
    127: "The shell did not find the command (exit code 127).",
}


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


class Life:
    """One live job. `job` is how it stands; `ending` how it is to end, once somebody asked for that."""

    def __init__(self, job: Job, parts: Parts, ending: JobState | None = None, parsed: int = 0) -> None:
        self.job = job
        self._parts = parts
        self._executor = parts.executors.of(job.executor)
        self.folder = parts.settings.job_dir(job.owner, job.project, job.number)
        self._ending = ending
        self._told_to_end = asyncio.Event()
        if ending is not None:
            self._told_to_end.set()
        self._parsed = parsed
        self._progress = ""
        self._task = Task(job, self.folder, Identity.of(job.owner), _limits(job.limits, parts.settings.limits))

    def snapshot(self) -> Job:
        """The job as it is just now, with what is not worth a transaction: its progress and the size of its log."""
        return replace(self.job, progress=self._progress, log_size=size_of(self._task.log))

    async def stats(self) -> JobStats:
        """What the running job uses; raises `Unavailable`."""
        return await self._executor.stats(self._task)

    async def end(self, state: JobState) -> None:
        """Ask the job to end as `state` (stopped or timed out); durable, so that a crash does not forget it."""
        try:
            self._ending = await self._parts.store.ask_end(self.job, state)
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
            except Exception as error:
                if not isinstance(error, RunnerError):
                    log.exception("%s stumbled", self.job.name)
                if self.job.state is not JobState.RUNNING:
                    ended = Ended(None, reason=_sentence(error))
                    break
                # The command is not to suffer for what befalls the runner.
                await asyncio.sleep(_STUMBLE_RETRY)
        await self._settle_surely(ended)

    # Getting it to run

    async def _live(self) -> Ended:
        standing = Standing.ABSENT
        if self.job.state is JobState.QUEUED:
            await self._become(JobState.PREPARING, devices=self.job.devices)
        else:
            standing = await self._standing()
        fresh = self.job.state is JobState.PREPARING and standing in (Standing.ABSENT, Standing.READY)
        if fresh:
            if not await self._unless_told_to_end(self._prepare()):
                return Ended(None)
            await self._say("starting")
            await self._executor.start(self._task)
        elif standing in (Standing.ABSENT, Standing.READY):
            return Ended(None, reason="What ran it was gone when the runner came back, and with it the exit code.")
        if self.job.state is JobState.PREPARING:
            await self._become(JobState.RUNNING, started_at=time.time(), image=self.job.image)
        return await self._accompany()

    async def _standing(self) -> Standing:
        """How the executor finds the job, waiting for an engine that is down: without an answer nothing may be done."""
        while True:
            try:
                return await self._executor.standing(self._task)
            except Unavailable as error:
                await self._say(error.detail)
                await asyncio.sleep(_RETRY)

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
        await to_the_end(self._make_home)
        if self.job.inputs:
            await self._say("mounting the inputs")
        inputs = await to_the_end(self._lay_out_inputs)
        self._task = replace(self._task, inputs=inputs, env=self.job.env, as_root=self._needs_root())
        await self._say("preparing the environment")
        image = await self._executor.prepare(self._task, self._say)
        self.job = replace(self.job, image=image)
        self._task = replace(self._task, job=self.job)

    def _make_home(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = self._task.home
        remove_tree(home)
        self._parts.trees.copy_to(self.job.code or EMPTY_TREE, home)
        with contextlib.suppress(FileExistsError):
            (home / OUTPUT_FOLDER).mkdir(mode=0o755)
        # Begun anew: nothing of the job has run yet.
        for old in (self._task.log, self.folder / TIMES_FILE):
            old.unlink(missing_ok=True)
        self._task.log.touch(mode=0o600)
        identity = self._task.identity
        if identity.uid != os.geteuid():
            for path in (home, *home.rglob("*"), self._task.log):
                os.chown(path, identity.uid, identity.gid, follow_symlinks=False)

    def _lay_out_inputs(self) -> tuple[Mounted, ...]:
        return tuple(Mounted(i.destination, self._parts.trees.link_farm(i.tree) / i.path) for i in self.job.inputs)

    def _needs_root(self) -> bool:
        known = self._parts.environments.all().get(self.job.environment)
        return self.job.executor == "docker" and known is not None and known.user == "root"

    # While it runs

    async def _accompany(self) -> Ended:
        await self._say("")
        tail = LogTail(self._parts.store, self.job, self._task.log, self._parsed, self._on_stored)
        reading = asyncio.create_task(tail.run())
        helpers = [asyncio.create_task(self._end_in_time()), asyncio.create_task(self._obey())]
        try:
            ended = await self._executor.wait(self._task)
            # Told from here on, it has ended by itself.
            for helper in helpers:
                helper.cancel()
            await self._again_while_full(lambda: tail.finish(reading))
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
        limit = self.job.max_runtime or self._parts.settings.max_runtime
        if limit is not None:
            await asyncio.sleep(max(0.0, (self.job.started_at or time.time()) + limit - time.time()))
            await self.end(JobState.TIMED_OUT)

    async def _obey(self) -> None:
        """Once the job is told to end: ask its processes to, and after the grace kill them."""
        await self._told_to_end.wait()
        kill_at = time.monotonic() + self._parts.settings.stop_grace
        with contextlib.suppress(asyncio.TimeoutError, RunnerError):
            await asyncio.wait_for(self._executor.terminate(self._task), self._parts.settings.stop_grace)
        await asyncio.sleep(max(0.0, kill_at - time.monotonic()))
        while True:
            with contextlib.suppress(RunnerError):
                await self._executor.kill(self._task)
            await asyncio.sleep(_RETRY)

    # Its end

    async def _settle_surely(self, ended: Ended) -> None:
        await self._again_while_full(lambda: self._settle(ended))
        try:
            await self._executor.remove(self._task)
            await asyncio.to_thread(clear_folder, self.folder)
        except (RunnerError, OSError) as error:
            # The next start sweeps it up.
            log.warning("clearing up after %s: %s", self.job.name, error)

    async def _settle(self, ended: Ended) -> None:
        # It may have begun just when it was told not to.
        if self.job.state is JobState.PREPARING:
            with contextlib.suppress(Unavailable):
                await self._executor.remove(self._task)
        collected, trouble = Collected(None), ""
        if self.job.state is JobState.RUNNING:
            await self._say("storing the output")
            collected, trouble = await self._collect()
        state = self._final_state(ended)
        self._progress = ""
        await self._become(
            state,
            exit_code=ended.exit_code,
            ended_at=ended.ended_at or time.time(),
            reason=" ".join(filter(None, (self._reason(state, ended), trouble))),
            output=collected.tree,
            output_files=collected.files,
            output_size=collected.size,
            log_size=size_of(self._task.log),
        )

    async def _collect(self) -> tuple[Collected, str]:
        """Store the output; where that fails the home is kept, and the second answer says where."""
        try:
            await self._executor.give_back(self._task)
            collected = await self._parts.outputs.collect(self._task.home, self.job.code, self.job.owner)
        except (RunnerError, OSError) as error:
            log.error("the output of %s could not be stored: %s", self.job.name, error)
            kept = self.folder / UNSAVED
            await asyncio.to_thread(_keep, self._task.home, kept)
            return Collected(None), f"Its output could not be stored ({error}) and lies in {kept} on the host."
        if not collected.skipped:
            return collected, ""
        return collected, f"{len(collected.skipped)} files could not be read, {collected.skipped[0]!r} among them."

    def _final_state(self, ended: Ended) -> JobState:
        if self._ending is not None:
            # A job that was never started cannot have taken too long.
            return self._ending if self.job.state is JobState.RUNNING else JobState.STOPPED
        if self.job.state is JobState.RUNNING and ended.exit_code is None:
            return JobState.LOST
        return JobState.SUCCEEDED if ended.exit_code == 0 else JobState.FAILED

    def _reason(self, state: JobState, ended: Ended) -> str:
        if state is JobState.TIMED_OUT:
            limit = self.job.max_runtime or self._parts.settings.max_runtime
            return f"It was ended at its limit of {limit} seconds."
        if state is JobState.STOPPED:
            return "It was stopped." if self.job.state is JobState.RUNNING else "It was stopped before it began."
        code = ended.exit_code or 0
        if ended.reason or not 126 <= code <= 128 + signal.NSIG:
            return ended.reason
        with contextlib.suppress(ValueError):
            return f"It was ended by {signal.Signals(code - 128).name}."
        return _REASONS.get(code, "")

    # Telling

    async def _become(self, state: JobState, **changes: Any) -> None:
        self.job = await self._parts.store.transition(self.job, state, **changes)
        self._task = replace(self._task, job=self.job)
        self._publish()

    async def _say(self, progress: str) -> None:
        if progress != self._progress:
            self._progress = progress
            self._publish()

    def _publish(self) -> None:
        self._parts.hub.publish(Event(job=self.snapshot()))

    async def _again_while_full(self, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
                return
            except NoSpace as error:
                log.error("%s: %s", self.job.name, error.detail)
                await self._say(error.detail)
                await asyncio.sleep(_FULL_DISK_RETRY)


def clear_folder(folder: Path) -> None:
    """Remove from an ended job's folder what only a live one needs; its log and output stay."""
    for name in ("home", "input", "process"):
        remove_tree(folder / name)


def _sentence(error: Exception) -> str:
    if isinstance(error, RunnerError):
        return f"{error.detail} {error.hint}".rstrip()
    return f"The runner stumbled over {type(error).__name__}; runner.log on the host tells more."


def _keep(home: Path, kept: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        home.rename(kept)


def _limits(own: Limits, default: Limits) -> Limits:
    return Limits(
        own.memory or default.memory,
        own.cpus or default.cpus,
        own.pids or default.pids,
        own.shm_size or default.shm_size,
    )
