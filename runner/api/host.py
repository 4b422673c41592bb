"""The host: environments, gauges, and what changes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, flag, reply, runner_of, stream, stream_lines
from runner.api.seen import Told, stats_for
from runner.models import JSON_LINES

# What was said last, by the sample itself: no runner is told another's.
_told = Told()


async def environments(request: Request) -> Response:
    """The catalogue, and which images of it are here."""
    return reply(await runner_of(request).environments())


async def stats(request: Request) -> Response:
    """The gauges: once, or with ``follow=1`` one a second."""
    telemetry, who = runner_of(request).telemetry, caller(request)
    if flag(request, "follow"):
        return stream(request, (_told.to(who, stats) + b"\n" async for stats in telemetry.follow()), JSON_LINES)
    return reply(stats_for(await telemetry.sample(), who))


async def events(request: Request) -> Response:
    """What changes from now on."""
    return stream_lines(request, runner_of(request).events.subscribe(caller(request)))


routes = [Route("/v1/environments", environments), Route("/v1/stats", stats), Route("/v1/events", events)]
