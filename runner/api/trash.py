"""The trash: what was deleted, and having it back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, reply, required, runner_of
from runner.models import Event, Ref


async def trash(request: Request) -> Response:
    """What the caller can have back, the last deleted first."""
    return reply(await runner_of(request).deleted.list(caller(request)))


async def restore(request: Request) -> Response:
    """Bring back a job, a dataset or a version; all who may see it are told."""
    runner, who = runner_of(request), caller(request)
    found = await runner.deleted.restore(required(request, "name"), who)
    ref = Ref.parse(found.name)
    if ref.kind == "projects":
        await runner.jobs.restored(found.name, who)
    else:
        runner.events.publish(Event(dataset=await runner.datasets.get(who, ref.name, who)))
    return reply(found)


routes = [
    Route("/v1/trash", trash, methods=["GET"]),
    Route("/v1/trash/restore", restore, methods=["POST"]),
]
