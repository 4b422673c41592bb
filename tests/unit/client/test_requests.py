"""Requests over a socket that works, breaks, or answers nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from floyd_tui.client.link import HostLink
from floyd_tui.client.local import LocalDialer
from floyd_tui.client.protocol import LinkState
from floyd_tui.config import HostConfig
from floyd_tui.errors import HostUnreachable, RouteMissing, RunnerMissing, RunnerProblem
from runner.models import (
    CONTENT_DIGEST,
    JSON,
    PROBLEM,
    Job,
    JobState,
    Launch,
    NewVersion,
    Problem,
    content_digest,
    encode,
)
from tests.support.unix_app import UnixApp, unix_app

JOB = Job("ada", "mnist", 3, JobState.RUNNING, "python train.py", 1.0)


@asynccontextmanager
async def link_to(app: UnixApp) -> AsyncIterator[HostLink]:
    link = HostLink("gpu1", LocalDialer(HostConfig("local", data_dir=str(app.data_dir))))
    try:
        yield link
    finally:
        await link.close()


async def test_a_problem_becomes_an_error_with_its_hint() -> None:
    async def job(request: Request) -> Response:
        problem = Problem("not_found", "Not found", 404, f"No {request.query_params['name']}.", "Look again.")
        return Response(encode(problem), 404, media_type=PROBLEM)

    async with unix_app(Route("/v1/job", job)) as app, link_to(app) as link:
        with pytest.raises(RunnerProblem) as caught:
            await link.client.job("mnist/3 &x=1")
    error = caught.value
    assert (error.code, error.status, error.title) == ("not_found", 404, "Not found")
    assert str(error) == "No mnist/3 &x=1. Look again."


async def test_answers_that_are_no_answers() -> None:
    async def jobs(request: Request) -> Response:
        return PlainTextResponse("a traceback", 500)

    async def job(request: Request) -> Response:
        return Response(b'{"owner": 3}', media_type=JSON)

    async with unix_app(Route("/v1/jobs", jobs), Route("/v1/job", job)) as app, link_to(app) as link:
        with pytest.raises(RunnerProblem, match="answered 500") as caught:
            await link.client.jobs()
        assert caught.value.status == 500
        with pytest.raises(RunnerProblem, match="does not understand") as strange:
            await link.client.job("3")
        assert "host install gpu1" in strange.value.hint
        assert link.status.state is LinkState.LIVE


async def test_a_runner_that_lacks_a_route_is_to_be_brought_up_to_date() -> None:
    async def job(request: Request) -> Response:
        return Response(encode(Problem("no_route", "No such address", 404, "GET /v1/job?")), 404, media_type=PROBLEM)

    async with unix_app(Route("/v1/job", job)) as app, link_to(app) as link:
        with pytest.raises(RouteMissing, match="does not have what this floyd-tui asks for") as caught:
            await link.client.job("3")
        assert "host install gpu1" in caught.value.hint


async def test_parameters_travel_as_the_routes_want_them() -> None:
    seen = []

    async def jobs(request: Request) -> Response:
        seen.append(sorted(request.query_params.multi_items()))
        return Response(encode([JOB]), media_type=JSON)

    async def version(request: Request) -> Response:
        seen.append([("name", request.path_params["name"])])
        return Response(encode(Problem("bad_request", "", 400, "no")), 400, media_type=PROBLEM)

    route = Route("/v1/datasets/{name}/versions", version, methods=["POST"])
    async with unix_app(Route("/v1/jobs", jobs), route) as app, link_to(app) as link:
        assert await link.client.jobs() == [JOB]
        await link.client.jobs("mnist", [JobState.QUEUED, JobState.RUNNING], 5)
        for name in ("what?is#this", "..", ""):
            with pytest.raises(RunnerProblem, match="no"):
                await link.client.add_version(name, NewVersion(tree="0" * 64))
    assert seen == [
        [],
        [("limit", "5"), ("project", "mnist"), ("state", "queued"), ("state", "running")],
        [("name", "what?is#this")],
        [("name", "..")],
        [("name", " ")],
    ]


async def test_what_may_be_repeated_is_and_a_removal_is_not() -> None:
    calls = {"GET": 0, "DELETE": 0}

    async def once(request: Request) -> Response:
        calls[request.method] += 1
        if calls[request.method] == 1:
            app.cut()
            await asyncio.sleep(0.2)
        return Response(encode([JOB]), media_type=JSON)

    routes = (Route("/v1/jobs", once), Route("/v1/job", once, methods=["DELETE"]))
    async with unix_app(*routes) as app, link_to(app) as link:
        assert await link.client.jobs() == [JOB]
        with pytest.raises(HostUnreachable) as caught:
            await link.client.delete_job("mnist/3")
        assert "Look whether" in caught.value.hint
        assert calls == {"GET": 2, "DELETE": 1}
        await link.client.delete_job("mnist/3")


async def test_an_answer_that_is_not_what_its_digest_says_is_asked_for_again() -> None:
    asked = []

    async def job(request: Request) -> Response:
        asked.append(request.method)
        damaged = replace(JOB, command="rm -rf /") if len(asked) in (1, 3, 4) else JOB
        return Response(encode(damaged), headers={CONTENT_DIGEST: content_digest(encode(JOB))}, media_type=JSON)

    async with unix_app(Route("/v1/job", job)) as app, link_to(app) as link:
        assert await link.client.job("3") == JOB
        assert len(asked) == 2
        with pytest.raises(HostUnreachable, match="What gpu1 answered was damaged on its way"):
            await link.client.job("3")


async def test_a_launch_is_sent_until_its_answer_comes_always_with_the_same_key() -> None:
    keys: list[str] = []

    async def launch(request: Request) -> Response:
        keys.append(json.loads(await request.body())["key"])
        if len(keys) in (1, 2):
            app.cut()
            await asyncio.sleep(0.2)
        return Response(encode(JOB), media_type=JSON)

    async with unix_app(Route("/v1/jobs", launch, methods=["POST"])) as app, link_to(app) as link:
        assert await link.client.launch(Launch("mnist", "true")) == JOB
        assert len(keys) == 3
        assert len(set(keys)) == 1
        assert await link.client.launch(Launch("mnist", "true")) == JOB
        assert keys[3] != keys[0]
        await link.client.launch(Launch("mnist", "true", key="mine"))
    assert keys[4] == "mine"


async def test_many_requests_at_once_survive_one_cut() -> None:
    served = 0

    async def job(request: Request) -> Response:
        nonlocal served
        served += 1
        if served == 20:
            app.cut()
        await asyncio.sleep(0.01)
        return Response(encode(JOB), media_type=JSON)

    async with unix_app(Route("/v1/job", job)) as app, link_to(app) as link:
        answers = await asyncio.gather(*(link.client.job("3") for _ in range(30)))
    assert answers == [JOB] * 30


async def test_a_runner_of_another_api_is_refused_with_who_must_update() -> None:
    async with unix_app() as app, link_to(app) as link:
        app.info = replace(app.info, api=2, version="9.0")
        with pytest.raises(RunnerMissing, match="version 2") as caught:
            await link.connected()
        assert caught.value.hint == "Update floyd-tui here."
        assert link.status.state is LinkState.FAILED
