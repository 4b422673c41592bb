"""Managing datasets: change, removal, who uses them, and what differs between two trees."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.bodies import body
from runner.api.common import caller, reply, reply_long, required, runner_of
from runner.api.data import require_own
from runner.errors import BadRequest
from runner.models import DatasetChange, Ref
from runner.service import Runner
from runner.store.comparing import compare


async def uses(request: Request) -> Response:
    """The jobs that have the dataset or version as an input; other people's are told to its owner alone."""
    runner, who = runner_of(request), caller(request)
    ref = _dataset(required(request, "name"), who)
    await runner.datasets.get(ref.owner or who, ref.name, who)
    found = await runner.shelf.uses(ref.owner or who, ref.name, who, ref.number)
    return reply([use for use in found if who in (ref.owner, use.owner)])


async def change(request: Request) -> Response:
    """Rename, describe, share."""
    who = caller(request)
    ref = await _own(request, who)
    if ref.number is not None:
        raise BadRequest(f"{ref} is one version.", "Name the dataset alone: the change is to all of it.")
    return reply(await runner_of(request).shelf.change(who, ref.name, await body(request, DatasetChange)))


async def remove(request: Request) -> Response:
    """Remove a version, or all of a dataset."""
    who = caller(request)
    ref = await _own(request, who)
    await runner_of(request).shelf.remove(who, ref.name, ref.number)
    return Response(status_code=204)


async def diff(request: Request) -> Response:
    """What differs between two sources, by path."""
    runner, who = runner_of(request), caller(request)
    old = await _folder(runner, required(request, "old"), who)
    new = await _folder(runner, required(request, "new"), who)
    return await reply_long(await asyncio.to_thread(compare, old, new))


async def _folder(runner: Runner, name: str, who: str) -> tuple[Path, str]:
    """The manifest of a source and the folder in it."""
    source = await runner.sources.resolve(name, who)
    tree = source.require_tree()
    entry = await asyncio.to_thread(runner.trees.find, tree, source.path) if source.path else None
    if entry is not None and entry.kind != "dir":
        raise BadRequest(f"{source.name} is not a folder.", "Compare versions, or folders of them.")
    return runner.trees.text(tree), source.path


def _dataset(text: str, who: str) -> Ref:
    ref = Ref.parse(text).with_defaults(who, "datasets")
    if ref.kind != "datasets" or ref.path:
        raise BadRequest(f"{text!r} is not a dataset.", "Write NAME or NAME/VERSION.")
    return ref


async def _own(request: Request, who: str) -> Ref:
    ref = _dataset(required(request, "name"), who)
    await require_own(runner_of(request), ref, who)
    return ref


routes = [
    Route("/v1/dataset", change, methods=["PATCH"]),
    Route("/v1/dataset", remove, methods=["DELETE"]),
    Route("/v1/dataset/uses", uses),
    Route("/v1/diff", diff),
]
