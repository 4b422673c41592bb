"""Where a job or a dataset's version came from, and what came from it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, integer, reply, required, runner_of
from runner.errors import NotFound
from runner.models import Ref
from runner.service import Runner
from runner.store.lineage import DEPTH


async def lineage(request: Request) -> Response:
    """Both ways from a job or a version, so many steps at most; without a number from the latest."""
    runner, who = runner_of(request), caller(request)
    name = await _full(runner, Ref.parse(required(request, "name")), who)
    return reply(await runner.lineages.of(name, who, integer(request, "depth", DEPTH)))


async def _full(runner: Runner, ref: Ref, who: str) -> str:
    """The full name; raises `NotFound` where the caller may see no such thing."""
    if ref.kind != "datasets":
        return (await runner.jobs.get(str(ref), who)).name
    dataset = await runner.datasets.get(ref.owner or who, ref.name, who)
    for version in dataset.versions:
        if ref.number in (None, version.version):
            return version.name
    raise NotFound(f"There is no {ref.name}/{ref.number or 1} here.", f"List them: floyd-tui data info {ref.name}")


routes = [Route("/v1/lineage", lineage)]
