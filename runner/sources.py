"""What a reference names: a dataset version, a job's output or code, or a path inside one of them.

Used for the mounts of a launch, for listing and reading files, and for new dataset versions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runner.errors import BadRequest, Conflict, NotFound
from runner.models import EMPTY_TREE, Attempt, Dataset, DatasetVersion, Job, Ref
from runner.settings import Settings
from runner.store.datasets import Datasets, near
from runner.store.trees import Trees

HOME_FOLDER = "home"


class JobFinder(Protocol):
    """What sources need to know of jobs."""

    async def find(self, owner: str, project: str, number: int | None = None) -> Job | None:
        """The job, or the project's latest where `number` is None; None where there is none."""
        ...

    async def project_names(self, owner: str) -> list[str]:
        """The owner's projects, for a "did you mean"."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Something that holds files. `name` is the full name, path included, and resolves to this again.

    Either `tree` is the digest of what holds it, or `home` the folder of a job that has not ended; `path` is the place
    in there. `code` is the digest of the job's code, where a job's files are meant. `modified_at` (epoch seconds) is
    when all of it was written, where no better is known of a file; `job_dir` is the folder of the job that wrote it.
    `origin` is the address that a dataset's version was fetched from.
    """

    name: str
    path: str = ""
    tree: str | None = None
    home: Path | None = None
    code: str | None = None
    modified_at: float | None = None
    job_dir: Path | None = None
    job: Job | None = None
    origin: str = ""

    def require_tree(self) -> str:
        """The digest; raises `Conflict` for the output of a job that has not ended."""
        if self.tree is None:
            raise Conflict(f"{self.name} may still change: its job has not ended.", "Launch --after it, or wait.")
        return self.tree


class Sources:
    """Resolves references against the datasets and jobs that the caller may see."""

    def __init__(self, settings: Settings, trees: Trees, datasets: Datasets, jobs: JobFinder) -> None:
        self._settings = settings
        self._trees = trees
        self._datasets = datasets
        self._jobs = jobs

    async def resolve(self, text: str, caller: str) -> Source:
        """What `text` names for `caller`; raises `BadName`, or `NotFound` with a hint.

        A bare ``NAME`` or ``NAME/N`` is a dataset where there is such a one, else a project.
        """
        ref = Ref.parse(text)
        owner = ref.owner or caller
        if ref.kind == "projects":
            return await self._of_job(ref, owner, await self._job(ref, owner, caller))
        dataset = await self._datasets.find(owner, ref.name, caller)
        version = _version(dataset, ref.number)
        if dataset is not None and version is not None:
            return await self._of_version(ref, dataset, version)
        if ref.kind is None:
            job = await self._visible(ref, owner, caller)
            if job is not None:
                return await self._of_job(ref, owner, job)
        raise await self._nothing(ref, owner, caller, dataset)

    async def _of_version(self, ref: Ref, dataset: Dataset, version: DatasetVersion) -> Source:
        name = f"{version.name}/{ref.path}" if ref.path else version.name
        await self._check_path(version.tree, ref.path, name)
        origin = version.origin.url if version.origin is not None else ""
        return Source(name, ref.path, version.tree, modified_at=version.created_at, origin=origin)

    async def _of_job(self, ref: Ref, owner: str, job: Job) -> Source:
        area = ref.area or "output"
        name = f"{job.name}/{area}/{ref.path}" if ref.path else job.name if area == "output" else f"{job.name}/{area}"
        folder = self._settings.job_dir(owner, job.project, job.number)
        if area == "code":
            tree = job.code or EMPTY_TREE
            await self._check_path(tree, ref.path, name)
            return Source(name, ref.path, tree, code=job.code, modified_at=job.created_at, job=job)
        if area.startswith("attempt-"):
            tree = _attempt(job, int(area.removeprefix("attempt-"))).output or EMPTY_TREE
            await self._check_path(tree, ref.path, name)
            return Source(name, ref.path, tree, code=job.code, modified_at=job.created_at, job=job)
        if not job.state.ended:
            home = folder / HOME_FOLDER
            return Source(name, ref.path, home=home, code=job.code, job_dir=folder, job=job)
        tree = job.output or EMPTY_TREE
        await self._check_path(tree, ref.path, name)
        return Source(name, ref.path, tree, None, job.code, job.ended_at, folder, job)

    async def _visible(self, ref: Ref, owner: str, caller: str) -> Job | None:
        return await self._jobs.find(owner, ref.name, ref.number) if owner == caller else None

    async def _job(self, ref: Ref, owner: str, caller: str) -> Job:
        job = await self._visible(ref, owner, caller)
        if job is None:
            raise await self._nothing(ref, owner, caller, None)
        return job

    async def _check_path(self, tree: str, path: str, name: str) -> None:
        if not path:
            return
        found = await asyncio.to_thread(self._trees.find, tree, path)
        whole = name[: -len(path) - 1]
        if found is None:
            entries = await asyncio.to_thread(self._trees.entries, tree)
            hint = near(path, [e.path for e in entries]) or "List its files with `floyd-tui output ls`."
            raise NotFound(f"There is no {path!r} in {whole}.", hint)
        if found.kind == "link":
            # Mounted, it would show a place of the host that its maker chose.
            raise BadRequest(f"{path!r} in {whole} is a link to {found.target}.", "Name a file or a folder.")

    async def _nothing(self, ref: Ref, owner: str, caller: str, dataset: Dataset | None) -> NotFound:
        if dataset is not None:
            latest = dataset.versions[0].version if dataset.versions else 0
            hint = f"Its latest version is {dataset.name}/{latest}." if latest else "It has no version yet."
            return NotFound(f"Dataset {dataset.name} has no version {ref.number}.", hint)
        projects = await self._jobs.project_names(owner) if owner == caller else []
        if ref.kind != "datasets" and ref.name in projects:
            what = f"job {ref.name}/{ref.number}" if ref.number else f"job in project {ref.name} yet"
            latest_job = await self._jobs.find(owner, ref.name)
            return NotFound(
                f"There is no {what}.", f"The latest is {latest_job.short}." if latest_job else "Launch one."
            )
        names = [d.name for d in await self._datasets.list(caller)] if ref.kind != "projects" else []
        hint = near(ref.name, [*names, *(projects if ref.kind != "datasets" else [])])
        what = {"projects": "project", "datasets": "dataset"}.get(ref.kind or "", "dataset or project")
        full = f"{owner}/{ref.kind}/{ref.name}" if ref.kind and owner != caller else ref.name
        return NotFound(
            f"There is no {what} {full} here.", hint or "Look at `floyd-tui data ls` and `floyd-tui status`."
        )


def _version(dataset: Dataset | None, number: int | None) -> DatasetVersion | None:
    if dataset is None:
        return None
    return next((v for v in dataset.versions if number in (None, v.version)), None)


def _attempt(job: Job, number: int) -> Attempt:
    if number > len(job.attempts):
        hint = f"It had {len(job.attempts)} before its last one." if job.attempts else "It was not tried again."
        raise NotFound(f"{job.short} has no attempt {number} that was tried again after.", hint)
    return job.attempts[number - 1]
