"""Datasets and their versions."""

from __future__ import annotations

import asyncio

import pytest

from runner.errors import NotFound
from runner.store.datasets import Content
from tests.unit.runner_store.store import Store


async def test_versions_count_from_one_and_the_newest_comes_first(store: Store) -> None:
    for number in (1, 2, 3):
        tree = await store.add_tree({"a": b"%d" % number})
        added = await store.datasets.add("ann", "digits", Content(tree, f"try {number}"))
        assert (added.created, added.version.version, added.version.message) == (True, number, f"try {number}")
    dataset = await store.datasets.get("ann", "digits", "ann")
    assert [version.version for version in dataset.versions] == [3, 2, 1]
    assert [event.dataset.versions[0].version for event in store.events if event.dataset] == [1, 2, 3]


async def test_the_latest_content_again_makes_nothing(store: Store) -> None:
    one, two = await store.add_tree({"a": b"1"}), await store.add_tree({"a": b"2"})
    await store.datasets.add("ann", "digits", Content(one))
    again = await store.datasets.add("ann", "digits", Content(one, "again"))
    assert (again.created, again.version.version, again.version.message) == (False, 1, "")
    await store.datasets.add("ann", "digits", Content(two))
    assert (await store.datasets.add("ann", "digits", Content(one))).version.version == 3
    assert len(store.events) == 3


async def test_versions_made_at_once_get_numbers_of_their_own(store: Store) -> None:
    trees = [await store.add_tree({"a": b"%d" % number}) for number in range(12)]
    added = await asyncio.gather(*(store.datasets.add("ann", "d", Content(tree)) for tree in trees))
    assert sorted(one.version.version for one in added) == list(range(1, 13))


async def test_anothers_private_dataset_is_as_good_as_none(store: Store) -> None:
    tree = await store.add_tree({"a": b"1"})
    await store.datasets.add("ann", "secret", Content(tree))
    await store.datasets.add("ann", "shared", Content(tree))
    await store.db.write(lambda c: c.execute("UPDATE datasets SET public = 1 WHERE name = 'shared'"))
    assert [d.name for d in await store.datasets.list("ann")] == ["secret", "shared"]
    assert [d.name for d in await store.datasets.list("bob")] == ["shared"]
    assert (await store.datasets.get("ann", "shared", "bob")).public
    with pytest.raises(NotFound):
        await store.datasets.get("ann", "secret", "bob")


async def test_a_slip_of_the_finger_gets_a_hint(store: Store) -> None:
    await store.datasets.add("ann", "digits", Content(await store.add_tree({"a": b"1"})))
    with pytest.raises(NotFound) as told:
        await store.datasets.get("ann", "digts", "ann")
    assert told.value.hint == "Did you mean digits?"
