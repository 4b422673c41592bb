"""The ASGI application: the routes of `runner.api`, and every error as a problem document."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from importlib import import_module

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from runner.api.common import on_crash, on_error, problem_response
from runner.errors import RunnerError
from runner.models import BadManifest, BadMessage, BadName, Problem
from runner.service import Runner

ROUTE_MODULES = (
    *("info", "openapi", "data", "datasets", "fetches", "files", "contents"),
    *("jobs", "logs", "host", "gc", "secrets", "trash", "lineage"),
)


def create_app(runner: Runner) -> Starlette:
    """The application that answers for `runner`; its lifespan starts and closes it.

    Where the runner cannot start for a reason that a person can mend, `app.state.failure` holds it afterwards.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await runner.start()
        except RunnerError as error:
            app.state.failure = error
            raise
        try:
            yield
        finally:
            await runner.close()

    told = (RunnerError, BadName, BadMessage, BadManifest)
    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        exception_handlers={
            **dict.fromkeys(told, on_error),
            HTTPException: _on_http,
            ClientDisconnect: _on_disconnect,
            Exception: on_crash,
        },
    )
    app.state.runner = runner
    app.state.failure = None
    return app


def _routes() -> list[BaseRoute]:
    return [route for name in ROUTE_MODULES for route in import_module(f"runner.api.{name}").routes]


async def _on_http(request: Request, error: Exception) -> Response:
    """Starlette's own: an address or method that is not in the API."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path} is not part of this runner's API."
    return problem_response(Problem("no_route", "No such address", error.status_code, detail, "See docs/api.md."))


async def _on_disconnect(_: Request, __: Exception) -> Response:
    """The client is gone: nobody reads this."""
    return Response(status_code=499)
