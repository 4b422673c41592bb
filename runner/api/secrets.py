"""Secrets: set, listed by name, removed. No answer ever holds a value."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.bodies import body
from runner.api.common import caller, query, reply, runner_of
from runner.models import NewSecret, check_name, check_secret_name


async def secrets(request: Request) -> Response:
    """The names of the caller's secrets."""
    return reply(await asyncio.to_thread(runner_of(request).secrets.all, caller(request)))


async def put(request: Request) -> Response:
    """Keep a value under a name, in place of one that is there."""
    who, (name, project) = caller(request), _meant(request)
    new = await body(request, NewSecret)
    return reply(await asyncio.to_thread(runner_of(request).secrets.set, who, name, project, new.value))


async def remove(request: Request) -> Response:
    """Forget a value."""
    who, (name, project) = caller(request), _meant(request)
    await asyncio.to_thread(runner_of(request).secrets.remove, who, name, project)
    return Response(status_code=204)


def _meant(request: Request) -> tuple[str, str | None]:
    """The secret's name, and the project that it is for."""
    project = query(request).get("project") or None
    name = check_secret_name(request.path_params["name"])
    return name, None if project is None else check_name(project, "project name")


routes = [
    Route("/v1/secrets", secrets),
    Route("/v1/secrets/{name}", put, methods=["PUT"]),
    Route("/v1/secrets/{name}", remove, methods=["DELETE"]),
]
