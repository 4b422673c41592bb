"""Send a tree: name it, learn which of its blobs the host lacks, stream those, go on where a lost line broke it off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Protocol

from floyd_tui.client.ahead import ahead
from floyd_tui.client.frames import Wanted, check_unchanged
from floyd_tui.client.progress import Meter, Tell
from floyd_tui.client.protocol import Link
from floyd_tui.client.squeeze import Body, bodies, worth_asking
from floyd_tui.errors import HostUnreachable, RunnerProblem, TransferError
from runner.models import TreeStatus, known_entry

_MANIFEST_PIECE = 256 << 10
# Where in a file's line of a manifest its digest stands.
_DIGEST = slice(-67, -3)
# From this size on, in bytes, a manifest is sent only where the host does not know the tree: a question costs less.
# From the other one on that holds for a tree that has changed, too, which the host hardly knows.
_LARGE_MANIFEST, _HUGE_MANIFEST = 64 << 10, 1 << 20
# Failures in a row without a byte of progress, and the seconds that a line may stay away.
_TRIES = 5
_PATIENCE = 900.0
_BAD_REQUEST, _NOT_FOUND, _CONFLICT = 400, 404, 409


class Tree(Protocol):
    """What is sent: a folder, and the manifest that says what is in it."""

    @property
    def root(self) -> Path: ...
    @property
    def digest(self) -> str: ...
    @property
    def manifest(self) -> bytes: ...
    @property
    def changed(self) -> bool:
        """Whether it is surely another than the last one of its folder: then the host hardly knows it."""
        ...


async def upload(link: Link, tree: Tree, progress: Tell | None = None, *, used_next: bool = False) -> TreeStatus:
    """Send what the host lacks of `tree`; the answer is the complete tree's.

    A line that is lost is waited for, and nothing that has arrived is sent again. Where the tree is `used_next`, by a
    launch or a version, the host looks at it then: it is not asked here whether all that it said has arrived is there.
    Cancelling leaves nothing behind but blobs that the next upload need not send. Raises `TransferError` for a file
    that is not any more what the tree says, `HostError` where the host stays away, and `RunnerProblem` (a full disk,
    say).
    """
    status = await _named(link, tree, new=tree.changed)
    meter = Meter(progress, status.size, status.files)
    tries = 0
    while status.missing:
        wanted = await asyncio.to_thread(_wanted, tree, status)
        meter.set(status.size - status.lacking_bytes, status.files - status.lacking)
        before, sent = _standing(status), await _sent(link, wanted, meter)
        failure = None if isinstance(sent, int) else sent
        if used_next and sent == len(wanted) == status.lacking:
            status = replace(status, missing=(), lacking=0, lacking_bytes=0)
            break
        status = await _named(link, tree)
        tries = 0 if _standing(status) != before else tries + 1
        if status.missing and tries >= _TRIES:
            raise failure or TransferError("The host does not keep what is sent to it.", "See runner.log there.")
    meter.set(meter.total_bytes, meter.total_files)
    return status


async def lacking(link: Link, tree: Tree) -> TreeStatus:
    """Which blobs of `tree` the host lacks, before any is sent; raises as `upload`."""
    return await _named(link, tree)


def _wanted(tree: Tree, status: TreeStatus) -> list[Wanted]:
    """The files that `status` lists as missing, in the order of the tree. Blocks: call it in a thread."""
    have = {blob.digest.encode(): blob.have for blob in status.missing}
    wanted = []
    for line in BytesIO(tree.manifest):
        # Of a million lines few may be wanted, so that none is taken apart before that is known.
        start = have.pop(line[_DIGEST], None)
        file = known_entry(line) if start is not None else None
        if file is not None and start is not None and file.kind == "file":
            wanted.append(Wanted(tree.root / file.path, file.digest, file.size, min(start, file.size)))
    return wanted


def _standing(status: TreeStatus) -> tuple[int, int]:
    """What tells progress from none."""
    return status.lacking, status.lacking_bytes


async def _named(link: Link, tree: Tree, new: bool = False) -> TreeStatus:
    """Put the manifest, again where the line broke: it is small, and putting it twice does nothing.

    The host may know it already, and is asked where that costs less; it hardly does where it is `new`.
    """
    tries = 1
    while not isinstance(answer := await _put(link, tree, new and tries == 1), TreeStatus):
        if tries >= _TRIES:
            raise answer
        tries += 1
    return answer


async def _put(link: Link, tree: Tree, new: bool) -> TreeStatus | HostUnreachable:
    try:
        worth_it = len(tree.manifest) >= (_HUGE_MANIFEST if new else _LARGE_MANIFEST)
        known = await _known(link, tree) if worth_it else None
        return known or await link.client.put_tree(tree.digest, _sliced(tree.manifest))
    except HostUnreachable as error:
        await _line_back(link, error)
        return error


async def _known(link: Link, tree: Tree) -> TreeStatus | None:
    try:
        return await link.client.tree_status(tree.digest)
    except RunnerProblem as error:
        if error.status != _NOT_FOUND:
            raise
        return None


async def _sent(link: Link, wanted: Sequence[Wanted], meter: Meter) -> int | HostUnreachable | RunnerProblem:
    """Send `wanted`; returns how many have arrived whole, or what broke it off where going on may help."""
    stored = 0
    try:
        encodings = (await link.client.info()).encodings if worth_asking(wanted) else ()
        for body in await asyncio.to_thread(bodies, wanted, encodings):
            async with aclosing(_stream(body, meter)) as stream:
                stored += await link.client.send_blobs(stream, body.size, body.encoding)
    except HostUnreachable as error:
        await _line_back(link, error)
        return error
    except RunnerProblem as error:
        if error.status == _BAD_REQUEST:
            # Bytes that do not fit their digest: of a file that changed, or damaged on the way.
            await asyncio.to_thread(check_unchanged, wanted)
        elif error.status != _CONFLICT:
            raise
        # Or another upload of the same file went on meanwhile: what is missing now is another question.
        return error
    return stored


async def _line_back(link: Link, error: HostUnreachable) -> None:
    try:
        async with asyncio.timeout(_PATIENCE):
            await link.connected()
    except TimeoutError:
        raise error from None


async def _sliced(manifest: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(manifest), _MANIFEST_PIECE):
        yield manifest[start : start + _MANIFEST_PIECE]


async def _stream(body: Body, meter: Meter) -> AsyncGenerator[bytes, None]:
    async with aclosing(ahead(body.pieces())) as made:
        async for piece in made:
            for chunk in piece.data:
                yield chunk
            # Asked for the next one: the last one is on its way.
            meter.add(piece.payload, piece.files)
