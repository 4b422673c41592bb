"""Managing datasets: change, removal, who uses them, and what differs between two trees."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import body, caller, reply, reply_long, required, runner_of
from runner.errors import BadRequest, Forbidden
from runner.models import DatasetChange, FileChange, Ref, TreeEntry
from runner.service import Runner
from runner.store.manifests import below


async def uses(request: Request) -> Response:
    """The jobs that have the dataset, or the version that is named, as an input."""
    runner, who = runner_of(request), caller(request)
    ref = _dataset(required(request, "name"), who)
    await runner.datasets.get(ref.owner or who, ref.name, who)
    return reply(await runner.shelf.uses(ref.owner or who, ref.name, who, ref.number))


async def change(request: Request) -> Response:
    """Rename, describe, share."""
    who = caller(request)
    ref = _own(required(request, "name"), who)
    if ref.number is not None:
        raise BadRequest(f"{ref} is one version.", "Name the dataset alone: the change is to all of it.")
    return reply(await runner_of(request).shelf.change(who, ref.name, await body(request, DatasetChange)))


async def remove(request: Request) -> Response:
    """Remove a version, or all of a dataset."""
    who = caller(request)
    ref = _own(required(request, "name"), who)
    await runner_of(request).shelf.remove(who, ref.name, ref.number)
    return Response(status_code=204)


async def diff(request: Request) -> Response:
    """What differs between two sources, by path."""
    runner, who = runner_of(request), caller(request)
    old = await _files(runner, required(request, "old"), who)
    new = await _files(runner, required(request, "new"), who)
    return await reply_long(await asyncio.to_thread(compare, old, new))


async def _files(runner: Runner, name: str, who: str) -> list[TreeEntry]:
    source = await runner.sources.resolve(name, who)
    tree = source.require_tree()
    entries = await asyncio.to_thread(runner.trees.entries, tree)
    if any(entry.path == source.path for entry in entries):
        raise BadRequest(f"{source.name} is not a folder.", "Compare versions, or folders of them.")
    return await asyncio.to_thread(below, entries, source.path)


def compare(old: list[TreeEntry], new: list[TreeEntry]) -> list[FileChange]:
    """What was added, removed or changed from `old` to `new`, sorted by path; folders count where they are empty."""
    before, after = {entry.path: entry for entry in old}, {entry.path: entry for entry in new}
    found = [FileChange(path, "removed", before[path].size, None) for path in before.keys() - after.keys()]
    found += [FileChange(path, "added", None, after[path].size) for path in after.keys() - before.keys()]
    found += [
        FileChange(path, "changed", before[path].size, after[path].size)
        for path in before.keys() & after.keys()
        if before[path] != after[path]
    ]
    return sorted(found, key=lambda one: one.path)


def _dataset(text: str, who: str) -> Ref:
    ref = Ref.parse(text).with_defaults(who, "datasets")
    if ref.kind != "datasets" or ref.path:
        raise BadRequest(f"{text!r} is not a dataset.", "Write NAME or NAME/VERSION.")
    return ref


def _own(text: str, who: str) -> Ref:
    ref = _dataset(text, who)
    if ref.owner != who:
        raise Forbidden(f"{ref.owner}'s datasets are theirs to change.", "Ask them to, or make one of your own.")
    return ref


routes = [
    Route("/v1/dataset", change, methods=["PATCH"]),
    Route("/v1/dataset", remove, methods=["DELETE"]),
    Route("/v1/dataset/uses", uses),
    Route("/v1/diff", diff),
]
