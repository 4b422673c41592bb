"""What each route takes and gives: the table from which the runner states its own API (`runner.api.openapi`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.models import (
    JSON,
    JSON_LINES,
    LOG_FRAMES,
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
    FsckStep,
    GcReport,
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

BYTES, MANIFEST = "application/octet-stream", "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Query:
    """A value of the query: its name, type, and whether it must be there or may be repeated."""

    name: str
    kind: Any = str
    required: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route takes and gives.

    `answer` is a type, sent as `media`; None is an answer without a body, or bytes where `media` is not JSON. `body` is
    a type as JSON, `raw` the media type of a body that is none.
    """

    answer: Any = None
    query: tuple[Query, ...] = ()
    body: Any = None
    raw: str = ""
    status: int = 200
    media: str = JSON


@dataclass(frozen=True, slots=True)
class Description:
    """The body of a new project."""

    description: str = ""


_NAME, _SOURCE, _PATH = Query("name", required=True), Query("source", required=True), Query("path")
_FOLLOW, _KEY, _PROJECT = Query("follow", bool), Query("key"), Query("project")

OPERATIONS: Mapping[str, Operation] = {
    "GET /v1/info": Operation(RunnerInfo),
    "GET /v1/openapi.json": Operation(dict[str, Any]),
    "GET /v1/projects": Operation(list[Project]),
    "PUT /v1/projects/{name}": Operation(Project, body=Description),
    "GET /v1/jobs": Operation(
        list[Job],
        (
            _PROJECT,
            Query("state", JobState, repeated=True),
            Query("limit", int),
            Query("text"),
            Query("offset", int),
            Query("group"),
        ),
    ),
    "GET /v1/jobs/curves": Operation(
        list[Curve], (Query("name", required=True, repeated=True), Query("metric"), Query("points", int))
    ),
    "POST /v1/jobs": Operation(Job, body=Launch, status=201),
    "POST /v1/jobs/check": Operation(Job, body=Launch),
    "GET /v1/job": Operation(Job, (_NAME,)),
    "POST /v1/job/stop": Operation(Job, (_NAME,)),
    "PATCH /v1/job": Operation(Job, (_NAME,), body=JobChange),
    "DELETE /v1/job": Operation(None, (_NAME,), status=204),
    "GET /v1/job/usage": Operation(JobUsage, (_NAME, Query("points", int))),
    "GET /v1/job/logs": Operation(None, (_NAME, Query("offset", int), _FOLLOW), media=LOG_FRAMES),
    "GET /v1/job/metrics": Operation(list[Metric], (_NAME, Query("after", int))),
    "GET /v1/lineage": Operation(Lineage, (_NAME, Query("depth", int))),
    "GET /v1/files": Operation(list[FileInfo], (_SOURCE, _PATH, Query("recursive", bool))),
    "POST /v1/contents": Operation(None, (_SOURCE,), body=list[str], media=BYTES),
    "GET /v1/content": Operation(None, (_SOURCE, _PATH), media=BYTES),
    "GET /v1/datasets": Operation(list[Dataset]),
    "GET /v1/dataset": Operation(Dataset, (_NAME,)),
    "POST /v1/datasets/{name}/versions": Operation(AddedVersion, body=NewVersion),
    "POST /v1/datasets/{name}/fetches": Operation(Fetch, body=NewFetch, status=201),
    "GET /v1/fetches": Operation(list[Fetch]),
    "GET /v1/fetch": Operation(Fetch, (Query("id", required=True), _FOLLOW)),
    "DELETE /v1/fetch": Operation(Fetch, (Query("id", required=True),)),
    "PATCH /v1/dataset": Operation(Dataset, (_NAME,), body=DatasetChange),
    "DELETE /v1/dataset": Operation(None, (_NAME,), status=204),
    "GET /v1/dataset/uses": Operation(list[DatasetUse], (_NAME,)),
    "GET /v1/trash": Operation(list[Trashed]),
    "POST /v1/trash/restore": Operation(Trashed, (_NAME,)),
    "GET /v1/diff": Operation(list[FileChange], (Query("old", required=True), Query("new", required=True))),
    "GET /v1/gc": Operation(GcReport, (_FOLLOW,)),
    "POST /v1/gc": Operation(GcReport, (_FOLLOW, _KEY)),
    "DELETE /v1/gc": Operation(dict[str, bool]),
    "POST /v1/fsck": Operation(FsckStep, (_KEY,), media=JSON_LINES),
    "DELETE /v1/fsck": Operation(dict[str, bool]),
    "GET /v1/secrets": Operation(list[Secret]),
    "PUT /v1/secrets/{name}": Operation(Secret, (_PROJECT,), body=NewSecret),
    "DELETE /v1/secrets/{name}": Operation(None, (_PROJECT,), status=204),
    "GET /v1/environments": Operation(list[Environment]),
    "GET /v1/stats": Operation(HostStats, (_FOLLOW,)),
    "GET /v1/events": Operation(Event, media=JSON_LINES),
    "PUT /v1/trees/{digest}": Operation(TreeStatus, raw=MANIFEST),
    "GET /v1/trees/{digest}/status": Operation(TreeStatus),
    "GET /v1/trees/{digest}": Operation(None, (_SOURCE,), media=MANIFEST),
    "POST /v1/blobs": Operation(dict[str, int], raw=BYTES),
    "GET /v1/parts/{digest}": Operation(MissingBlob),
    "POST /v1/parts/{digest}": Operation(MissingBlob, (Query("sent_as", required=True),)),
    "DELETE /v1/parts/{digest}": Operation(None, status=204),
}
