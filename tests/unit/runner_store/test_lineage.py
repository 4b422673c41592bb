"""Lineage: what jobs and versions came from and what came from them; bounded, private, and quick among many jobs."""

from __future__ import annotations

import functools
import sqlite3
from dataclasses import replace

import pytest

from runner.errors import BadRequest, NotFound
from runner.models import DatasetChange, Input, Job, JobState, Lineage
from runner.store.datasets import Content
from runner.store.deleted import Purged, purge_some
from runner.store.jobs import JobStore
from runner.store.lineage import FAN, MOST, Lineages
from runner.store.shelf import Shelf
from tests.unit.runner_store.store import Store

DONE = Job("ann", "p", 0, JobState.SUCCEEDED, "train", 1.0)


class Family:
    """Jobs of ann that came from each other."""

    def __init__(self, store: Store) -> None:
        self.store, self.jobs, self.lineages = store, JobStore(store.db), Lineages(store.db)

    async def job(self, *sources: str, owner: str = "ann", **fields: object) -> str:
        """A job that mounts `sources`; returns its name."""
        inputs = tuple(Input(source, f"in{index}", "0" * 64) for index, source in enumerate(sources))
        made = replace(DONE, owner=owner, inputs=inputs, **fields)  # type: ignore[arg-type]
        return (await self.jobs.create(made))[0].name

    async def dataset(self, name: str, owner: str = "ann", source: str | None = None) -> str:
        """A version whose content is its name; returns its name."""
        tree = await self.store.add_tree({name: f"{name} {source}".encode()}, owner)
        return (await self.store.datasets.add(owner, name, Content(tree, source=source))).version.name

    async def of(self, name: str, depth: int = 4, caller: str = "ann") -> Lineage:
        return await self.lineages.of(name, caller, depth)


@pytest.fixture
def family(store: Store) -> Family:
    return Family(store)


def told(found: Lineage) -> set[str]:
    """Its edges in short words."""
    short = {node.name: node.name.partition("/")[2].replace("projects/", "") for node in found.nodes}
    words = {"input": "→", "kept": "⇒", "relaunch": "↻"}
    return {f"{short[one.source]} {words[one.link]} {short[one.target]} {one.path}".strip() for one in found.edges}


async def test_a_chain_is_told_both_ways_with_how_each_came_from_the_other(family: Family) -> None:
    data = await family.dataset("raw")
    first = await family.job(f"{data}/train")
    second = await family.job(first, f"{first}/output/ckpt", relaunched_from=first)
    kept = await family.dataset("weights", source=f"{second}/output/model")
    third = await family.job(kept, f"{second}/code")
    found = await family.of(second)
    assert found.nodes[0].name == second
    assert told(found) == {
        "datasets/raw/1 → p/1 train",
        "p/1 → p/2",
        "p/1 → p/2 output/ckpt",
        "p/1 ↻ p/2",
        "p/2 ⇒ datasets/weights/1 output/model",
        "p/2 → p/3 code",
        "datasets/weights/1 → p/3",
    }
    # What came from the same job by another way is neither before it nor behind it.
    assert told(await family.of(kept)) == told(found) - {"p/2 → p/3 code"}
    near = await family.of(third, 1)
    assert told(near) == {"datasets/weights/1 → p/3", "p/2 → p/3 code"}
    assert {node.name: node.more for node in near.nodes} == {third: False, kept: True, second: True}
    with pytest.raises(NotFound, match="no ann/projects/p/9 here"):
        await family.of("ann/projects/p/9")
    with pytest.raises(BadRequest, match="depth=0"):
        await family.of(first, 0)


