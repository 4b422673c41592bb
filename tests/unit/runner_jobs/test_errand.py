"""Long work in the background: joined, followed, cancelled, and found again after a lost line."""

from __future__ import annotations

import asyncio

import pytest

from runner import errand
from runner.errand import Course, Errand, Stopped
from runner.errors import Conflict
from runner.models import GcReport, GcStep

DONE = GcStep(report=GcReport(False, (), 1))


class Work:
    """Work that goes on until it is let go, or until it is told to stop."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def __call__(self, course: Course[GcStep]) -> GcStep:
        self.begun += 1
        try:
            course.at(GcStep("freeing", 1, 2))
            while not self.go.is_set():
                await asyncio.sleep(0.001)
                course.at(course.step)
        except Stopped:
            return GcStep(report=GcReport(False, (), 1, stopped=True))
        return DONE


@pytest.fixture
def passes() -> Errand[GcStep]:
    return Errand("garbage collection", GcStep())


async def test_who_asks_meanwhile_joins_and_who_asks_later_begins_anew(passes: Errand[GcStep]) -> None:
    work = Work()
    first = asyncio.create_task(passes.run(work))
    steps = passes.follow(work, "mine")
    assert await anext(steps) in (GcStep(), GcStep("freeing", 1, 2))
    work.go.set()
    assert await first == DONE
    assert [step async for step in steps][-1] == DONE
    assert [step async for step in passes.follow(work, "mine")] == [DONE], "what they began, after a lost line"
    assert work.begun == 1
    assert (await passes.run(work), work.begun) == (DONE, 2)


async def test_it_goes_on_when_who_asked_has_left(passes: Errand[GcStep]) -> None:
    work = Work()
    asked = asyncio.create_task(passes.run(work))
    await anext(passes.follow(work))
    asked.cancel()
    await asyncio.wait({asked})
    assert passes.busy
    work.go.set()
    assert (await passes.run(work), work.begun) == (DONE, 1)


async def test_a_long_step_is_told_again_and_again(passes: Errand[GcStep], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errand, "_SIGN_OF_LIFE", 0.01)
    monkeypatch.setattr(errand, "_EVERY", 0.02)
    work, told = Work(), list[GcStep]()
    async for step in passes.follow(work):
        told.append(step)
        if len(told) == 5:
            work.go.set()
    assert told[-1] == DONE


async def test_cancelled_it_ends_with_what_was_done(passes: Errand[GcStep]) -> None:
    assert not passes.cancel(), "nothing goes on"
    steps = passes.follow(Work())
    await anext(steps)
    assert passes.cancel()
    report = [step async for step in steps][-1].report
    assert report is not None
    assert report.stopped
    await passes.close()


async def test_an_error_is_the_last_steps_problem(passes: Errand[GcStep]) -> None:
    async def refuses(course: Course[GcStep]) -> GcStep:
        raise Conflict("Not now.", "Later.")

    async def stumbles(course: Course[GcStep]) -> GcStep:
        raise ZeroDivisionError

    for work, words in ((refuses, "Not now."), (stumbles, "ZeroDivisionError")):
        problem = [step async for step in passes.follow(work)][-1].problem
        assert problem is not None
        assert words in problem.detail
        assert problem.hint
    with pytest.raises(Conflict):
        await passes.run(refuses)
