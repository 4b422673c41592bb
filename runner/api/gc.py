"""Garbage collection: what it would free, and freeing it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, reply, runner_of


async def survey(request: Request) -> Response:
    """What takes the disk, and what of it would go."""
    caller(request)
    return reply(await runner_of(request).housekeeping.survey())


async def collect(request: Request) -> Response:
    """Free what nothing refers to; the answer comes when that is done."""
    caller(request)
    return reply(await runner_of(request).housekeeping.collect())


routes = [Route("/v1/gc", survey, methods=["GET"]), Route("/v1/gc", collect, methods=["POST"])]
