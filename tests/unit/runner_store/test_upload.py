"""Uploads: whole, in parts, cut off anywhere, wrong, too many."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import BadRequest, Conflict, NoSpace
from runner.models import BLOB_FRAME
from runner.store.parts import KEEP_FROM
from runner.store.salvage import salvage
from runner.store.upload import receive
from tests.unit.runner_store.store import Store, chunks, frame, sha

BIG = os.urandom(64) * (KEEP_FROM // 16)


class Cut(Exception):
    """The line breaks."""


async def broken(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise Cut


async def never_ending(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece
    await asyncio.Event().wait()


def cut_into(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, position = [], 0
    for size in sizes:
        pieces.append(data[position : position + size])
        position += size
    return [*pieces, data[position:]]


# One store serves all examples: each has an owner of its own.
SHARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
owners = map("owner{}".format, itertools.count())


@settings(SHARED, max_examples=40)
@given(blobs=st.lists(st.binary(max_size=300), max_size=12), sizes=st.lists(st.integers(0, 200), max_size=30))
async def test_chunks_may_be_cut_anywhere(store: Store, blobs: list[bytes], sizes: list[int]) -> None:
    owner = next(owners)
    stored = await receive(store.blobs, owner, chunks(cut_into(b"".join(map(frame, blobs)), sizes)))
    assert stored == len(set(blobs))
    assert await store.blobs.held(owner, map(sha, blobs)) == {sha(blob): len(blob) for blob in blobs}
    for blob in blobs:
        path = store.blobs.path(sha(blob))
        assert path.read_bytes() == blob
        assert path.stat().st_mode & 0o777 == 0o444
    assert not list(store.blobs.partial_folder(owner).iterdir())


@settings(SHARED, max_examples=100)
@given(junk=st.binary(max_size=400))
async def test_junk_is_refused_and_leaves_nothing(store: Store, junk: bytes) -> None:
    owner = next(owners)
    try:
        stored = await receive(store.blobs, owner, chunks([junk]))
    except (BadRequest, Conflict, NoSpace):
        stored = 0
    assert stored == 0
    assert not list(store.blobs.partial_folder(owner).iterdir())
    assert not [path for path in (store.folder / "blobs").glob("*/*") if path.is_file()]


async def test_a_wrong_digest_drops_that_blob_alone(store: Store) -> None:
    lie = sha(b"something else")
    body = [frame(b"good"), frame(b"bad", digest=lie), frame(BIG, digest=sha(b"big lie")), frame(b"fine")]
    with pytest.raises(BadRequest, match=r"2 of the blobs.*") as told:
        await receive(store.blobs, "ann", chunks(body))
    assert lie[:12] in told.value.detail
    assert set(await store.blobs.held("ann", [sha(b"good"), sha(b"fine"), lie])) == {sha(b"good"), sha(b"fine")}
    assert not store.blobs.has(lie)
    assert store.blobs.have("ann", sha(b"big lie")) == 0


async def test_a_broken_line_keeps_a_big_part_and_whole_blobs(store: Store) -> None:
    half = len(BIG) // 2
    with pytest.raises(Cut):
        await receive(store.blobs, "ann", broken(frame(b"small") + frame(BIG)[: BLOB_FRAME.size + half]))
    assert store.blobs.has(sha(b"small"))
    assert store.blobs.have("ann", sha(BIG)) == half
    assert store.blobs.have("bob", sha(BIG)) == 0
    assert await receive(store.blobs, "ann", chunks([frame(BIG, half)])) == 1
    assert store.blobs.path(sha(BIG)).read_bytes() == BIG
    assert store.blobs.have("ann", sha(BIG)) == 0


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
async def test_an_upload_cut_off_at_any_moment_keeps_a_true_part(store: Store, turns: int) -> None:
    whole = frame(BIG)
    pieces = [whole[start : start + 200_000] for start in range(0, len(whole), 200_000)]
    upload = asyncio.ensure_future(receive(store.blobs, "ann", never_ending(pieces[:-1])))
    for _ in range(turns):
        await asyncio.sleep(0)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await store.blobs.uploads.settle()
    have = store.blobs.have("ann", sha(BIG))
    part = store.blobs.partial_folder("ann") / sha(BIG)
    assert not have or part.read_bytes() == BIG[:have]
    assert await receive(store.blobs, "ann", chunks([frame(BIG, have)])) == 1


async def test_a_part_may_begin_before_the_end_of_what_is_here(store: Store) -> None:
    with pytest.raises(Cut):
        await receive(store.blobs, "ann", broken(frame(BIG)[: BLOB_FRAME.size + 2 * KEEP_FROM]))
    assert await receive(store.blobs, "ann", chunks([frame(BIG, KEEP_FROM)])) == 1
    assert store.blobs.path(sha(BIG)).read_bytes() == BIG


async def test_parts_in_one_request_are_put_together(store: Store) -> None:
    third = len(BIG) // 3
    parts = [frame(BIG, 0, third), frame(BIG, third, 2 * third), frame(b"between"), frame(BIG, 2 * third)]
    assert await receive(store.blobs, "ann", chunks(parts)) == 2
    assert store.blobs.path(sha(BIG)).read_bytes() == BIG


async def test_a_part_that_leaves_a_gap_is_refused_and_harms_nothing(store: Store) -> None:
    with pytest.raises(Cut):
        await receive(store.blobs, "ann", broken(frame(BIG)[: BLOB_FRAME.size + KEEP_FROM]))
    with pytest.raises(Conflict, match="bytes of blob"):
        await receive(store.blobs, "ann", chunks([frame(BIG, 2 * KEEP_FROM)]))
    assert store.blobs.have("ann", sha(BIG)) == KEEP_FROM


async def test_a_shorter_try_does_not_lose_a_longer_part(store: Store) -> None:
    for length in (3 * KEEP_FROM, KEEP_FROM + 5):
        with pytest.raises(Cut):
            await receive(store.blobs, "ann", broken(frame(BIG)[: BLOB_FRAME.size + length]))
    assert store.blobs.have("ann", sha(BIG)) == 3 * KEEP_FROM


async def test_the_end_inside_a_frame_is_told(store: Store) -> None:
    with pytest.raises(BadRequest, match="middle of a blob"):
        await receive(store.blobs, "ann", chunks([frame(b"whole"), frame(b"cut short")[:-1]]))
    assert store.blobs.has(sha(b"whole"))
    with pytest.raises(BadRequest, match="middle of a blob"):
        await receive(store.blobs, "ann", chunks([b"head"]))


async def test_a_blob_larger_than_the_disk_is_refused_at_its_head(store: Store) -> None:
    head = BLOB_FRAME.pack(bytes(32), 0, 1 << 60, 0, 1 << 60)
    with pytest.raises(NoSpace, match=r"1024\.0 PiB are to come"):
        await receive(store.blobs, "ann", chunks([frame(b"before"), head]))
    assert store.blobs.has(sha(b"before"))


async def test_what_one_person_holds_another_does_not(store: Store) -> None:
    await receive(store.blobs, "ann", chunks([frame(b"secret")]))
    assert await store.blobs.held("bob", [sha(b"secret")]) == {}
    assert await receive(store.blobs, "bob", chunks([frame(b"secret")])) == 1
    assert await store.blobs.held("bob", [sha(b"secret")]) == {sha(b"secret"): 6}


async def test_tidy_puts_back_what_a_crash_left_claimed(store: Store) -> None:
    folder = store.blobs.partial_folder("ann")
    claimed = folder / f"{sha(BIG)}.abcdef"
    claimed.write_bytes(BIG[:KEEP_FROM])
    (folder / "tmp.123").write_bytes(b"left over")
    old = folder / sha(b"old")
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    store.blobs.tidy()
    assert [path.name for path in folder.iterdir()] == [sha(BIG)]
    assert await receive(store.blobs, "ann", chunks([frame(BIG, KEEP_FROM)])) == 1


async def test_what_a_killed_runner_had_whole_is_its_senders(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*_: object) -> None:
        raise Cut

    monkeypatch.setattr(store.blobs, "install", kill)
    with pytest.raises(Cut):
        await receive(store.blobs, "ann", chunks([frame(b"small"), frame(b"torn"), frame(BIG)]))
    monkeypatch.undo()
    assert not store.blobs.has(sha(BIG))
    (torn,) = store.blobs.partials.glob(f"ann/{sha(b'torn')}.*")
    os.truncate(torn, 2)
    torn.with_name(f"{sha(b'small')}.twice").write_bytes(b"small")
    torn.with_name(f"{sha(b'small')}.twice").chmod(0o444)
    await salvage(store.blobs)
    wanted = {sha(b"small"): 5, sha(BIG): len(BIG)}
    assert await store.blobs.held("ann", [*wanted, sha(b"torn")]) == wanted
    assert store.blobs.path(sha(BIG)).read_bytes() == BIG
    assert not store.blobs.has(sha(b"torn"))
    assert not list(store.blobs.partial_folder("ann").iterdir())


async def test_a_huge_blob_that_was_whole_is_only_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.store.salvage.MOST", len(BIG) - 1)
    whole = store.blobs.arriving("ann", sha(BIG))
    whole.write_bytes(BIG)
    whole.chmod(0o444)
    await salvage(store.blobs)
    store.blobs.tidy()
    assert store.blobs.have("ann", sha(BIG)) == len(BIG)
    assert await receive(store.blobs, "ann", chunks([frame(BIG, len(BIG))])) == 1
    assert store.blobs.path(sha(BIG)).read_bytes() == BIG


async def test_a_disk_that_is_full_at_the_start_keeps_no_runner_from_starting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store.blobs.arriving("ann", sha(b"whole"))
    whole.write_bytes(b"whole")
    whole.chmod(0o444)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("runner.store.blobs.make_durable", full)
    await salvage(store.blobs)
    assert not whole.exists()
    assert not store.blobs.has(sha(b"whole"))
