"""A job's log and its metrics."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.common import caller, flag, integer, query, query_all, reply, required, runner_of, stream
from runner.errors import BadRequest
from runner.executors.base import LOG_FILE
from runner.logs import follow_log, read_log, resolve_offset, size_of, sure_end
from runner.masking import Mask, mask_of
from runner.models import LOG_FRAMES

# Of so many jobs at once, in so many points each: a tall terminal has fewer rows, and a row fewer cells.
_MOST_CURVES, _MOST_POINTS, _POINTS = 200, 64, 16


async def logs(request: Request) -> Response:
    """The log from an offset: what is there now as bytes, or with ``follow=1`` frames until the job's end."""
    jobs = runner_of(request).jobs
    job = await jobs.get(required(request, "name"), caller(request))
    log = jobs.folder(job) / LOG_FILE
    offset = resolve_offset(log, integer(request, "offset"))
    at = {"X_Log_Offset": str(offset)}
    masked = partial(mask_of, log) if job.secrets else Mask
    if flag(request, "follow"):
        frames = follow_log(log, offset, lambda: jobs.growth(job), lambda: jobs.reload(job), masked)
        return stream(request, frames, LOG_FRAMES, **at)
    mask, end = masked(), size_of(log)
    end = end if job.state.ended else sure_end(log, end, mask)
    at["Content_Length"] = str(max(0, end - offset))
    return stream(request, read_log(log, offset, end, mask), "application/octet-stream", **at)


async def metrics(request: Request) -> Response:
    """The job's metric points, without the first ``after`` of them."""
    jobs = runner_of(request).jobs
    return reply(await jobs.metrics(required(request, "name"), caller(request), integer(request, "after")))


async def curves(request: Request) -> Response:
    """The curves of several of the caller's jobs, thinned to a few values each; those that have none are left out."""
    names, points = query_all(request, "name"), integer(request, "points", _POINTS)
    if not 1 <= len(names) <= _MOST_CURVES or not 1 <= points <= _MOST_POINTS:
        raise BadRequest(
            f"{len(names)} jobs in {points} points cannot be.",
            f"Name 1 to {_MOST_CURVES} jobs, and ask for 1 to {_MOST_POINTS} points.",
        )
    metric = query(request).get("metric", "")
    return reply(await runner_of(request).jobs.curves(names, caller(request), metric, points))


routes = [
    Route("/v1/job/logs", logs),
    Route("/v1/job/metrics", metrics),
    Route("/v1/jobs/curves", curves, methods=["GET"]),
]
