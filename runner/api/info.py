"""`GET /v1/info`: the first thing a client asks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, reply, runner_of


async def info(request: Request) -> Response:
    """`RunnerInfo`: version, caller, executor."""
    return reply(runner_of(request).info(caller(request)))


routes = [Route("/v1/info", info)]