async def test_what_is_deleted_is_named_as_such_and_walked_through_while_it_is_in_the_trash(family: Family) -> None:
    data = await family.dataset("raw")
    first = await family.job(data)
    second = await family.job(first)
    shelf = Shelf(family.store.db, family.store.datasets, lambda event: None, lambda event: None)
    await family.jobs.delete(replace(DONE, number=1))
    await shelf.remove("ann", "raw", None)
    found = await family.of(second)
    assert {node.name: node.standing for node in found.nodes} == {second: "here", first: "trash", data: "trash"}
    assert told(found) == {"datasets/raw/1 → p/1", "p/1 → p/2"}
    with pytest.raises(NotFound):
        await family.of(first)
    await family.store.db.write(lambda connection: purge_some(connection, 1e12, Purged()))
    found = await family.of(second)
    assert {node.name: node.standing for node in found.nodes} == {second: "here", first: "gone"}


async def test_what_a_caller_may_not_see_is_not_told(family: Family) -> None:
    secret = await family.job(owner="bob", message="of bob alone")
    shared = await family.dataset("shared", "bob", source=secret)
    shelf = Shelf(family.store.db, family.store.datasets, lambda event: None, lambda event: None)
    with pytest.raises(NotFound):
        await family.of(shared)
    await shelf.change("bob", "shared", DatasetChange(public=True))
    mine, _ = await family.job(shared), await family.job(shared, owner="bob")
    found = await family.of(mine)
    assert told(found) == {"datasets/shared/1 → p/1"}
    assert told(await family.of(shared)) == {"datasets/shared/1 → p/1"}
    assert len((await family.of(shared, 4, "bob")).nodes) == 3
    assert await family.job(relaunched_from=secret)
    assert "of bob" not in str(await family.of("ann/projects/p/2"))
    await shelf.change("bob", "shared", DatasetChange(public=False))
    assert [node.standing for node in (await family.of(mine)).nodes] == ["here", "gone"]


async def test_the_same_code_is_found_and_a_walk_ends_where_it_is_too_much(family: Family) -> None:
    code = (await family.store.add_tree({"train.py": b"1"})).digest
    root = await family.job(code=code)
    children = [await family.job(root) for _ in range(FAN + 3)]
    other = await family.job(code=code)
    await family.store.add_tree({"train.py": b"1"}, "bob")
    await family.job(code=code, owner="bob")
    found = await family.of(root)
    assert (found.same_code, found.same_code_more) == ((other,), False)
    assert found.nodes[0].more
    assert [node.name for node in found.nodes[1:]] == children[:2:-1]
    for child in children[3:]:
        for _ in range(12):
            await family.job(child)
    assert len((await family.of(root)).nodes) == MOST


async def test_a_circle_that_cannot_be_is_gone_through_once(family: Family) -> None:
    one = await family.job("ann/projects/p/2")
    two = await family.job(one)
    found = await family.of(one)
    assert {node.name for node in found.nodes} == {one, two}


async def test_odd_old_names_do_no_harm(family: Family) -> None:
    for odd in ("", "/", 'a"b/projects/c\\/1', "p/1", "ann/projects/p/x", "…/…/…/…/…"):
        name = await family.job(relaunched_from=odd)
        assert (await family.of(name)).edges == ()


def all_rows(sql: str, connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return connection.execute(sql).fetchall()


async def test_each_step_is_looked_up_by_an_index(family: Family) -> None:
    for sql in (
        "SELECT source, job FROM job_origins WHERE job = 7",
        "SELECT job FROM job_sources WHERE source = 'x' ORDER BY job DESC",
        "SELECT id FROM jobs WHERE person = 'a' AND json_extract(document, '$.code') = 'x'"
        " AND deleted_at IS NULL ORDER BY id DESC",
        "SELECT version FROM versions WHERE source = 'x' OR source > 'x/' AND source < 'x0'",
    ):
        plan = f"EXPLAIN QUERY PLAN {sql}"
        rows = await family.store.db.read(functools.partial(all_rows, plan))
        steps = [row["detail"] for row in rows]
        assert not [one for one in steps if one.startswith("SCAN") and "json_each" not in one], steps
        assert not [one for one in steps if "TEMP B-TREE" in one], steps
