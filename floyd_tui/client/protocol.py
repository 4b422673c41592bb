"""What the screens and the command line may ask of a host: one protocol, spoken over SSH, locally, and by the fake.

Names of jobs, datasets and sources are references (`runner.models.Ref`) in text; the runner fills in the caller as
owner where the text names none. Every method raises a `floyd_tui.errors.HostError` where the host cannot be reached
and `RunnerProblem` where the runner refuses.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from floyd_tui.config import Config
from floyd_tui.errors import FloydError
from runner.models import (
    AddedVersion,
    Curve,
    Dataset,
    DatasetChange,
    DatasetUse,
    Environment,
    Event,
    Fetch,
    FileChange,
    FileInfo,
    FsckReport,
    FsckStep,
    GcReport,
    GcStep,
    HostStats,
    Job,
    JobChange,
    JobState,
    JobUsage,
    Launch,
    Lineage,
    LogEnd,
    Metric,
    MissingBlob,
    NewFetch,
    NewVersion,
    Project,
    RunnerInfo,
    Secret,
    Trashed,
    TreeStatus,
)


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of a log: `data` begins at byte `offset`.

    `times` are (offset, epoch seconds) marks; `end` closes the log.
    """

    offset: int
    data: bytes = b""
    times: tuple[tuple[int, float], ...] = ()
    end: LogEnd | None = None


