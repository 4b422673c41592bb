"""References to data, and what their folders list."""

from __future__ import annotations

import time

import pytest

from runner.errors import BadRequest, Conflict, NotFound
from runner.listing import Listings
from runner.models import BadName, Job, JobState, TreeEntry
from runner.settings import Settings
from runner.sources import Source, Sources
from runner.store.datasets import Content
from runner.store.jobs import JobStore
from tests.unit.runner_store.store import Store


class Shelf:
    """A store with sources over it, one dataset and a few jobs."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.jobs = JobStore(store.db)
        self.settings = Settings(store.folder)
        self.sources = Sources(self.settings, store.trees, store.datasets, self.jobs)
        self.listings = Listings(store.trees, store.outputs)

    async def dataset(self, name: str, *versions: dict[str, bytes], owner: str = "ann") -> None:
        for files in versions:
            await self.store.datasets.add(owner, name, Content(await self.store.add_tree(files, owner)))

    async def job(self, project: str, state: JobState, output: dict[str, bytes] | None = None) -> Job:
        code = await self.store.add_tree({"train.py": b"code"})
        job = Job("ann", project, 0, JobState.QUEUED, "true", time.time(), code=code.digest)
        job, _ = await self.jobs.create(job)
        path = [JobState.PREPARING, JobState.RUNNING, state] if state.ended else [JobState.PREPARING, JobState.RUNNING]
        for step in path if state is not JobState.QUEUED else []:
            job = await self.jobs.transition(job, step)
        if output is not None:
            tree = await self.store.add_tree(output)
            job = await self.jobs.update(job, output=tree.digest, ended_at=5.0)
        return job

    async def resolve(self, text: str, caller: str = "ann") -> Source:
        return await self.sources.resolve(text, caller)

    async def list(self, text: str, path: str = "", recursive: bool = False) -> list[tuple[str, int]]:
        files = self.listings.files(await self.resolve(text), path, recursive)
        return [(f"{file.path}/" if file.kind == "dir" else file.path, file.size) for file in files]


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return Shelf(store)


async def test_short_names_find_datasets_first_and_then_projects(shelf: Shelf) -> None:
    await shelf.dataset("both", {"a": b"1"})
    await shelf.job("both", JobState.SUCCEEDED, {"out": b"x"})
    await shelf.job("both", JobState.SUCCEEDED, {"out": b"y"})
    await shelf.job("only", JobState.SUCCEEDED, {"out": b"z"})
    names = {
        "both": "ann/datasets/both/1",
        "both/1": "ann/datasets/both/1",
        "both/2": "ann/projects/both/2",
        "projects/both/1": "ann/projects/both/1",
        "both/1/output": "ann/projects/both/1",
        "only": "ann/projects/only/1",
        "only/1/code": "ann/projects/only/1/code",
        "only/1/files/out": "ann/projects/only/1/output/out",
        "ann/datasets/both/1/a": "ann/datasets/both/1/a",
    }
    for text, name in names.items():
        source = await shelf.resolve(text)
        assert source.name == name
        assert await shelf.resolve(source.name) == source


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("digts", "There is no dataset or project digts here.", "Did you mean digits?"),
        ("digits/7", "Dataset digits has no version 7.", "Its latest version is digits/2."),
        ("mnist/9", "There is no job mnist/9.", "The latest is mnist/1."),
        ("projects/minst/1", "There is no project minst here.", "Did you mean mnist?"),
        ("digits/2/trian.csv", "There is no 'trian.csv' in ann/datasets/digits/2.", "Did you mean train.csv?"),
        ("bob/datasets/digits", "There is no dataset bob/datasets/digits here.", "Did you mean digits?"),
    ],
)
async def test_what_is_not_there_is_told_with_a_hint(shelf: Shelf, text: str, sentence: str, hint: str) -> None:
    await shelf.dataset("digits", {"train.csv": b"1"}, {"train.csv": b"2"})
    await shelf.job("mnist", JobState.SUCCEEDED, {"out": b"x"})
    with pytest.raises(NotFound) as told:
        await shelf.resolve(text)
    assert (told.value.detail, told.value.hint) == (sentence, hint)


async def test_a_text_that_is_no_reference_is_refused(shelf: Shelf) -> None:
    for text in ("", "a b", "mnist/3/../../x", "../etc"):
        with pytest.raises(BadName):
            await shelf.resolve(text)


async def test_a_link_inside_is_no_source(shelf: Shelf) -> None:
    tree = await shelf.store.add_entries([TreeEntry("way", "link", target="/root")], [])
    await shelf.store.datasets.add("ann", "trap", Content(tree))
    with pytest.raises(BadRequest, match="is a link to /root"):
        await shelf.resolve("trap/1/way")
    with pytest.raises(NotFound):
        await shelf.resolve("trap/1/way/.ssh")


async def test_others_see_nothing_of_mine(shelf: Shelf) -> None:
    await shelf.dataset("mine", {"a": b"1"})
    await shelf.job("work", JobState.SUCCEEDED, {"out": b"x"})
    for text in ("ann/datasets/mine/1", "ann/projects/work/1", "ann/projects/work/1/code", "mine", "work"):
        with pytest.raises(NotFound) as told:
            await shelf.resolve(text, "bob")
        assert "Did you mean" not in told.value.hint


async def test_a_running_jobs_output_is_its_home_and_no_tree_yet(shelf: Shelf) -> None:
    job = await shelf.job("work", JobState.RUNNING)
    home = shelf.settings.job_dir("ann", "work", 1) / "home"
    home.parent.mkdir(parents=True)
    shelf.store.trees.copy_to(job.code or "", home)
    (home / "ckpt").mkdir()
    (home / "ckpt/1.pt").write_bytes(b"12345")
    source = await shelf.resolve("work")
    assert (source.home, source.tree) == (home, None)
    with pytest.raises(Conflict, match="may still change"):
        source.require_tree()
    assert await shelf.list("work") == [("ckpt/", 5)]
    assert await shelf.list("work", "ckpt") == [("ckpt/1.pt", 5)]
    assert await shelf.list("work/1/output/ckpt") == [("1.pt", 5)]


async def test_a_queued_job_lists_nothing(shelf: Shelf) -> None:
    await shelf.job("work", JobState.QUEUED)
    assert await shelf.list("work") == []


async def test_folders_come_first_with_the_sum_of_what_they_hold(shelf: Shelf) -> None:
    await shelf.dataset("d", {"a.txt": b"1", "z/deep/x": b"22", "z/y": b"333", "b/c": b"4444"})
    assert await shelf.list("d") == [("b/", 4), ("z/", 5), ("a.txt", 1)]
    assert await shelf.list("d", "z") == [("z/deep/", 2), ("z/y", 3)]
    assert await shelf.list("d", "z/y") == [("z/y", 3)]
    assert await shelf.list("d", "", recursive=True) == [
        ("b/", 4),
        ("b/c", 4),
        ("z/", 5),
        ("z/deep/", 2),
        ("z/deep/x", 2),
        ("z/y", 3),
        ("a.txt", 1),
    ]
    with pytest.raises(NotFound) as told:
        await shelf.list("d", "z/deeep")
    assert told.value.hint == "Did you mean z/deep or z/deep/x?"


async def test_files_of_an_output_tell_when_they_were_written(shelf: Shelf) -> None:
    job = await shelf.job("work", JobState.SUCCEEDED, {"a": b"1", "b": b"2"})
    folder = shelf.settings.job_dir("ann", "work", job.number)
    folder.mkdir(parents=True)
    (folder / "output.json").write_text('{"a": 3.0}')
    files = shelf.listings.files(await shelf.resolve("work"))
    assert {file.path: file.modified_at for file in files} == {"a": 3.0, "b": 5.0}
