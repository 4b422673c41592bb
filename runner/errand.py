"""Long work in the background, one of a kind at a time: begun by whoever asks first, joined by whoever asks then.

Who asked may go away; the work goes on to its end, or until somebody cancels it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

from runner.errors import RunnerError, Unavailable
from runner.models import FsckStep, GcStep

log = logging.getLogger(__name__)
S = TypeVar("S", bound="GcStep | FsckStep")
# How often a follower hears of a change, and how often it hears anything, in seconds.
_EVERY = 0.2
_SIGN_OF_LIFE = 1.0


class Stopped(Exception):
    """The work was told to end early."""


class Course(Generic[S]):
    """How work goes: `step` is how far it is, and `stopping` is set when it is to end early. Threads may use it."""

    def __init__(self, step: S) -> None:
        self.step = step
        self.stopping = threading.Event()

    def at(self, step: S) -> None:
        """Say how far it is; raises `Stopped` where it is to end."""
        self.step = step
        if self.stopping.is_set():
            raise Stopped


Work = Callable[[Course[S]], Awaitable[S]]


class Errand(Generic[S]):
    """One kind of work, called `name` in the log; `start` is the step before the first.

    What the work returns is its last step, with the report. An asker's `key` tells one who comes back after a lost
    line, and is answered with the end of what they began, from one who wants it done once more.
    """

    def __init__(self, name: str, start: S) -> None:
        self._name = name
        self._start = start
        self._course = Course(start)
        self._task: asyncio.Task[S] | None = None
        self._keys: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether the work goes on just now."""
        return self._task is not None and not self._task.done()

    async def run(self, work: Work[S], key: str = "") -> S:
        """Do `work`, or join what goes on, and return its last step; raises what the work raises."""
        return await asyncio.shield(self._joined(work, key))

    async def follow(self, work: Work[S], key: str = "") -> AsyncIterator[S]:
        """The same, told step by step; an error is the last one's problem. What is at a stop is told every second."""
        task, course = self._joined(work, key), self._course
        told, told_at = None, time.monotonic()
        while not task.done():
            if course.step is not told or time.monotonic() - told_at > _SIGN_OF_LIFE:
                told, told_at = course.step, time.monotonic()
                yield told
            await asyncio.wait((task,), timeout=_EVERY)
        yield self._last(task, course)

    def cancel(self) -> bool:
        """Let the work end early; False where none goes on."""
        if self.busy:
            self._course.stopping.set()
        return self.busy

    async def close(self) -> None:
        """Cancel and wait for the end."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait((self._task,))

    def _joined(self, work: Work[S], key: str) -> asyncio.Task[S]:
        if self._task is None or (self._task.done() and not (key and key in self._keys)):
            self._course, self._keys = Course(self._start), set()
            self._task = asyncio.create_task(self._do(work, self._course), name=self._name)
        self._keys.add(key)
        return self._task

    async def _do(self, work: Work[S], course: Course[S]) -> S:
        try:
            return await work(course)
        except Stopped:
            raise Unavailable(f"The {self._name} was stopped.", "Ask for it again.") from None
        except RunnerError as error:
            log.warning("%s: %s", self._name, error.detail)
            raise
        except Exception:
            log.exception("%s broke off", self._name)
            raise

    def _last(self, task: asyncio.Task[S], course: Course[S]) -> S:
        try:
            return task.result()
        except RunnerError as error:
            return replace(course.step, problem=error.problem())
        except (Exception, asyncio.CancelledError) as error:
            told = RunnerError(f"The {self._name} stumbled over {type(error).__name__}.", "See runner.log on the host.")
            return replace(course.step, problem=told.problem())
