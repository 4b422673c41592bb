"""Fetching from the net into datasets: begin, look, follow, cancel."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.bodies import body
from runner.api.common import caller, flag, owner_of, reply, required, runner_of, stream
from runner.api.data import own_dataset
from runner.errors import NotFound
from runner.models import JSON_LINES, Event, NewFetch, encode
from runner.service import Runner


async def begin(request: Request) -> Response:
    """Begin to fetch an address for a dataset's next version."""
    who = caller(request)
    dataset = await own_dataset(runner_of(request), request.path_params["name"], who)
    new = await body(request, NewFetch)
    own = who == owner_of(os.geteuid())
    return reply(await runner_of(request).fetches.add(who, dataset, new, own), 201)


async def fetches(request: Request) -> Response:
    """The caller's fetches, newest first."""
    return reply(await runner_of(request).fetches.of_owner(caller(request)))


async def fetch(request: Request) -> Response:
    """One fetch, or with ``follow`` how it goes on, to its end."""
    runner, who = runner_of(request), caller(request)
    found = await runner.fetches.get(who, required(request, "id"))
    if not flag(request, "follow"):
        return reply(found)
    return stream(request, _follow(runner, who, found.id), JSON_LINES)


async def _follow(runner: Runner, who: str, wanted: str) -> AsyncIterator[bytes]:
    """The fetch at once, at each change, and as a sign of life; its end is the last."""
    async for event in runner.events.subscribe(who):
        found = event.fetch
        if event == Event() or event.removed:
            try:
                found = await runner.fetches.get(who, wanted)
            except NotFound:
                return
        if found is not None and found.id == wanted:
            yield encode(found) + b"\n"
            if found.ended:
                return


async def cancel(request: Request) -> Response:
    """Break a fetch off, or forget one that has ended."""
    return reply(await runner_of(request).fetches.cancel(caller(request), required(request, "id")))


routes = [
    Route("/v1/datasets/{name:path}/fetches", begin, methods=["POST"]),
    Route("/v1/fetches", fetches),
    Route("/v1/fetch", fetch, methods=["GET"]),
    Route("/v1/fetch", cancel, methods=["DELETE"]),
]
