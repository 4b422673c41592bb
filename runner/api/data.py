"""Trees, blobs and datasets."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from runner.api.bodies import body, in_turn, steady
from runner.api.common import caller, on_error, raw_body, reply, reply_long, required, runner_of, unless_closing
from runner.decoding import decoder
from runner.errors import BadRequest, Forbidden, NotFound, RunnerError
from runner.models import AddedVersion, MissingBlob, NewVersion, Ref, TreeStatus, is_digest
from runner.service import Runner
from runner.store.damage import manifest_read
from runner.store.datasets import Content
from runner.store.manifests import below
from runner.store.parts import drop_part, name_part, settled
from runner.store.upload import receive, receive_raw

MANIFEST = "application/x-ndjson"


async def put_tree(request: Request) -> Response:
    """Name a tree by its manifest; the answer tells which blobs are missing."""
    digest, who = request.path_params["digest"], caller(request)
    async with AsyncExitStack() as held:
        manifest = in_turn(steady(request), who, held)
        return await reply_long(await runner_of(request).trees.put(digest, manifest, who))


async def tree_status(request: Request) -> Response:
    """Ask again which blobs of a tree are missing."""
    return await reply_long(await runner_of(request).trees.status(request.path_params["digest"], caller(request)))


async def tree_text(request: Request) -> Response:
    """The manifest of a tree that `source` shows the caller."""
    runner, digest = runner_of(request), request.path_params["digest"]
    source = await runner.sources.resolve(required(request, "source"), caller(request))
    if digest not in (source.tree, source.code):
        raise NotFound(f"{source.name} has no tree {digest[:12]}.", "Ask for the job or dataset again.")
    with manifest_read(digest):
        status = await asyncio.to_thread(os.stat, runner.trees.text(digest))
    return FileResponse(runner.trees.text(digest), media_type=MANIFEST, stat_result=status)


async def post_blobs(request: Request) -> Response:
    """Receive framed blobs, streaming: nothing is held in memory but the small ones."""
    blobs, who = runner_of(request).blobs, caller(request)
    encoding = request.headers.get("content-encoding")
    raw = raw_body(request) if encoding is None else None
    if raw is None:
        reads = decoder(encoding) if encoding is not None else None
        return reply({"stored": await unless_closing(request, receive(blobs, who, request.stream(), reads))})
    try:
        answer = reply({"stored": await unless_closing(request, receive_raw(blobs, who, raw))})
    except RunnerError as error:
        answer = await on_error(request, error)
    finally:
        raw.close()
    answer.headers["Connection"] = "close"
    return answer


async def post_part(request: Request) -> Response:
    """Name what was sent of a blob before its digest was known."""
    runner, digest, who = runner_of(request), _part(request.path_params["digest"]), caller(request)
    sent_as = _part(required(request, "sent_as"))
    await settled(runner.blobs, who, sent_as)
    if await runner.blobs.held(who, [digest]):
        await asyncio.to_thread(drop_part, runner.blobs, who, sent_as)
        return reply(MissingBlob(digest))
    return reply(MissingBlob(digest, await asyncio.to_thread(name_part, runner.blobs, who, sent_as, digest)))


async def get_part(request: Request) -> Response:
    """How much of a blob waits for an upload that goes on."""
    runner, digest, who = runner_of(request), _part(request.path_params["digest"]), caller(request)
    await settled(runner.blobs, who, digest)
    return reply(MissingBlob(digest, await asyncio.to_thread(runner.blobs.have, who, digest)))


async def delete_part(request: Request) -> Response:
    """Let go of what waits."""
    runner, digest, who = runner_of(request), _part(request.path_params["digest"]), caller(request)
    await settled(runner.blobs, who, digest)
    await asyncio.to_thread(drop_part, runner.blobs, who, digest)
    return Response(status_code=204)


def _part(name: str) -> str:
    if not is_digest(name):
        raise BadRequest("A part is named by 64 hexadecimal digits.", "Name it as it was sent.")
    return name


async def datasets(request: Request) -> Response:
    """The caller's datasets and public ones."""
    return reply(await runner_of(request).datasets.list(caller(request)))


async def dataset(request: Request) -> Response:
    """One dataset with its versions."""
    who = caller(request)
    ref = Ref.parse(required(request, "name")).with_defaults(who, "datasets")
    if ref.kind != "datasets" or ref.owner is None:
        raise BadRequest(f"{ref} is not a dataset.", "Write NAME or OWNER/datasets/NAME.")
    return reply(await runner_of(request).datasets.get(ref.owner, ref.name, who))


async def add_version(request: Request) -> Response:
    """Make a dataset's next version from an uploaded tree or from an output."""
    who = caller(request)
    name = await own_dataset(runner_of(request), request.path_params["name"], who)
    wanted = await body(request, NewVersion)
    added = await _add(runner_of(request), name, wanted, who)
    return reply(added, 201 if added.created else 200)


async def _add(runner: Runner, name: str, wanted: NewVersion, who: str) -> AddedVersion:
    if (wanted.tree is None) == (wanted.source is None):
        raise BadRequest("A new version is made from a tree or from a source.", "Give exactly one of them.")
    if wanted.tree is not None:
        tree = await runner.trees.require(wanted.tree, who)
        return await runner.datasets.add(who, name, Content(tree, wanted.message))
    source = await runner.sources.resolve(wanted.source or "", who)
    tree = await _tree_of(runner, source.require_tree(), source.path, who)
    if not tree.files:
        raise BadRequest(f"{source.name} holds no files.", "Choose an output that has some.")
    return await runner.datasets.add(who, name, Content(tree, wanted.message, source.name))


async def _tree_of(runner: Runner, digest: str, path: str, who: str) -> TreeStatus:
    """The tree, or the part of it below `path`, as one that `who` holds; no blob is copied."""
    entries = await asyncio.to_thread(runner.trees.entries, digest)
    if any(entry.path == path for entry in entries):
        raise BadRequest(f"{path!r} is not a folder with files.", "A dataset is made from a folder.")
    return await runner.trees.save(below(entries, path), who)


async def own_dataset(runner: Runner, text: str, who: str) -> str:
    """The name of `who`'s dataset that `text` means; raises as `require_own`, or `BadRequest`."""
    ref = Ref.parse(text).with_defaults(who, "datasets")
    if ref.kind != "datasets" or ref.number is not None or ref.path:
        raise BadRequest(f"{text!r} is not the name of a dataset.", "Write NAME alone: the runner counts the versions.")
    await require_own(runner, ref, who)
    return ref.name


async def require_own(runner: Runner, ref: Ref, who: str) -> None:
    """Raise `Forbidden` for another's dataset, or `NotFound` where `who` cannot see that there is one."""
    if ref.owner != who:
        await runner.datasets.get(ref.owner or who, ref.name, who)
        raise Forbidden(f"{ref.owner}'s datasets are theirs to change.", f"Make one of your own: {who}/datasets/NAME.")


routes = [
    Route("/v1/trees/{digest}", put_tree, methods=["PUT"]),
    Route("/v1/trees/{digest}", tree_text, methods=["GET"]),
    Route("/v1/trees/{digest}/status", tree_status),
    Route("/v1/blobs", post_blobs, methods=["POST"]),
    Route("/v1/parts/{digest}", get_part, methods=["GET"]),
    Route("/v1/parts/{digest}", post_part, methods=["POST"]),
    Route("/v1/parts/{digest}", delete_part, methods=["DELETE"]),
    Route("/v1/datasets", datasets),
    Route("/v1/dataset", dataset),
    Route("/v1/datasets/{name:path}/versions", add_version, methods=["POST"]),
]
