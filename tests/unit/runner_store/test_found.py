"""What people were found to hold is remembered just as long as they hold it."""

from __future__ import annotations

import sqlite3

import pytest

from runner.store import roots
from tests.unit.runner_store.store import Store, sha

ONE, TWO = {"a": b"a", "b": b"b"}, {"a": b"a", "c": b"c"}


async def held(store: Store) -> set[str]:
    """Who of the three files' contents is held, as `Trees.put` asks."""
    names = {sha(data): name for name, data in (ONE | TWO).items()}
    return {names[digest] for digest in await store.blobs.held("ann", names)}


async def test_what_is_let_go_of_is_not_held_any_more(store: Store) -> None:
    await store.add_tree(ONE)
    assert await held(store) == await held(store) == {"a", "b"}
    assert await store.blobs.held("bob", [sha(b"a")]) == {}
    claims = store.blobs.claims
    await store.db.write(lambda c: roots.release(c, claims, "ann", [sha(b"b")]), claims.forgotten)
    assert await held(store) == await held(store) == {"a"}
    await store.add_tree(TWO)
    assert await held(store) == {"a", "c"}


async def test_what_is_damaged_is_not_held(store: Store) -> None:
    await store.add_tree(ONE)
    assert await held(store) == {"a", "b"}
    await store.db.write(lambda c: c.execute("INSERT INTO damaged VALUES (?)", (sha(b"a"),)))
    assert await held(store) == {"b"}
    await store.add_tree(ONE)
    assert await held(store) == {"a", "b"}


async def test_an_answer_from_before_it_was_let_go_of_is_not_believed_afterwards(store: Store) -> None:
    """Somebody asks while the transaction is under way, whose end they do not see yet."""
    await store.add_tree(ONE)
    claims, during = store.blobs.claims, []

    def change(connection: sqlite3.Connection) -> None:
        roots.release(connection, claims, "ann", [sha(b"b")])
        during.append(claims.epoch)

    await store.db.write(change, claims.forgotten)
    assert during[0] < claims.epoch


async def test_the_log_of_the_database_does_not_stay_large(store: Store) -> None:
    log = store.folder / "runner.db-wal"
    await store.db.write(lambda database: database.execute("CREATE TABLE much AS SELECT randomblob(4000000)"))
    assert log.stat().st_size > 2 << 20
    await store.blobs.grant("ann", {"f" * 64: 1})
    assert log.stat().st_size <= 5 << 18


@pytest.mark.parametrize("few", [1, 20])
async def test_a_small_question_does_not_take_the_place_of_a_large_one(store: Store, few: int) -> None:
    await store.add_tree({str(number): b"%d" % number for number in range(50)})
    every = [sha(b"%d" % number) for number in range(50)]
    assert len(await store.blobs.held("ann", every)) == 50
    assert len(await store.blobs.held("ann", every[:few])) == few
    assert len(store.blobs._found.of("ann", store.blobs.claims.epoch)) == 50
