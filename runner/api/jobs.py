"""Projects and jobs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runner.api.bodies import body
from runner.api.common import caller, integer, query, query_all, reply, required, runner_of
from runner.api.spec import Description
from runner.errors import BadRequest
from runner.models import JobChange, JobState, Launch
from runner.telemetry.record import MOST_POINTS, thin


async def projects(request: Request) -> Response:
    """The caller's projects."""
    return reply(await runner_of(request).jobs.projects(caller(request)))


async def create_project(request: Request) -> Response:
    """Make a project unless it is there."""
    asked = await body(request, Description)
    name: str = request.path_params["name"]
    return reply(await runner_of(request).jobs.create_project(name, caller(request), asked.description))


async def jobs(request: Request) -> Response:
    """The caller's jobs, newest first."""
    states = [_state(text) for text in query_all(request, "state")]
    limit = integer(request, "limit", -1)
    asked = query(request)
    found = runner_of(request).jobs.select(
        caller(request),
        asked.get("project") or None,
        states,
        None if limit < 0 else limit,
        asked.get("text", ""),
        max(0, integer(request, "offset", 0)),
        asked.get("group", ""),
    )
    return reply(await found)


async def launch(request: Request) -> Response:
    """Launch a job."""
    asked = await body(request, Launch)
    return reply(await runner_of(request).jobs.launch(asked, caller(request)), 201)


async def check_launch(request: Request) -> Response:
    """Say whether a launch could be made, and of what: before its code goes up, which may take long."""
    asked = await body(request, Launch)
    return reply(await runner_of(request).jobs.check(asked, caller(request)))


async def job(request: Request) -> Response:
    """One job."""
    return reply(await runner_of(request).jobs.get(required(request, "name"), caller(request)))


async def usage(request: Request) -> Response:
    """What a job used, in so many points at most."""
    runner = runner_of(request)
    most = integer(request, "points", MOST_POINTS)
    if not 1 <= most <= MOST_POINTS:
        raise BadRequest(f"points={most} cannot be.", f"Ask for 1 to {MOST_POINTS}.")
    found = await runner.telemetry.usage(await runner.jobs.get(required(request, "name"), caller(request)))
    return reply(thin(found, most))


async def stop(request: Request) -> Response:
    """Ask a job to end."""
    return reply(await runner_of(request).jobs.stop(required(request, "name"), caller(request)))


async def change(request: Request) -> Response:
    """Give a job other tags; hold, release or move a waiting one."""
    asked = await body(request, JobChange)
    return reply(await runner_of(request).jobs.change(required(request, "name"), asked, caller(request)))


async def delete(request: Request) -> Response:
    """Remove an ended job."""
    await runner_of(request).jobs.delete(required(request, "name"), caller(request))
    return Response(status_code=204)


def _state(text: str) -> JobState:
    try:
        return JobState(text)
    except ValueError as error:
        known = ", ".join(JobState)
        raise BadRequest(f"{text!r} is not the state of a job.", f"States are: {known}.") from error


routes = [
    Route("/v1/projects", projects),
    Route("/v1/projects/{name}", create_project, methods=["PUT"]),
    Route("/v1/jobs", jobs, methods=["GET"]),
    Route("/v1/jobs", launch, methods=["POST"]),
    Route("/v1/jobs/check", check_launch, methods=["POST"]),
    Route("/v1/job", job, methods=["GET"]),
    Route("/v1/job", change, methods=["PATCH"]),
    Route("/v1/job", delete, methods=["DELETE"]),
    Route("/v1/job/usage", usage, methods=["GET"]),
    Route("/v1/job/stop", stop, methods=["POST"]),
]
