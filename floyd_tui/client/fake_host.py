"""An in-memory host: the model behind the fake client, and the strings that tests and screenshots pull.

It changes only when told to: `update`, `write_log`, `finish` and friends tell every follower at once, as a runner
would. Time stands still at `NOW`, so the same calls always give the same pictures.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from floyd_tui.errors import FloydError, RunnerProblem
from runner.models import (
    Damage,
    Dataset,
    DatasetVersion,
    Environment,
    Event,
    Fetch,
    FileInfo,
    HostStats,
    Job,
    JobState,
    JobUsage,
    Metric,
    Problem,
    Project,
    Ref,
    RunnerInfo,
    Secret,
    Trashed,
    TreeEntry,
    manifest_of,
)

NOW = 1_795_435_200.0  # Monday 23 November 2026, 12:00 UTC
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class FakeFile:
    """A file of an output, code or dataset: `text`, or `size` bytes of a fixed pattern where there is no text."""

    path: str
    text: bytes = b""
    size: int = 0
    modified_at: float = NOW
    executable: bool = False

    @property
    def length(self) -> int:
        """Size in bytes."""
        return len(self.text) or self.size

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces."""
        if self.text:
            yield self.text[offset:]
            return
        pattern = hashlib.sha256(self.path.encode()).digest() * (CHUNK // 32)
        while offset < self.size:
            start = offset % CHUNK
            piece = pattern[start : start + self.size - offset]
            yield piece
            offset += len(piece)

    def entry(self) -> TreeEntry:
        """This file as a line of a manifest."""
        return _entry(self)


@cache
def _entry(file: FakeFile) -> TreeEntry:
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    return TreeEntry(file.path, "file", file.length, digest.hexdigest(), file.executable)


def not_found(what: str, hint: str = "Look at the list of what there is.") -> RunnerProblem:
    """The runner's answer for a thing that is not there."""
    return RunnerProblem(Problem("not_found", "Not found", 404, f"There is no {what}.", hint))


@dataclass
class FakeHost:
    """What a runner knows, in memory.

    `sources` maps ``NAME/output``, ``NAME/code`` and full version names to their files.
    """

    info: RunnerInfo
    stats: list[HostStats]
    projects: dict[str, Project] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    logs: dict[str, bytearray] = field(default_factory=dict)
    log_times: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    metrics: dict[str, list[Metric]] = field(default_factory=dict)
    usages: dict[str, JobUsage] = field(default_factory=dict)
    sources: dict[str, list[FakeFile]] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    fetches: dict[str, Fetch] = field(default_factory=dict)
    secrets: dict[tuple[str, str | None], Secret] = field(default_factory=dict)
    environments: list[Environment] = field(default_factory=list)
    trees: dict[str, list[TreeEntry]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    partial_blobs: dict[str, bytes] = field(default_factory=dict)
    trash: list[tuple[Trashed, Job | Dataset | DatasetVersion]] = field(default_factory=list)
    unused: int = 3_400_000_000
    damage: tuple[Damage, ...] = ()
    unread: tuple[str, ...] = ()
    cancelled: bool = False
    latency: float = 0.0
    failures: dict[str, list[FloydError]] = field(default_factory=lambda: defaultdict(list))
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    now: float = NOW
    listeners: list[asyncio.Queue[Event | None]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, method: str, error: FloydError, times: int = 1) -> None:
        """Let the next `times` calls of the client's `method` raise `error`."""
        self.failures[method].extend([error] * times)

    def hold(self, method: str) -> asyncio.Event:
        """Let calls of `method` wait until the event given back is set: for pictures of what is still loading."""
        return self.gates.setdefault(method, asyncio.Event())

    async def gate(self, method: str) -> None:
        """What each call of the client passes first: latency, held calls, scripted errors."""
        self.calls.append(method)
        if self.latency:
            await asyncio.sleep(self.latency)
        if method in self.gates:
            await self.gates[method].wait()
        if self.failures[method]:
            raise self.failures[method].pop(0)

    async def changed(self) -> None:
        """Wait for the next change of anything."""
        await self._changed.wait()

    def tell(self, event: Event | None = None) -> None:
        """Wake every follower; `event` goes to those who listen for events."""
        old, self._changed = self._changed, asyncio.Event()
        old.set()
        if event:
            for listener in self.listeners:
                listener.put_nowait(event)

    def drop(self) -> None:
        """Break every stream of events that is open, as a lost connection does."""
        for listener in self.listeners:
            listener.put_nowait(None)
        self.tell()

    def find_job(self, name: str) -> Job:
        """The job that `name` (short or full) means; raises the runner's 404."""
        ref = Ref.parse(name).with_defaults(self.info.owner, "projects")
        mine = [job for job in self.jobs.values() if (job.owner, job.project) == (ref.owner, ref.name)]
        found = [job for job in mine if job.number == ref.number] if ref.number else mine
        if not found:
            raise not_found(f"job {name}", "`floyd-tui status` lists your jobs.")
        return max(found, key=lambda job: job.number)

    def find_source(self, name: str) -> list[FakeFile]:
        """The files behind a reference to an output, code or dataset version; raises the runner's 404."""
        ref = Ref.parse(name)
        if self.is_dataset(ref):
            dataset = self.datasets.get(ref.name)
            if dataset is None or not dataset.versions:
                raise not_found(f"dataset {name}")
            version = ref.number or dataset.versions[0].version
            return self.sources.get(f"{dataset.owner}/datasets/{ref.name}/{version}", [])
        return self.sources.get(f"{self.find_job(name).name}/{ref.area or 'output'}", [])

    def is_dataset(self, ref: Ref) -> bool:
        """Whether `ref` means a dataset: it says so, or could be one and is no job's."""
        known = self.datasets.get(ref.name)
        return ref.kind == "datasets" or (
            ref.kind is None and known is not None and (ref.number is None or ref.number <= len(known.versions))
        )

    def add_job(self, job: Job) -> Job:
        """Take in a job and count it for its project."""
        self.jobs[job.name] = job
        self._count(job.owner, job.project)
        return job

    def update(self, job: Job) -> Job:
        """Put `job` in place of the one of its name, and tell."""
        self.add_job(job)
        self.tell(Event(job=job))
        return job

    def write_log(self, name: str, data: bytes) -> None:
        """Append to a job's log, a second later than the last time."""
        job = self.find_job(name)
        log = self.logs.setdefault(job.name, bytearray())
        self.now += 1
        self.log_times.setdefault(job.name, []).append((len(log), self.now))
        log += data
        self.update(replace(job, log_size=len(log)))

    def finish(self, name: str, state: JobState = JobState.SUCCEEDED, exit_code: int = 0, reason: str = "") -> Job:
        """End a job."""
        job = self.find_job(name)
        output = self.sources.get(f"{job.name}/output", [])
        ended = replace(job, state=state, exit_code=exit_code, reason=reason, ended_at=self.now, progress="")
        if output:
            digest, _ = manifest_of(file.entry() for file in output)
            size = sum(file.length for file in output)
            ended = replace(ended, output=digest, output_files=len(output), output_size=size)
        return self.update(ended)

    def _count(self, owner: str, name: str) -> None:
        jobs = [job for job in self.jobs.values() if (job.owner, job.project) == (owner, name)]
        latest = max(jobs, key=lambda job: job.number)
        old = self.projects.get(name) or Project(owner, name, latest.created_at)
        self.projects[name] = replace(
            old,
            jobs=len(jobs),
            active=sum(not job.state.ended for job in jobs),
            latest=latest.number,
            latest_state=latest.state,
            updated_at=max(job.ended_at or job.started_at or job.created_at for job in jobs),
        )


def list_folder(files: list[FakeFile], folder: str, recursive: bool, known: bool) -> list[FileInfo]:
    """What a folder holds, folders first, or the file that `folder` names.

    `known` says whether digests are (not while a job runs).
    """
    if folder and (named := [file for file in files if file.path == folder.strip("/")]):
        return [_info(named[0], known)]
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""
    inside = [file for file in files if file.path.startswith(prefix)]
    found: list[FileInfo] = []
    if not recursive:
        for name in sorted({f.path[len(prefix) :].partition("/")[0] for f in inside if "/" in f.path[len(prefix) :]}):
            below = [file for file in inside if file.path.startswith(f"{prefix}{name}/")]
            latest = max(file.modified_at for file in below)
            found.append(FileInfo(prefix + name, "dir", sum(file.length for file in below), latest))
        inside = [file for file in inside if "/" not in file.path[len(prefix) :]]
    return [*found, *(_info(file, known) for file in sorted(inside, key=lambda f: f.path))]


def _info(file: FakeFile, known: bool) -> FileInfo:
    digest = file.entry().digest
    info = FileInfo(file.path, "file", file.length, file.modified_at, executable=file.executable)
    return replace(info, digest=digest) if known else replace(info, stamp=f"{digest[:16]}-{file.modified_at}")
