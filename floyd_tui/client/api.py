"""The runner's routes as methods: the `Client` that the screens and the command line use."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import replace
from urllib.parse import quote

from floyd_tui.client.protocol import LogChunk
from floyd_tui.client.requests import PATIENT, Params, Request, Requester, Road
from floyd_tui.client.streams import LIVE, last_step, read_bytes, read_lines, read_log
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
    Metric,
    MissingBlob,
    NewFetch,
    NewSecret,
    NewVersion,
    Project,
    RunnerInfo,
    Secret,
    Trashed,
    TreeStatus,
)

_UNSURE = "It is not known whether the job was made: look at `floyd-tui status` before you launch it again."


class HttpClient:
    """One host's runner, reached along `road`. See `floyd_tui.client.protocol.Client` for what each method means."""

    def __init__(self, road: Road) -> None:
        self._requests = Requester(road)

    async def info(self) -> RunnerInfo:
        """Who the runner is, and who it takes the caller for."""
        return await self._requests.fetch(Request("GET", "/v1/info"), RunnerInfo)

    async def projects(self) -> list[Project]:
        """The caller's projects."""
        return await self._requests.fetch(Request("GET", "/v1/projects"), list[Project])

    async def create_project(self, name: str, description: str = "") -> Project:
        """Make a project, or return the one that is there."""
        request = Request("PUT", f"/v1/projects/{_component(name)}", body={"description": description})
        return await self._requests.fetch(request, Project)

    async def jobs(
        self,
        project: str | None = None,
        states: Sequence[JobState] = (),
        limit: int | None = None,
        text: str = "",
        offset: int = 0,
        group: str = "",
    ) -> list[Job]:
        """Jobs, newest first, that have each word of `text`, of `group`, without the first `offset` of them."""
        wanted = [str(state) for state in states] or None
        params: Params = {
            "project": project,
            "state": wanted,
            "limit": limit,
            "text": text or None,
            "offset": offset or None,
            "group": group or None,
        }
        return await self._requests.fetch(Request("GET", "/v1/jobs", params), list[Job])

    async def job(self, name: str) -> Job:
        """One job; without a number in `name`, the project's latest."""
        return await self._requests.fetch(Request("GET", "/v1/job", {"name": name}), Job)

    async def launch(self, launch: Launch) -> Job:
        """Queue a job. Its key lets it be sent again when the connection breaks, without a second job."""
        keyed = launch if launch.key else replace(launch, key=uuid.uuid4().hex)
        return await self._requests.fetch(Request("POST", "/v1/jobs", body=keyed, timeout=PATIENT, unsure=_UNSURE), Job)

    async def check_launch(self, launch: Launch) -> Job:
        """The job that `launch` would make, as far as the runner can tell; it has no number, and nothing is made."""
        return await self._requests.fetch(Request("POST", "/v1/jobs/check", body=launch, timeout=PATIENT), Job)

    async def stop(self, job: str) -> Job:
        """Stop a job; one that has ended stays as it is."""
        return await self._requests.fetch(Request("POST", "/v1/job/stop", {"name": job}), Job)

    async def change_job(self, job: str, change: JobChange) -> Job:
        """Give a job other tags; hold, release or move one that waits."""
        return await self._requests.fetch(Request("PATCH", "/v1/job", {"name": job}, body=change), Job)

    async def delete_job(self, job: str) -> None:
        """Put a job that has ended, with its output, into the trash."""
        await self._requests.send(Request("DELETE", "/v1/job", {"name": job}, timeout=PATIENT, repeatable=False))

    async def trash(self) -> list[Trashed]:
        """What was deleted and can be restored, the last first."""
        return await self._requests.fetch(Request("GET", "/v1/trash"), list[Trashed])

    async def restore(self, name: str) -> Trashed:
        """Bring back a deleted job, dataset or version."""
        return await self._requests.fetch(
            Request("POST", "/v1/trash/restore", {"name": name}, repeatable=False), Trashed
        )

    def logs(self, job: str, offset: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """The log from byte `offset` on (negative: before the end); with `follow` until the job's end."""
        return read_log(self._requests, job, offset, follow)

    async def metrics(self, job: str, after: int = 0) -> list[Metric]:
        """The job's metrics without the first `after` of them; negative: so many of the last."""
        request = Request("GET", "/v1/job/metrics", {"name": job, "after": after})
        return await self._requests.fetch(request, list[Metric])

    async def curves(self, jobs: Sequence[str], metric: str = "", points: int = 16) -> list[Curve]:
        """A metric of each of the jobs in a few values; those that have none are left out."""
        params: Params = {"name": list(jobs), "metric": metric or None, "points": points}
        return await self._requests.fetch(Request("GET", "/v1/jobs/curves", params), list[Curve])

    async def usage(self, job: str, points: int = 1000) -> JobUsage:
        """What the job used over its time, in so many points at most, and hints about it."""
        return await self._requests.fetch(Request("GET", "/v1/job/usage", {"name": job, "points": points}), JobUsage)

    async def files(self, source: str, path: str = "", recursive: bool = False) -> list[FileInfo]:
        """What a folder of `source` holds."""
        params: Params = {"source": source, "path": path, "recursive": int(recursive)}
        return await self._requests.fetch(Request("GET", "/v1/files", params, timeout=PATIENT), list[FileInfo])

    async def files_if_changed(self, source: str, tag: str = "") -> tuple[list[FileInfo] | None, str]:
        """All files of `source` and a tag of that list; None where `tag` is that of the list as it still is."""
        params: Params = {"source": source, "recursive": 1}
        request = Request("GET", "/v1/files", params, timeout=PATIENT)
        return await self._requests.fetch_if_changed(request, list[FileInfo], tag)

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
        """One file's bytes from `offset` on, going on by itself after a lost line; in large pieces where `bulk`."""
        end = "" if length is None else offset + length - 1

        def request(start: int) -> Request:
            headers = {"Range": f"bytes={start}-{end}"} if start or end else {}
            only = {"If-Match": f'"{version}"'} if version else {}
            params: Params = {"source": source, "path": path}
            return Request("GET", "/v1/content", params, headers={**headers, **only}, bulk=bulk)

        return read_bytes(self._requests, request, offset)

    def contents(self, source: str, paths: Sequence[str]) -> AsyncIterator[bytes]:
        """Small files in one answer, each in a frame, going on by itself after a lost line."""

        def request(start: int) -> Request:
            headers = {"Range": f"bytes={start}-"} if start else None
            return Request("POST", "/v1/contents", {"source": source}, body=list(paths), headers=headers)

        return read_bytes(self._requests, request, 0)

    async def datasets(self) -> list[Dataset]:
        """The caller's datasets and public ones."""
        return await self._requests.fetch(Request("GET", "/v1/datasets"), list[Dataset])

    async def dataset(self, name: str) -> Dataset:
        """One dataset with its versions."""
        return await self._requests.fetch(Request("GET", "/v1/dataset", {"name": name}), Dataset)

    async def add_version(self, dataset: str, version: NewVersion) -> AddedVersion:
        """Make a dataset's next version; content that is the latest's already makes none, so this may be repeated."""
        request = Request("POST", f"/v1/datasets/{_component(dataset)}/versions", body=version, timeout=PATIENT)
        return await self._requests.fetch(request, AddedVersion)

    async def begin_fetch(self, dataset: str, new: NewFetch) -> Fetch:
        """Let the host fetch an address for a dataset's next version; the same under way is joined."""
        return await self._requests.fetch(
            Request("POST", f"/v1/datasets/{_component(dataset)}/fetches", body=new), Fetch
        )

    async def fetches(self) -> list[Fetch]:
        """What the host fetches for the caller, and how it ended lately."""
        return await self._requests.fetch(Request("GET", "/v1/fetches"), list[Fetch])

    async def follow_fetch(self, fetch: str) -> AsyncIterator[Fetch]:
        """How a fetch goes on, to its end, going on by itself after a lost line."""
        request = Request("GET", "/v1/fetch", {"id": fetch, "follow": 1}, timeout=LIVE)
        async for now in read_lines(self._requests, request, Fetch):
            yield now
            if now.ended:
                return

    async def cancel_fetch(self, fetch: str) -> Fetch:
        """Break a fetch off; one that has ended is forgotten."""
        return await self._requests.fetch(Request("DELETE", "/v1/fetch", {"id": fetch}, repeatable=False), Fetch)

    async def change_dataset(self, name: str, change: DatasetChange) -> Dataset:
        """Rename, describe, share."""
        request = Request("PATCH", "/v1/dataset", {"name": name}, body=change, repeatable=False)
        return await self._requests.fetch(request, Dataset)

    async def delete_dataset(self, name: str) -> None:
        """Remove a version or a whole dataset."""
        await self._requests.send(Request("DELETE", "/v1/dataset", {"name": name}, repeatable=False))

    async def dataset_uses(self, name: str) -> list[DatasetUse]:
        """The jobs that have a dataset, or a version of it, as an input."""
        return await self._requests.fetch(Request("GET", "/v1/dataset/uses", {"name": name}), list[DatasetUse])

    async def lineage(self, name: str, depth: int = 4) -> Lineage:
        """What a job or a dataset's version came from, and what came from it, so many steps away at most."""
        return await self._requests.fetch(Request("GET", "/v1/lineage", {"name": name, "depth": depth}), Lineage)

    async def diff(self, old: str, new: str) -> list[FileChange]:
        """What differs between two sources, by path."""
        request = Request("GET", "/v1/diff", {"old": old, "new": new}, timeout=PATIENT)
        return await self._requests.fetch(request, list[FileChange])

    async def gc(self, dry_run: bool = False, tell: Callable[[GcStep], None] | None = None) -> GcReport:
        """Free what nothing refers to, or only say what that is. A pass that is under way already is joined."""
        request = Request("GET" if dry_run else "POST", "/v1/gc", _followed(), timeout=LIVE)
        step = await last_step(self._requests, request, GcStep, tell)
        assert step.report is not None
        return step.report

    async def cancel_gc(self) -> None:
        """Let a collection end early."""
        await self._requests.send(Request("DELETE", "/v1/gc"))

    async def fsck(self, tell: Callable[[FsckStep], None] | None = None) -> FsckReport:
        """Let the host read all that it stores again."""
        step = await last_step(self._requests, Request("POST", "/v1/fsck", _followed(), timeout=LIVE), FsckStep, tell)
        assert step.report is not None
        return step.report

    async def cancel_fsck(self) -> None:
        """Let a check end early."""
        await self._requests.send(Request("DELETE", "/v1/fsck"))

    async def secrets(self) -> list[Secret]:
        """The names of the caller's secrets."""
        return await self._requests.fetch(Request("GET", "/v1/secrets"), list[Secret])

    async def set_secret(self, name: str, value: str, project: str | None = None) -> Secret:
        """Keep a value on the host."""
        request = Request("PUT", f"/v1/secrets/{_component(name)}", {"project": project}, body=NewSecret(value))
        return await self._requests.fetch(request, Secret)

    async def delete_secret(self, name: str, project: str | None = None) -> None:
        """Forget a value."""
        params: Params = {"project": project}
        await self._requests.send(Request("DELETE", f"/v1/secrets/{_component(name)}", params, repeatable=False))

    async def environments(self) -> list[Environment]:
        """The catalogue of environments."""
        return await self._requests.fetch(Request("GET", "/v1/environments"), list[Environment])

    async def stats(self) -> HostStats:
        """The host's gauges now."""
        return await self._requests.fetch(Request("GET", "/v1/stats"), HostStats)

    def follow_stats(self) -> AsyncIterator[HostStats]:
        """The host's gauges once a second, going on by itself after a lost line."""
        return read_lines(self._requests, Request("GET", "/v1/stats", {"follow": 1}, timeout=LIVE), HostStats)

    def events(self) -> AsyncIterator[Event]:
        """What changes from now on. An empty event comes first, as a sign of life, and first again after a lost line:
        what changed while there was none is not told, so load lists anew when the link is live again."""
        return read_lines(self._requests, Request("GET", "/v1/events", timeout=LIVE), Event)

    async def put_tree(self, digest: str, manifest: AsyncIterable[bytes]) -> TreeStatus:
        """Name a tree; the answer tells which blobs of it are missing."""
        request = Request("PUT", f"/v1/trees/{digest}", content=manifest, timeout=PATIENT)
        return await self._requests.fetch(request, TreeStatus)

    async def tree_status(self, digest: str) -> TreeStatus:
        """Ask again after sending blobs."""
        return await self._requests.fetch(Request("GET", f"/v1/trees/{digest}/status", timeout=PATIENT), TreeStatus)

    def tree(self, digest: str, source: str) -> AsyncIterator[bytes]:
        """The manifest of a tree that is part of `source`."""
        request = Request("GET", f"/v1/trees/{digest}", {"source": source}, timeout=PATIENT)
        return read_bytes(self._requests, lambda _: request, 0, resume=False)

    async def send_blobs(self, frames: AsyncIterable[bytes], size: int | None, encoding: str = "") -> int:
        """Send framed blobs; returns how many became complete. A lost line is not mended here."""
        headers = {"Content-Length": str(size)} if size is not None else {}
        if encoding:
            headers["Content-Encoding"] = encoding
        request = Request("POST", "/v1/blobs", content=frames, headers=headers, timeout=PATIENT, bulk=True)
        answer = await self._requests.fetch(request, dict[str, int])
        return answer.get("stored", 0)

    async def name_part(self, sent_as: str, digest: str) -> MissingBlob:
        """Let what was sent as the blob `sent_as`, and broke off, be the beginning of `digest`."""
        return await self._requests.fetch(Request("POST", f"/v1/parts/{digest}", {"sent_as": sent_as}), MissingBlob)

    async def part(self, digest: str) -> MissingBlob:
        """How much waits of a blob whose upload broke off."""
        return await self._requests.fetch(Request("GET", f"/v1/parts/{digest}"), MissingBlob)

    async def drop_part(self, digest: str) -> None:
        """Let go of that."""
        await self._requests.send(Request("DELETE", f"/v1/parts/{digest}"))


def _followed() -> Params:
    """Work told step by step; the key finds it again after a lost line."""
    return {"follow": 1, "key": uuid.uuid4().hex}


def _component(name: str) -> str:
    """`name` as one component of a path, whatever it is: what may be a name is for the runner to say."""
    if not name.strip("."):  # dots alone would be folders to whoever normalises the path
        return name.replace(".", "%2E") or "%20"
    return quote(name, safe="")
