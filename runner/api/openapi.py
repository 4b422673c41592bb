"""`GET /v1/openapi.json`: the runner's API as it states it itself, from its routes and `runner.api.spec`."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runner import __version__
from runner.api.common import caller
from runner.api.schemas import Schemas
from runner.api.spec import OPERATIONS, Operation
from runner.models import JSON, PROBLEM, Problem

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


async def document(request: Request) -> Response:
    """This document: every route with what it takes and gives."""
    caller(request)
    return Response(_text(request.app), media_type=JSON)


@functools.lru_cache(maxsize=1)
def _text(app: Starlette) -> bytes:
    return json.dumps(openapi(app.routes)).encode("ascii")


def openapi(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `routes`."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, Route):
            path = _PARAMETER.sub(r"{\1}", route.path)
            for method in sorted((route.methods or set()) - {"HEAD"}):
                paths.setdefault(path, {})[method.lower()] = _operation(schemas, method, path, route)
    schemas.of(Problem)
    return {
        "openapi": "3.1.0",
        "info": {"title": "floyd-runner", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas.components},
    }


def _operation(schemas: Schemas, method: str, path: str, route: Route) -> dict[str, Any]:
    stated = OPERATIONS.get(f"{method} {path}", Operation())
    told = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    problem = {"description": "refused", "content": {PROBLEM: {"schema": schemas.of(Problem)}}}
    found: dict[str, Any] = {
        "summary": told,
        "parameters": [*_in_path(path), *_in_query(schemas, stated)],
        "responses": {str(stated.status): _answer(schemas, stated), "default": problem},
    }
    if stated.body is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.of(stated.body)}}}
    elif stated.raw:
        found["requestBody"] = {"required": True, "content": {stated.raw: {}}}
    return found


def _in_path(path: str) -> list[dict[str, Any]]:
    names = _PARAMETER.findall(path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(schemas: Schemas, stated: Operation) -> list[dict[str, Any]]:
    found = []
    for query in stated.query:
        schema = schemas.of(query.kind)
        schema = {"type": "array", "items": schema} if query.repeated else schema
        found.append({"name": query.name, "in": "query", "required": query.required, "schema": schema})
    return found


def _answer(schemas: Schemas, stated: Operation) -> dict[str, Any]:
    if stated.answer is None and stated.media == JSON:
        return {"description": "done"}
    schema = {} if stated.answer is None else {"schema": schemas.of(stated.answer)}
    return {"description": "done", "content": {stated.media: schema}}


routes = [Route("/v1/openapi.json", document)]