class Client(Protocol):
    """One host's runner."""

    async def info(self) -> RunnerInfo: ...

    async def projects(self) -> list[Project]: ...
    async def create_project(self, name: str, description: str = "") -> Project: ...

    async def jobs(
        self,
        project: str | None = None,
        states: Sequence[JobState] = (),
        limit: int | None = None,
        text: str = "",
        offset: int = 0,
        group: str = "",
    ) -> list[Job]:
        """Jobs, newest first, without the first `offset`.

        Each word of `text` is in their name, message, command, environment, inputs or tags; with `group` those of it.
        """
        ...

    async def job(self, name: str) -> Job: ...
    async def launch(self, launch: Launch) -> Job:
        """Queue a job; may be called again with the same `Launch.key` without making a second one."""
        ...

    async def check_launch(self, launch: Launch) -> Job:
        """The job that `launch` would make, without a number; raises what `launch` would. Makes nothing."""
        ...

    async def stop(self, job: str) -> Job: ...
    async def change_job(self, job: str, change: JobChange) -> Job:
        """Give a job other tags; hold, release or move one that waits."""
        ...

    async def delete_job(self, job: str) -> None:
        """Put a job that has ended, with its output, into the trash."""
        ...

    async def trash(self) -> list[Trashed]:
        """What was deleted and can be restored, the last first; a collection empties it."""
        ...

    async def restore(self, name: str) -> Trashed:
        """Bring back a deleted job, dataset or version; the answer has the name it has now."""
        ...

    def logs(self, job: str, offset: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """The log from byte `offset` on; negative: so many bytes before the end. With `follow`, until the job's end."""
        ...

    async def metrics(self, job: str, after: int = 0) -> list[Metric]:
        """The job's metrics in the order they came, without the first `after`; negative: so many of the last."""
        ...

    async def curves(self, jobs: Sequence[str], metric: str = "", points: int = 16) -> list[Curve]:
        """A metric of each of up to 200 jobs in a few values: `metric` where a job has it, else what tells most."""
        ...

    async def usage(self, job: str, points: int = 1000) -> JobUsage:
        """What the job used over its time, in so many points at most, and hints about it."""
        ...

    async def files(self, source: str, path: str = "", recursive: bool = False) -> list[FileInfo]:
        """What a folder of `source` holds: ``P/N/output``, ``P/N/code`` or ``D/V``. Sorted, folders first."""
        ...

    async def files_if_changed(self, source: str, tag: str = "") -> tuple[list[FileInfo] | None, str]:
        """All files of `source` and a tag of that list; None where `tag` is that of the list as it still is."""
        ...

    def content(
        self,
        source: str,
        path: str,
        offset: int = 0,
        *,
        length: int | None = None,
        version: str = "",
        bulk: bool = False,
    ) -> AsyncIterator[bytes]:
        """One file's bytes from `offset` on, at most `length`; `bulk` is faster for large ones.

        With `version`, a `FileInfo.digest` or `stamp`, only of that version, and only while it is still: raises
        `RunnerProblem` with status 412 where it is another by now, or may not be whole yet.
        """
        ...

    def contents(self, source: str, paths: Sequence[str]) -> AsyncIterator[bytes]:
        """Small files of a source that no longer changes, framed as `runner.models.BLOB_FRAME` says, in that order."""
        ...

    async def datasets(self) -> list[Dataset]: ...
    async def dataset(self, name: str) -> Dataset: ...
    async def add_version(self, dataset: str, version: NewVersion) -> AddedVersion: ...

    async def begin_fetch(self, dataset: str, new: NewFetch) -> Fetch:
        """Let the host fetch an address for a dataset's next version; the same under way, or failed, goes on."""
        ...

    async def fetches(self) -> list[Fetch]:
        """What the host fetches for the caller, newest first; those that ended stay for a week."""
        ...

    def follow_fetch(self, fetch: str) -> AsyncIterator[Fetch]:
        """A fetch now, and how it goes on, to its end."""
        ...

    async def cancel_fetch(self, fetch: str) -> Fetch:
        """Break a fetch off; one that has ended is forgotten."""
        ...

    async def change_dataset(self, name: str, change: DatasetChange) -> Dataset:
        """Rename, describe, share."""
        ...

    async def delete_dataset(self, name: str) -> None:
        """Remove a version (``NAME/V``) or a whole dataset; refused while a job that has not ended uses it."""
        ...

    async def dataset_uses(self, name: str) -> list[DatasetUse]:
        """The jobs that have a dataset, or the version named, as an input, newest first."""
        ...

    async def lineage(self, name: str, depth: int = 4) -> Lineage:
        """What a job or a dataset's version came from, and what came from it, so many steps away at most."""
        ...

    async def diff(self, old: str, new: str) -> list[FileChange]:
        """What differs between two sources, by path."""
        ...

    async def gc(self, dry_run: bool = False, tell: Callable[[GcStep], None] | None = None) -> GcReport:
        """Free what nothing refers to; with `dry_run` only say what that is. `tell` hears how far it is."""
        ...

    async def cancel_gc(self) -> None:
        """Let the collection that goes on end early; its report tells what went until then."""
        ...

    async def fsck(self, tell: Callable[[FsckStep], None] | None = None) -> FsckReport:
        """Let the host read all that it stores again, and name what is damaged; `tell` hears how far it is."""
        ...

    async def cancel_fsck(self) -> None:
        """Let the check that goes on end early; its report tells what was found until then."""
        ...

    async def secrets(self) -> list[Secret]:
        """The names of the caller's secrets: those for every project, and those of one."""
        ...

    async def set_secret(self, name: str, value: str, project: str | None = None) -> Secret:
        """Keep a value on the host for jobs, in place of one of that name; nobody can ask for it."""
        ...

    async def delete_secret(self, name: str, project: str | None = None) -> None:
        """Forget a value; jobs that have been given it keep it."""
        ...

    async def environments(self) -> list[Environment]: ...

    async def stats(self) -> HostStats: ...
    def follow_stats(self) -> AsyncIterator[HostStats]:
        """The host's gauges once a second."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """What changes from now on; an empty event first, and as a sign of life."""
        ...

    async def put_tree(self, digest: str, manifest: AsyncIterable[bytes]) -> TreeStatus:
        """Name a tree; the answer tells which blobs of it are missing."""
        ...

    async def tree_status(self, digest: str) -> TreeStatus:
        """Ask again after sending blobs; a tree with nothing missing is complete and may be used."""
        ...

    def tree(self, digest: str, source: str) -> AsyncIterator[bytes]:
        """The manifest of a tree that the caller may see as part of `source`."""
        ...

    async def send_blobs(self, frames: AsyncIterable[bytes], size: int | None, encoding: str = "") -> int:
        """Send blobs framed as `runner.models.BLOB_FRAME` says; returns how many became complete.

        `size` is the body's in bytes; None where it is compressed as the ``Content-Encoding`` `encoding`.
        """
        ...

    async def name_part(self, sent_as: str, digest: str) -> MissingBlob:
        """Let what was sent as the blob `sent_as`, and broke off, be the beginning of `digest`.

        Raises `RunnerProblem` with status 404 where nothing of it waits there, 409 where it is still on its way.
        """
        ...

    async def part(self, digest: str) -> MissingBlob:
        """How much waits there of a blob whose upload broke off; raises as `name_part`, but for nothing."""
        ...

    async def drop_part(self, digest: str) -> None:
        """Let go of that; raises as `name_part`."""
        ...


class LinkState(Enum):
    """A connection as the UI shows it."""

    CONNECTING = "connecting"
    LIVE = "live"
    RETRYING = "retrying"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """Where a link stands: since when (`time.monotonic` seconds), why not live, and when it tries again.

    `latency` is how many seconds a small request took when last measured, on a link that is live.
    """

    state: LinkState
    since: float
    error: FloydError | None = None
    retry_at: float | None = None
    latency: float | None = None


class Link(Protocol):
    """A host's connection that keeps itself up. `client` stays the same object through reconnects.

    FAILED means that trying again by itself is no use (a refused login, a changed or unknown host key, no runner): the
    user must act, then call `retry`.
    """

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> LinkStatus: ...
    @property
    def client(self) -> Client: ...

    def watch(self, callback: Callable[[LinkStatus], None]) -> Callable[[], None]:
        """Call `callback` on each change of status; returns what ends that."""
        ...

    async def start(self) -> None:
        """Begin connecting in the background; returns at once."""
        ...

    async def connected(self) -> None:
        """Wait until LIVE; raises the error of a FAILED link, or of a first attempt that found nobody."""
        ...

    async def retry(self) -> None:
        """Try again now."""
        ...

    async def trust_host_key(self) -> None:
        """Write the unknown host key of the last error to known_hosts and try again."""
        ...

    async def install_runner(self) -> None:
        """Put the runner on the host, start it and try again."""
        ...

    async def close(self) -> None: ...


class LinkSet(Protocol):
    """All hosts' links by name: `floyd_tui.client.links.Links`, or the fake's."""

    @property
    def default(self) -> str:
        """The host meant where none is named."""
        ...

    def names(self) -> list[str]: ...
    async def reload(self, config: Config) -> None:
        """Take over new settings: hosts that came are there, hosts that went are closed."""
        ...

    def __getitem__(self, name: str, /) -> Link: ...
    async def close(self) -> None: ...
