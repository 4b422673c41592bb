"""Garbage collection and checking: what it would free, freeing it, reading all again; how far each is, and cancelling.

Each takes long on a large store. With ``follow=1`` an answer is JSON lines, at least one a second; the last one holds
the report. Who comes back after a lost line with the same ``key`` hears the end of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, flag, query, reply, require_admin, runner_of, stream_lines
from runner.models import FsckReport, FsckStep


async def survey(request: Request) -> Response:
    """What takes the disk, and what of it would go."""
    require_admin(request)
    housekeeping = runner_of(request).housekeeping
    if flag(request, "follow"):
        return stream_lines(request, housekeeping.follow_survey())
    return reply(await housekeeping.survey())


async def collect(request: Request) -> Response:
    """Free what nothing refers to; the answer comes when that is done."""
    require_admin(request)
    housekeeping = runner_of(request).housekeeping
    if flag(request, "follow"):
        return stream_lines(request, housekeeping.follow_collection(_key(request)))
    return reply(await housekeeping.collect())


async def cancel_collection(request: Request) -> Response:
    """Let the collection that goes on end early."""
    require_admin(request)
    return reply({"cancelled": runner_of(request).housekeeping.cancel_collection()})


async def check(request: Request) -> Response:
    """Read all that is stored again, and name what is damaged."""
    require_admin(request)
    return stream_lines(request, _told(request))


async def cancel_check(request: Request) -> Response:
    """Let the check that goes on end early."""
    require_admin(request)
    return reply({"cancelled": runner_of(request).housekeeping.cancel_check()})


def _key(request: Request) -> str:
    return query(request).get("key", "")


async def _told(request: Request) -> AsyncIterator[FsckStep]:
    """The check's steps; the report names to the caller what is theirs to see, and counts the rest."""
    runner, who = runner_of(request), caller(request)
    async for step in runner.housekeeping.follow_check(_key(request)):
        if step.report is None:
            yield step
            continue
        seen = {f"{one.owner}/datasets/{one.name}" for one in await runner.datasets.list(who)}
        yield replace(step, report=_seen_by(step.report, who, seen))


def _seen_by(report: FsckReport, who: str, datasets: set[str]) -> FsckReport:
    def seen(name: str) -> bool:
        return name.startswith(f"{who}/") or name.rpartition("/")[0] in datasets

    told = []
    for damage in report.damage:
        touches = tuple(filter(seen, damage.touches))
        told.append(replace(damage, touches=touches, others=len(damage.touches) - len(touches)))
    return replace(report, damage=tuple(told))


routes = [
    Route("/v1/gc", survey, methods=["GET"]),
    Route("/v1/gc", collect, methods=["POST"]),
    Route("/v1/gc", cancel_collection, methods=["DELETE"]),
    Route("/v1/fsck", check, methods=["POST"]),
    Route("/v1/fsck", cancel_check, methods=["DELETE"]),
]
