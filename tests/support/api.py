"""A runner's API as tests use it: plain HTTP with the contract's types, and waiting for a job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx

from runner.models import (
    BLOB_FRAME,
    LOG_HEADER,
    FileInfo,
    Job,
    JobState,
    Launch,
    LogEnd,
    Metric,
    Mount,
    Problem,
    TreeEntry,
    decode,
    from_dict,
    manifest_of,
    to_dict,
)
from tests.support.wait import wait_for


class Refused(AssertionError):
    """The runner answered with a problem, which is at hand."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.detail} {problem.hint}")
        self.problem = problem


class Api:
    """One connection to a runner."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def ask(self, method: str, path: str, body: object = None, **params: Any) -> Any:
        """The answer's JSON; raises `Refused`."""
        answer = self.http.request(method, path, params=params, json=to_dict(body) if body is not None else None)
        if answer.is_error:
            raise Refused(decode(answer.content, Problem))
        return answer.json() if answer.content else None

    def launch(self, command: str, project: str = "p", **more: Any) -> Job:
        """Launch a job; `more` are fields of `Launch`."""
        return from_dict(self.ask("POST", "/v1/jobs", Launch(project, command, **more)), Job)

    def job(self, name: str) -> Job:
        """The job as it is now."""
        return from_dict(self.ask("GET", "/v1/job", name=name), Job)

    def stop(self, name: str) -> Job:
        """Ask a job to end."""
        return from_dict(self.ask("POST", "/v1/job/stop", name=name), Job)

    def ended(self, name: str) -> Job:
        """The job once it has ended."""
        return self.reaches(name, *(state for state in JobState if state.ended))

    def reaches(self, name: str, *states: JobState) -> Job:
        """The job once it is in one of `states`."""

        def look() -> Job | None:
            job = self.job(name)
            assert job.state in states or not job.state.ended, f"{job.state}: {job.reason}\n{self.log(name)!r}"
            return job if job.state in states else None

        return wait_for(look, f"{name} to be {' or '.join(states)}")

    def prints(self, name: str, text: bytes) -> None:
        """Return once `text` is in the job's log."""
        wait_for(lambda: text in self.log(name), f"{text!r} in the log of {name}")

    def log(self, name: str, offset: int = 0) -> bytes:
        """What the log holds now."""
        return self.http.get("/v1/job/logs", params={"name": name, "offset": offset}).content

    def frames(self, name: str, offset: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Kind and payload of each frame of the followed log, to its end."""
        params: dict[str, str | int] = {"name": name, "offset": offset, "follow": 1}
        with self.http.stream("GET", "/v1/job/logs", params=params) as answer:
            buffer = b""
            for chunk in answer.iter_bytes():
                buffer += chunk
                while len(buffer) >= LOG_HEADER.size:
                    kind, length = LOG_HEADER.unpack_from(buffer)
                    if len(buffer) < LOG_HEADER.size + length:
                        break
                    yield kind, buffer[LOG_HEADER.size : LOG_HEADER.size + length]
                    buffer = buffer[LOG_HEADER.size + length :]

    def follow(self, name: str, offset: int = 0) -> tuple[bytes, LogEnd]:
        """The log to its end, by following it."""
        text, end = b"", None
        for kind, payload in self.frames(name, offset):
            text += payload if kind == b"D" else b""
            end = decode(payload, LogEnd) if kind == b"E" else end
        assert end is not None, "the stream broke off"
        return text, end

    def metrics(self, name: str) -> list[Metric]:
        """All points of the job."""
        return from_dict(self.ask("GET", "/v1/job/metrics", name=name), list[Metric])

    def files(self, source: str) -> dict[str, FileInfo]:
        """The files of a source by path, folders left out."""
        found = from_dict(self.ask("GET", "/v1/files", source=source, recursive=1), list[FileInfo])
        return {file.path: file for file in found if file.kind != "dir"}

    def content(self, source: str, path: str) -> bytes:
        """One file's bytes."""
        answer = self.http.get("/v1/content", params={"source": source, "path": path})
        assert answer.status_code == 200, answer.text
        return answer.content

    def upload(self, files: dict[str, bytes], links: dict[str, str] | None = None) -> str:
        """Put a tree of `files` (executable where they begin with ``#!``); returns its digest."""
        entries = [
            TreeEntry(path, "file", len(data), hashlib.sha256(data).hexdigest(), data.startswith(b"#!"))
            for path, data in files.items()
        ]
        entries += [TreeEntry(path, "link", target=target) for path, target in (links or {}).items()]
        digest, text = manifest_of(entries)
        blobs = {hashlib.sha256(data).digest(): data for data in files.values()}
        assert self.http.put(f"/v1/trees/{digest}", content=text).status_code == 200
        frames = b"".join(BLOB_FRAME.pack(d, 0, len(b), 0, len(b)) + b for d, b in blobs.items())
        sent = self.http.post("/v1/blobs", content=frames)
        assert sent.status_code == 200, sent.text
        return digest

    def dataset(self, name: str, files: dict[str, bytes], links: dict[str, str] | None = None) -> str:
        """Make a dataset's next version; returns its short name."""
        made = self.ask("POST", f"/v1/datasets/{name}/versions", {"tree": self.upload(files, links)})["version"]
        return f"{made['dataset']}/{made['version']}"


def mount(source: str, destination: str) -> Mount:
    """Short for `Mount`."""
    return Mount(source, destination)


def json_line(**fields: object) -> str:
    """A shell command that prints `fields` as a line of JSON."""
    return f"echo '{json.dumps(fields)}'"
