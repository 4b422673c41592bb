"""What was deleted: in no list, restored as it was, and gone for good with the next collection."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from runner.errors import BadRequest, Conflict, NotFound
from runner.models import DatasetChange, Event, Input, Job, JobState, Metric
from runner.store.datasets import Content
from runner.store.deleted import Deleted
from runner.store.gc import Collector, Pass
from runner.store.jobs import JobStore
from runner.store.shelf import Shelf
from tests.unit.runner_store.store import Store, sha

LAUNCHED = Job("ann", "p", 0, JobState.SUCCEEDED, "train", 1.0, message="first")


@pytest.fixture
def deleted(store: Store) -> Deleted:
    return Deleted(store.db)


@pytest.fixture
def jobs(store: Store) -> JobStore:
    return JobStore(store.db)


@pytest.fixture
def shelf(store: Store) -> Shelf:
    def tell(event: Event) -> None:
        store.events.append(event)

    return Shelf(store.db, store.datasets, tell, tell)


@pytest.fixture
def collector(store: Store) -> Collector:
    return Collector(store.folder, store.blobs, store.trees, store.db)


def freed(found: Pass) -> dict[str, int]:
    return {kind.kind: kind.free_size for kind in found.kinds if kind.free_count}


async def test_a_deleted_job_is_in_no_list_and_comes_back_with_all_it_had(jobs: JobStore, deleted: Deleted) -> None:
    first, _ = await jobs.create(LAUNCHED, "once")
    await jobs.create(replace(LAUNCHED, command="second"))
    first = await jobs.add_metrics(first, [Metric("loss", 0.5, 1.0)], 7)
    await jobs.delete(first)
    assert await jobs.find("ann", "p", 1) is None
    assert [job.number for job in await jobs.select("ann", text="train")] == []
    assert await jobs.curves("ann", [first.name], "", 8) == []
    (project,) = await jobs.projects("ann")
    assert (project.jobs, project.latest) == (1, 2)
    (one,) = await deleted.list("ann")
    assert (one.name, one.about, await deleted.list("bob")) == (first.name, "first", [])
    with pytest.raises(NotFound, match="p/1 any more"):
        await jobs.delete(first)  # twice is once too often
    again, made = await jobs.create(LAUNCHED, "once")
    assert (again.number, made) == (3, True)  # a launch sent again makes a job that there is; no number comes again
    with pytest.raises(NotFound, match="no deleted job p/1"):
        await deleted.restore("p/1", "bob")
    with pytest.raises(NotFound):
        await deleted.restore("ann/projects/p/1", "bob")
    with pytest.raises(BadRequest, match="names nothing"):
        await deleted.restore("p", "ann")
    assert (await deleted.restore("p/1", "ann")).name == first.name
    assert await jobs.find("ann", "p", 1) == first
    assert [point.value for point in await jobs.metrics(first)] == [0.5]
    assert [job.number for job in await jobs.select("ann", text="train")] == [3, 1]
    assert (await jobs.projects("ann"))[0].jobs == 3
    assert await deleted.list("ann") == []


async def test_deleted_of_the_latest_the_one_before_is_the_latest(jobs: JobStore, deleted: Deleted) -> None:
    await jobs.create(LAUNCHED)
    second, _ = await jobs.create(replace(LAUNCHED, state=JobState.FAILED))
    await jobs.delete(second)
    (project,) = await jobs.projects("ann")
    assert (project.latest, project.latest_state) == (1, JobState.SUCCEEDED)
    found = await jobs.find("ann", "p")
    assert found is not None
    assert found.number == 1


async def test_datasets_and_versions_come_back_as_they_were(store: Store, shelf: Shelf, deleted: Deleted) -> None:
    for text in (b"one", b"two"):
        await store.datasets.add("ann", "digits", Content(await store.add_tree({"a": text}), f"of {text.decode()}"))
    await shelf.change("ann", "digits", DatasetChange(description="Scans", public=True))
    before = await store.datasets.get("ann", "digits", "ann")
    await shelf.remove("ann", "digits", 1)
    await shelf.remove("ann", "digits", None)
    names = [one.name.partition("/datasets/")[2] for one in await deleted.list("ann")]
    assert names == ["digits", "digits/1"]
    with pytest.raises(Conflict, match="that digits/1 was of is deleted"):
        await deleted.restore("datasets/digits/1", "ann")
    await store.datasets.add("ann", "digits", Content(await store.add_tree({"a": b"other"})))
    assert not (await store.datasets.get("ann", "digits", "ann")).public  # a new one is not what the old one was
    with pytest.raises(Conflict, match="another dataset digits by now"):
        await deleted.restore("datasets/digits", "ann")
    with pytest.raises(NotFound):
        await deleted.restore("ann/datasets/digits", "bob")
    await shelf.change("ann", "digits", DatasetChange(name="others"))
    assert (await deleted.restore("datasets/digits", "ann")).size == 3
    await shelf.change("ann", "digits", DatasetChange(name="numbers"))
    assert (await deleted.restore("datasets/digits/1", "ann")).name == "ann/datasets/numbers/1"
    after = await store.datasets.get("ann", "numbers", "bob")  # public as it was
    assert (after.description, after.created_at) == (before.description, before.created_at)
    assert [replace(version, dataset="digits") for version in after.versions] == list(before.versions)
    assert await deleted.list("ann") == []


async def test_a_collection_frees_the_trash_and_says_how_much_of_it_that_is(
    store: Store, jobs: JobStore, shelf: Shelf, deleted: Deleted, collector: Collector
) -> None:
    code, output = await store.add_tree({"a": b"shared", "b": b"alone"}), await store.add_tree({"c": b"weights"})
    made, _ = await jobs.create(replace(LAUNCHED, code=code.digest, output=output.digest))
    other = await store.add_tree({"a": b"shared"})
    await jobs.create(replace(LAUNCHED, code=other.digest))
    folder = store.folder / "jobs/ann/p/1"
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(b"line\n" * 100)
    await store.datasets.add("ann", "d", Content(await store.add_tree({"d": b"pixels"})))
    await jobs.delete(made)
    await shelf.remove("ann", "d", 1)
    assert freed(await collector.collect(0.0, deleted_before=time.time() - 3600)) == {}  # as every night
    assert {one.name[4:] for one in await deleted.list("ann")} == {"projects/p/1", "datasets/d/1"}
    told = freed(await collector.survey(0.0))
    assert set(told) == {"trash"}
    assert told["trash"] > 500 + len(b"alone" + b"weights" + b"pixels")
    assert freed(await collector.collect(0.0)) == told
    assert not folder.exists()
    assert (store.blobs.has(sha(b"shared")), store.blobs.has(sha(b"weights"))) == (True, False)
    assert await deleted.list("ann") == []
    with pytest.raises(NotFound, match="no deleted job p/1"):
        await deleted.restore("p/1", "ann")
    assert freed(await collector.survey(0.0)) == {}


async def test_what_others_use_of_a_deleted_thing_stays(
    store: Store, jobs: JobStore, deleted: Deleted, collector: Collector
) -> None:
    output = await store.add_tree({"model": b"weights"})
    made, _ = await jobs.create(replace(LAUNCHED, output=output.digest))
    mounted = Input(f"{made.name}/output", "model", output.digest)
    await jobs.create(replace(LAUNCHED, state=JobState.RUNNING, inputs=(mounted,)))
    await jobs.delete(made)
    assert freed(await collector.collect(0.0)) == {}
    assert store.blobs.has(sha(b"weights"))
