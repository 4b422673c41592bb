"""A client, link and links without a host: they drive the UI's tests, the screenshots and nothing else.

The protocols of `floyd_tui.client.protocol` over `FakeHost`, an in-memory runner with believable data and a clock that
stands still. `FakeLinks.demo()` is where to begin; `host.fail`, `host.hold`, `host.latency`, `host.write_log` and
`FakeLink.set_status` are the strings to pull.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace

from floyd_tui.client.fake_data import gpu_host, laptop_host
from floyd_tui.client.fake_files import FakeFiles
from floyd_tui.client.fake_host import CHUNK, NOW, FakeFile, FakeHost, not_found
from floyd_tui.client.fake_jobs import has_words
from floyd_tui.client.fake_lineage import FakeLineage
from floyd_tui.client.fake_metrics import FakeMetrics
from floyd_tui.client.fake_queue import FakeQueue
from floyd_tui.client.fake_store import FakeStore
from floyd_tui.client.protocol import LinkState, LinkStatus, LogChunk
from floyd_tui.client.watched import Watched
from floyd_tui.config import Config
from floyd_tui.errors import FloydError, HostUnreachable
from runner.models import (
    BLOB_FRAME,
    AddedVersion,
    Dataset,
    DatasetVersion,
    Environment,
    Event,
    HostStats,
    Input,
    Job,
    JobState,
    Launch,
    LogEnd,
    MissingBlob,
    NewVersion,
    Project,
    Ref,
    RunnerInfo,
    TreeStatus,
    manifest_of,
    parse_manifest,
)

__all__ = ["NOW", "FakeClient", "FakeFile", "FakeHost", "FakeLink", "FakeLinks"]


class FakeClient(FakeStore, FakeFiles, FakeMetrics, FakeQueue, FakeLineage):
    """`Client` over a `FakeHost`."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host

    async def info(self) -> RunnerInfo:
        await self.host.gate("info")
        return self.host.info

    async def projects(self) -> list[Project]:
        await self.host.gate("projects")
        return sorted(self.host.projects.values(), key=lambda project: -project.updated_at)

    async def create_project(self, name: str, description: str = "") -> Project:
        await self.host.gate("create_project")
        new = Project(self.host.info.owner, name, self.host.now, description, updated_at=self.host.now)
        return self.host.projects.setdefault(name, new)

    async def jobs(
        self,
        project: str | None = None,
        states: Sequence[JobState] = (),
        limit: int | None = None,
        text: str = "",
        offset: int = 0,
        group: str = "",
    ) -> list[Job]:
        await self.host.gate("jobs")
        name, words = Ref.parse(project).name if project else None, text.lower().split()
        found = [
            job
            for job in self.host.jobs.values()
            if name in (None, job.project)
            and (not states or job.state in states)
            and has_words(job, words)
            and group in ("", job.group)
        ]
        return sorted(found, key=lambda job: (-job.created_at, -job.number))[offset:][:limit]

    async def job(self, name: str) -> Job:
        await self.host.gate("job")
        return self.host.find_job(name)

    async def launch(self, launch: Launch) -> Job:
        await self.host.gate("launch")
        await self.create_project(launch.project)
        return self.host.update(self._job_of(launch))

    async def check_launch(self, launch: Launch) -> Job:
        await self.host.gate("check_launch")
        return replace(self._job_of(launch), number=0)

    def _job_of(self, launch: Launch) -> Job:
        host = self.host
        numbers = [job.number for job in host.jobs.values() if job.project == launch.project]
        code = host.find_job(launch.code_from).code if launch.code_from else launch.code
        inputs = tuple(
            Input(m.source, m.destination, hashlib.sha256(m.source.encode()).hexdigest()) for m in launch.mounts
        )
        return Job(
            owner=host.info.owner, project=launch.project, number=max(numbers, default=0) + 1,
            state=JobState.QUEUED, command=launch.command, created_at=host.now, code=code, inputs=inputs,
            environment=launch.environment or "python-3.12", executor=launch.executor or host.info.executor,
            message=launch.message, gpus=launch.gpus or int("gpu" in (launch.machine or "") or bool(launch.gpu_memory)),
            gpu_memory=launch.gpu_memory, machine=launch.machine or "", priority=launch.priority, held=launch.held,
            after=tuple(host.find_job(name).name for name in launch.after),
            max_runtime=launch.max_runtime, env=dict(launch.env),
            limits=launch.limits, tags=launch.tags, relaunched_from=launch.relaunched_from, secrets=launch.secrets,
            retry=launch.retry, group=launch.group or "", values=dict(launch.values),
            max_parallel=launch.max_parallel, utilization_policy=launch.utilization_policy,
        )  # fmt: skip

    async def stop(self, job: str) -> Job:
        await self.host.gate("stop")
        found = self.host.find_job(job)
        if found.state.ended:
            return found
        return self.host.finish(found.name, JobState.STOPPED, 143, f"Stopped by {self.host.info.owner}.")

    async def logs(self, job: str, offset: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        await self.host.gate("logs")
        name = self.host.find_job(job).name
        log = self.host.logs.setdefault(name, bytearray())
        if offset < 0:
            offset = max(0, len(log) + offset)
        marks = 0
        while True:
            times = self.host.log_times.get(name, [])
            if times[marks:]:
                yield LogChunk(offset, times=tuple(times[marks:]))
                marks = len(times)
            while offset < len(log):
                piece = bytes(log[offset : offset + CHUNK])
                yield LogChunk(offset, piece)
                offset += len(piece)
            found = self.host.find_job(name)
            if found.state.ended or not follow:
                break
            await self.host.changed()
            if self.host.failures["logs"]:
                raise self.host.failures["logs"].pop(0)
        yield LogChunk(offset, end=LogEnd(found.state, found.exit_code, len(log)))

    async def datasets(self) -> list[Dataset]:
        await self.host.gate("datasets")
        return sorted(self.host.datasets.values(), key=lambda dataset: dataset.name)

    async def dataset(self, name: str) -> Dataset:
        await self.host.gate("dataset")
        found = self.host.datasets.get(Ref.parse(name).name)
        if found is None:
            raise not_found(f"dataset {name}")
        return found

    async def add_version(self, dataset: str, version: NewVersion) -> AddedVersion:
        await self.host.gate("add_version")
        host, name = self.host, Ref.parse(dataset).name
        old = host.datasets.get(name) or Dataset(host.info.owner, name, host.now)
        if version.source:
            files = host.find_source(version.source)
        else:
            entries = [e for e in host.trees[version.tree or ""] if e.kind == "file"]
            files = [FakeFile(e.path, host.blobs[e.digest], e.size, host.now, e.executable) for e in entries]
        tree, _ = manifest_of(file.entry() for file in files)
        if old.versions and old.versions[0].tree == tree:
            return AddedVersion(old.versions[0], created=False)
        size, number = sum(file.length for file in files), len(old.versions) + 1
        new = DatasetVersion(old.owner, name, number, tree, len(files), size, host.now, version.message, version.source)
        host.sources[new.name] = files
        host.datasets[name] = replace(old, versions=(new, *old.versions))
        host.tell(Event(dataset=host.datasets[name]))
        return AddedVersion(new, created=True)

    async def environments(self) -> list[Environment]:
        await self.host.gate("environments")
        return list(self.host.environments)

    async def stats(self) -> HostStats:
        await self.host.gate("stats")
        return self.host.stats[-1]

    async def follow_stats(self) -> AsyncIterator[HostStats]:
        await self.host.gate("follow_stats")
        told = 0
        while True:
            for stats in self.host.stats[told:]:
                yield stats
            told = len(self.host.stats)
            await self.host.changed()

    async def events(self) -> AsyncIterator[Event]:
        await self.host.gate("events")
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.host.listeners.append(queue)
        try:
            yield Event()
            while (event := await queue.get()) is not None:
                yield event
            raise HostUnreachable(f"The connection to {self.host.info.hostname} broke.", "It is tried again.")
        finally:
            self.host.listeners.remove(queue)

    async def put_tree(self, digest: str, manifest: AsyncIterable[bytes]) -> TreeStatus:
        await self.host.gate("put_tree")
        text = b"".join([piece async for piece in manifest])
        self.host.trees[digest] = list(parse_manifest(text.splitlines(keepends=True)))
        return await self.tree_status(digest)

    async def tree_status(self, digest: str) -> TreeStatus:
        await self.host.gate("tree_status")
        if digest not in self.host.trees:
            raise not_found(f"tree {digest[:12]}")
        files = [entry for entry in self.host.trees[digest] if entry.kind == "file"]
        sizes = {entry.digest: entry.size for entry in files if entry.digest not in self.host.blobs}
        missing = tuple(MissingBlob(digest) for digest in sorted(sizes))
        size = sum(entry.size for entry in files)
        return TreeStatus(digest, len(files), size, missing, len(sizes), sum(sizes.values()))

    async def tree(self, digest: str, source: str) -> AsyncIterator[bytes]:
        await self.host.gate("tree")
        files = self.host.find_source(source)
        found, text = await asyncio.to_thread(manifest_of, (file.entry() for file in files))
        if found != digest:
            raise not_found(f"tree {digest[:12]} in {source}")
        for line in text.splitlines(keepends=True):
            yield line

    async def send_blobs(self, frames: AsyncIterable[bytes], size: int | None, encoding: str = "") -> int:
        stored, buffer = 0, bytearray()
        async for piece in frames:
            await self.host.gate("send_blobs")
            buffer += piece
            stored += sum(1 for _ in self._complete_blobs(buffer))
        return stored

    async def name_part(self, sent_as: str, digest: str) -> MissingBlob:
        part = self.host.partial_blobs.pop(sent_as, None)
        if part is None:
            raise not_found("part")
        self.host.partial_blobs[digest] = part
        return MissingBlob(digest, len(part))

    async def part(self, digest: str) -> MissingBlob:
        return MissingBlob(digest, len(self.host.partial_blobs.get(digest, b"")))

    async def drop_part(self, digest: str) -> None:
        if self.host.partial_blobs.pop(digest, None) is None:
            raise not_found("part")

    def _complete_blobs(self, buffer: bytearray) -> Iterator[str]:
        """Take the whole frames off the front of `buffer`; yield the digests that became complete."""
        while len(buffer) >= BLOB_FRAME.size:
            raw, _, size, start, length = BLOB_FRAME.unpack_from(buffer)
            if len(buffer) < BLOB_FRAME.size + length:
                return
            part = bytes(buffer[BLOB_FRAME.size : BLOB_FRAME.size + length])
            del buffer[: BLOB_FRAME.size + length]
            digest = raw.hex()
            partial = self.host.partial_blobs.pop(digest, b"")[:start] + part
            if len(partial) < size:
                self.host.partial_blobs[digest] = partial
            else:
                self.host.blobs[digest] = partial
                yield digest


class FakeLink(Watched[FakeClient]):
    """`Link` whose state a test sets by hand."""

    def __init__(
        self, name: str, host: FakeHost, state: LinkState = LinkState.LIVE, error: FloydError | None = None
    ) -> None:
        super().__init__(name, FakeClient(host), LinkStatus(state, 0.0, error))
        self.host = host
        self.asked: list[str] = []

    def set_status(self, state: LinkState, error: FloydError | None = None, retry_at: float | None = None) -> None:
        """Move to `state` and tell who watches."""
        self.host.tell()
        self._become(LinkStatus(state, 0.0, error, retry_at))

    async def start(self) -> None:
        self.asked.append("start")
        if self._status.state is LinkState.CONNECTING:
            self.set_status(LinkState.LIVE)

    async def connected(self) -> None:
        while self._status.state is not LinkState.LIVE:
            if self._status.state is LinkState.FAILED and self._status.error:
                raise self._status.error
            await self.host.changed()

    async def retry(self) -> None:
        self.asked.append("retry")
        self.set_status(LinkState.LIVE)

    async def trust_host_key(self) -> None:
        self.asked.append("trust_host_key")
        self.set_status(LinkState.LIVE)

    async def install_runner(self) -> None:
        self.asked.append("install_runner")
        self.set_status(LinkState.LIVE)

    async def close(self) -> None:
        self.asked.append("close")
        self.set_status(LinkState.CLOSED)


class FakeLinks(Mapping[str, FakeLink]):
    """`Links` over fakes."""

    def __init__(self, *links: FakeLink) -> None:
        self._links = {link.name: link for link in links}

    @classmethod
    def demo(cls) -> FakeLinks:
        """A GPU host that works, this machine without a GPU, and a host that does not answer."""
        gone = HostUnreachable(
            "kepler.lab:22 does not answer (timed out after 10 s).",
            "Check that it is on; the link tries again by itself.",
        )
        return cls(
            FakeLink("gauss", gpu_host()),
            FakeLink("local", laptop_host()),
            FakeLink("kepler", gpu_host(), LinkState.RETRYING, gone),
        )

    @property
    def default(self) -> str:
        """The first host's name."""
        return next(iter(self._links))

    def names(self) -> list[str]:
        """All hosts' names, in order."""
        return list(self._links)

    def __getitem__(self, name: str) -> FakeLink:
        return self._links[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)

    async def reload(self, config: Config) -> None:
        """Hosts that are new in the settings are machines like this one."""
        for name in config.hosts:
            self._links.setdefault(name, FakeLink(name, laptop_host(), LinkState.CONNECTING))

    async def close(self) -> None:
        """Close every link."""
        for link in self._links.values():
            await link.close()
