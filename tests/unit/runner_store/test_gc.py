"""The garbage collector: what nothing refers to goes, all else stays, whoever works beside it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest

from runner.errand import Course
from runner.errors import Conflict, NotFound
from runner.housekeeping import every_day, seconds_until
from runner.models import GcStep, Input, Job, JobState, TreeEntry
from runner.store import roots
from runner.store.datasets import Content
from runner.store.gc import Collector, Pass
from runner.store.jobs import JobStore
from runner.store.trash import Trash
from runner.store.upload import receive
from tests.unit.runner_store.store import Store, chunks, entry_of, frame, sha

NEVER, NOW = 0.0, 1e12


@pytest.fixture
def collector(store: Store) -> Collector:
    return Collector(store.folder, store.blobs, store.trees, store.db)


@pytest.fixture
def jobs(store: Store) -> JobStore:
    return JobStore(store.db)


def job(code: str | None, output: str | None = None, inputs: tuple[Input, ...] = (), **changes: object) -> Job:
    fields: dict[str, object] = {"state": JobState.SUCCEEDED, "created_at": 1.0, **changes}
    return Job(owner="ann", project="p", number=0, command="x", code=code, output=output, inputs=inputs, **fields)  # type: ignore[arg-type]


def freed(found: Pass) -> dict[str, tuple[int, int]]:
    return {kind.kind: (kind.free_count, kind.free_size) for kind in found.kinds if kind.free_count}


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*/*") if path.is_file()}


async def test_what_something_refers_to_stays(store: Store, jobs: JobStore, collector: Collector) -> None:
    code = await store.add_tree({"train.py": b"code", "run*": b"#!/bin/sh"})
    output = await store.add_tree({"model": b"weights"})
    data = await store.add_tree({"image": b"pixels"}, owner="bob")
    await store.datasets.add("bob", "faces", Content(data))
    await jobs.create(job(code.digest, output.digest))
    before = files_of(store.blobs.folder), files_of(store.trees.texts)
    assert freed(await collector.survey(NOW)) == {}
    assert freed(await collector.collect(NOW)) == {}
    assert (files_of(store.blobs.folder), files_of(store.trees.texts)) == before
    assert not (await store.trees.require(code.digest, "ann")).missing
    kinds = {kind.kind: (kind.count, kind.size) for kind in (await collector.survey(NOW)).kinds}
    assert (kinds["code"], kinds["outputs"], kinds["datasets"]) == ((2, 13), (1, 7), (1, 6))


async def test_what_a_deleted_job_alone_had_goes_at_once(store: Store, jobs: JobStore, collector: Collector) -> None:
    code = await store.add_tree({"shared": b"both", "own": b"job one's"})
    other = await store.add_tree({"shared": b"both"})
    made, _ = await jobs.create(job(code.digest))
    await jobs.create(job(other.digest))
    farm = store.trees.link_farm(code.digest)
    await jobs.delete(made)
    told = await collector.survey(NEVER)
    text = store.trees.text(code.digest).stat().st_size
    assert freed(told) == {"trash": (2, 9 + text)}
    assert store.blobs.has(sha(b"job one's")), "looking changes nothing"
    assert freed(await collector.collect(NEVER)) == freed(told)
    assert not store.blobs.has(sha(b"job one's"))
    assert store.blobs.has(sha(b"both"))
    assert not farm.exists()
    assert not store.trees.text(code.digest).exists()
    with pytest.raises(NotFound):
        await store.trees.require(code.digest, "ann")
    assert freed(await collector.collect(NEVER)) == {}


async def test_a_young_upload_is_kept_for_its_launch_and_an_old_one_goes(store: Store, collector: Collector) -> None:
    tree = await store.add_tree({"a": b"waiting"})
    hour_ago = time.time() - 3600
    assert freed(await collector.collect(hour_ago)) == {}
    assert not (await store.trees.require(tree.digest, "ann")).missing
    found = await collector.survey(hour_ago)
    assert next(kind for kind in found.kinds if kind.kind == "uploads").size == 7
    assert freed(await collector.collect(NOW))["unused"][0] == 2
    assert not store.blobs.has(sha(b"waiting"))


async def test_what_is_gone_can_be_sent_again(store: Store, collector: Collector) -> None:
    await store.add_tree({"a": b"again", "b*": b"#!run"})
    await collector.collect(NOW)
    tree = await store.add_tree({"a": b"again", "b*": b"#!run"})
    assert (store.trees.link_farm(tree.digest) / "a").read_bytes() == b"again"


async def test_inputs_stay_until_their_job_has_ended(store: Store, jobs: JobStore, collector: Collector) -> None:
    tree = await store.add_tree({"x": b"data"}, owner="bob")
    mounted = Input("bob/datasets/d/1", "d", tree.digest)
    made, _ = await jobs.create(job(None, inputs=(mounted,), state=JobState.RUNNING))
    assert freed(await collector.collect(NOW)) == {}
    await jobs.transition(made, JobState.SUCCEEDED)
    await collector.collect(NOW)
    assert not store.blobs.has(sha(b"data"))


async def test_what_one_owner_lets_go_of_another_keeps(store: Store, jobs: JobStore, collector: Collector) -> None:
    mine, theirs = await store.add_tree({"f": b"same"}), await store.add_tree({"f": b"same"}, owner="bob")
    await store.datasets.add("bob", "d", Content(theirs))
    await collector.collect(NOW)
    assert store.blobs.has(sha(b"same"))
    assert await store.blobs.held("ann", [sha(b"same")]) == {}
    assert (await store.trees.require(theirs.digest, "bob")).files == 1
    assert mine.digest == theirs.digest


async def test_a_launch_of_code_that_was_collected_is_refused(
    store: Store, jobs: JobStore, collector: Collector
) -> None:
    tree = await store.add_tree({"a": b"late"})
    await collector.collect(NOW)
    with pytest.raises(NotFound, match="removed meanwhile"):
        await jobs.create(job(tree.digest))
    with pytest.raises(NotFound, match="removed meanwhile"):
        await store.datasets.add("ann", "d", Content(tree))


async def test_partial_uploads_and_folders_of_no_job_go(store: Store, jobs: JobStore, collector: Collector) -> None:
    part, young = store.blobs.partial_folder("ann") / sha(b"p"), store.blobs.partial_folder("ann") / sha(b"q")
    part.write_bytes(b"x" * 100)
    young.write_bytes(b"x")
    os.utime(part, (1, 1))
    made, _ = await jobs.create(job(None))
    for number in (made.number, 7):
        folder = store.folder / "jobs" / "ann" / "p" / str(number)
        folder.mkdir(parents=True)
        (folder / "log").write_bytes(b"12345")
    done = freed(await collector.collect(time.time() - 60))
    assert done == {"uploads": (1, 100), "jobs": (1, 5)}
    assert young.exists()
    assert not part.exists()
    assert [path.name for path in (store.folder / "jobs" / "ann" / "p").iterdir()] == [str(made.number)]


@pytest.mark.parametrize("content", [None, b""], ids=["gone", "torn"])
async def test_a_damaged_manifest_spares_all_that_its_owners_hold(
    store: Store, jobs: JobStore, collector: Collector, content: bytes | None
) -> None:
    tree = await store.add_tree({"a": b"kept"})
    await jobs.create(job(tree.digest))
    await store.add_tree({"b": b"ann's, of no use"})
    await store.add_tree({"c": b"bob's, of no use"}, owner="bob")
    text = store.trees.text(tree.digest)
    whole = text.read_bytes()
    text.unlink()
    if content is not None:
        text.write_bytes(content)
    told, done = await collector.survey(NOW), await collector.collect(NOW)
    assert told.damaged == done.damaged == [tree.digest]
    counts = {kind.kind: kind.count for kind in told.kinds}
    assert (counts["code"], counts["unused"]) == (2, 3), "all that is ann's is as good as in use"
    assert freed(done)["unused"][0] == 3, "bob's blob, and the manifests of two trees"
    assert store.blobs.has(sha(b"kept"))
    assert store.blobs.has(sha(b"ann's, of no use"))
    assert not store.blobs.has(sha(b"bob's, of no use"))
    text.unlink(missing_ok=True)
    text.write_bytes(whole)
    assert freed(await collector.collect(NOW))["unused"] == (1, len(b"ann's, of no use"))
    assert (await collector.survey(NOW)).damaged == []
    assert store.blobs.has(sha(b"kept"))


async def test_what_is_just_being_received_is_left_alone(store: Store, collector: Collector) -> None:
    coming = store.blobs.arriving("ann", sha(b"just coming"))
    coming.write_bytes(b"just")
    os.utime(coming, (1, 1))
    assert freed(await collector.collect(NOW)) == {}
    assert coming.exists()


async def test_a_blob_between_its_arrival_and_its_holder_is_left_alone(store: Store, collector: Collector) -> None:
    file = store.blobs.temporary("ann")
    file.write_bytes(b"just come")
    claim = store.blobs.claims.open()
    store.blobs.install({sha(b"just come"): file}, claim)
    assert freed(await collector.collect(NOW)) == {}
    assert store.blobs.has(sha(b"just come"))
    del claim
    await collector.collect(NOW)
    assert not store.blobs.has(sha(b"just come"))


async def test_what_a_killed_pass_left_in_the_trash_goes_with_the_next(store: Store, collector: Collector) -> None:
    folder = store.folder / "half"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"")
    (folder / "deep").chmod(0o555)
    Trash(store.folder).take(folder)
    await collector.collect(NEVER)
    assert not list((store.folder / "trash").iterdir())


async def test_uploads_that_meet_the_collector_are_whole_or_are_told_what_is_missing(
    store: Store, jobs: JobStore, collector: Collector
) -> None:
    """The same content put, used and forgotten over and over while passes with no grace run beside it."""
    ended = asyncio.Event()

    passes = 0

    async def collect() -> None:
        nonlocal passes
        while not ended.is_set():
            await collector.collect(time.time())
            passes += 1

    async def work(owner: str) -> int:
        launched = turn = 0
        while turn < 25 or passes < 2:
            turn += 1
            contents = [b"common", b"of turn %d" % (turn % 3), owner.encode()]
            entries = [entry_of(f"f{i}", data) for i, data in enumerate(contents)]
            try:
                tree = await store.add_entries(entries, contents, owner)
                made, _ = await jobs.create(replace_owner(job(tree.digest), owner))
            except (NotFound, Conflict):
                continue  # collected before it was launched: with no grace that may be
            launched += 1
            for data in contents:
                assert store.blobs.has(sha(data))
            assert store.trees.entries(tree.digest)
            held = await store.blobs.held(owner, [sha(data) for data in contents])
            assert len(held) == 3
            await jobs.delete(made)
        return launched

    collecting = asyncio.create_task(collect())
    launched = await asyncio.gather(work("ann"), work("bob"))
    ended.set()
    await collecting
    assert min(launched) > 0


def replace_owner(one: Job, owner: str) -> Job:
    from dataclasses import replace

    return replace(one, owner=owner)


async def test_a_tree_noted_while_the_collector_forgot_its_blobs_is_not_called_whole(store: Store) -> None:
    """The holder goes between the moment an upload asks what is missing and the moment its tree is written down."""
    await receive(store.blobs, "ann", chunks([frame(b"a")]))
    ask = store.trees._compared

    async def slow(*args: object) -> object:
        status = await ask(*args)  # type: ignore[arg-type]
        await store.db.write(lambda c: roots.release(c, store.blobs.claims, "ann", [sha(b"a")]))
        store.trees._compared = ask  # type: ignore[method-assign]
        return status

    store.trees._compared = slow  # type: ignore[method-assign, assignment]
    from runner.models import manifest_of

    digest, text = manifest_of([TreeEntry("a", "file", 1, sha(b"a"))])
    status = await store.trees.put(digest, chunks([text]), "ann")
    assert [blob.digest for blob in status.missing] == [sha(b"a")]
    with pytest.raises(Conflict):
        await store.trees.require(digest, "ann")


async def test_all_that_takes_the_disk_is_counted_and_what_is_nobodys_goes(
    store: Store, jobs: JobStore, collector: Collector
) -> None:
    made, _ = await jobs.create(job((await store.add_tree({"a": b"code"})).digest))
    home = store.folder / "jobs" / "ann" / "p" / str(made.number)
    home.mkdir(parents=True)
    (home / "log").write_bytes(b"12345")
    Trash(store.folder).take(written(store.folder / "half", 7))
    for crashed in (store.blobs.folder / "ab" / ".x", store.trees.texts / "cd" / ".y"):
        crashed.parent.mkdir(exist_ok=True)
        os.utime(written(crashed, 10), (1, 1))
    young = written(store.blobs.folder / "ab" / ".being-written", 10)
    before = await collector.survey(NEVER)
    assert freed(before) == {"trash": (3, 27)}
    kinds = {kind.kind: kind for kind in before.kinds}
    assert (kinds["jobs"].count, kinds["jobs"].size) == (1, 5)
    assert kinds["runner"].size >= store.db._path.stat().st_size > 0
    assert freed(await collector.collect(NEVER)) == {"trash": (3, 27)}
    assert young.exists()
    assert (home / "log").exists()


def written(path: Path, size: int) -> Path:
    path.write_bytes(bytes(size))
    return path


async def test_quarantine_keeps_what_could_still_be_saved(
    store: Store, jobs: JobStore, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = await store.add_tree({"lost": b"lost", "healed": b"healed", "run*": b"#!run"})
    await jobs.create(job(status.digest))
    place = store.folder / "quarantine"
    place.mkdir()
    for data, suffix in ((b"lost", ""), (b"healed", ""), (b"#!run", ".x"), (b"nobody's", "")):
        written(place / f"{sha(data)}{suffix}.0123", 5)
    store.blobs.path(sha(b"lost")).unlink()
    assert freed(await collector.survey(NEVER)) == {"quarantine": (3, 15)}
    assert freed(await collector.collect(NEVER)) == {"quarantine": (3, 15)}
    assert [path.name.partition(".")[0] for path in place.iterdir()] == [sha(b"lost")]
    monkeypatch.setattr("runner.store.census._QUARANTINE_SECONDS", -1.0)
    assert freed(await collector.collect(NEVER)) == {"quarantine": (1, 5)}


async def test_versions_of_the_runner_go_but_those_that_run_or_are_newer(
    store: Store, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = programs(store.folder, ["old", "running", "own", "newer", "recent"])
    monkeypatch.setattr("runner.versions.own_archive", lambda: own)
    versions = own.parent.parent
    os.utime(versions / "recent" / own.name, (2.5e9, 2.5e9))
    with runs(versions / "running" / own.name):
        assert freed(await collector.collect(2e9)) == {"runner": (1, 3)}
    assert {path.name for path in versions.iterdir()} == {"running", "own", "newer", "recent"}
    monkeypatch.setattr("runner.versions.own_archive", lambda: Path("/elsewhere/floyd-runner.pyz"))
    assert freed(await collector.collect(NOW)) == {}, "started from elsewhere, it cannot say which is wanted next"


@contextmanager
def runs(program: Path) -> Iterator[None]:
    """A process that has `program` in its command line."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(program)]) as process:
        try:
            yield
        finally:
            process.kill()


def programs(folder: Path, names: list[str]) -> Path:
    """A version of the runner for each name, each a day younger than the one before; returns ``own``'s."""
    for number, name in enumerate(names):
        place = folder / "versions" / name / "floyd-runner.pyz"
        place.parent.mkdir(parents=True)
        os.utime(written(place, 3), (1e9 + number * 86400, 1e9 + number * 86400))
    return folder / "versions" / "own" / "floyd-runner.pyz"


async def test_output_that_could_not_be_stored_whole_is_collected(store: Store, collector: Collector) -> None:
    """Blobs that nobody came to hold, since the tree they were for was never written down."""
    home = store.folder / "home"
    home.mkdir()
    (home / "model").write_bytes(b"weights")
    save = store.trees.save

    async def fails(*_: object) -> object:
        raise NotFound("The disk was full.", "")

    store.trees.save = fails  # type: ignore[method-assign, assignment]
    with pytest.raises(NotFound):
        await store.outputs.collect(home, None, "ann")
    store.trees.save = save  # type: ignore[method-assign]
    assert store.blobs.has(sha(b"weights"))
    assert freed(await collector.collect(NEVER)) == {"unused": (1, 7)}


async def test_told_to_stop_it_ends_early_and_the_next_goes_on(store: Store, collector: Collector) -> None:
    await store.add_tree({f"{i}": b"%d" % i for i in range(300)})

    class Stops(Course[GcStep]):
        def at(self, step: GcStep) -> None:
            if step.freed:
                self.stopping.set()
            super().at(step)

    course = Stops(GcStep())
    size = sum(count for count, _ in freed(await collector.collect(NOW, course)).values())
    left = len(files_of(store.blobs.folder))
    assert 0 < size < 301
    assert left == 300 - size
    assert not list((store.folder / "trash").iterdir())
    rest = freed(await collector.collect(NOW))
    assert rest["unused"][0] == 301 - size
    assert not files_of(store.blobs.folder)


def test_the_nightly_time_is_the_next_one_the_clock_shows() -> None:
    noon = datetime(2026, 5, 1, 12, 0, tzinfo=timezone.utc)
    assert seconds_until("12:30", noon) == 1800
    assert seconds_until("12:00", noon) == 24 * 3600
    assert seconds_until("03:30", noon) == 15.5 * 3600


async def test_it_collects_each_time_the_clock_shows_the_time_and_goes_on() -> None:
    enough = asyncio.Event()
    passes = []

    async def work() -> None:
        passes.append(True)
        if len(passes) == 2:
            enough.set()

    almost = datetime(2026, 5, 1, 11, 59, 59, 990_000, tzinfo=timezone.utc)
    nightly = asyncio.create_task(every_day("12:00", work, lambda: almost))
    await asyncio.wait_for(enough.wait(), 10)
    nightly.cancel()
    await asyncio.wait((nightly,))
