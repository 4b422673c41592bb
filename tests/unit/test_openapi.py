"""The runner's own statement of its API: complete, true to docs/api.md, and fitting what it really sends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from runner.api.openapi import openapi
from runner.api.spec import OPERATIONS
from runner.app import _routes
from tests.unit.test_documents import routes

TABLE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ROWS = {
    f"{method} {path}": (query, asked, answer)
    for method, path, query, asked, answer in re.findall(
        r"^\| `(\w+) (/[^?`\s]*)(\?[^`]*)?`(.*?) \| (.*) \|$", TABLE, re.M
    )
}


def test_every_route_is_stated_and_nothing_else() -> None:
    assert set(OPERATIONS) == {f"{method} {path}" for method, path in routes()}


def test_the_document_refers_only_to_what_is_in_it() -> None:
    document = openapi(_routes())
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(_references(document)) <= known
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []


def test_the_documents_table_names_the_same_queries() -> None:
    for route, (query, _, _) in ROWS.items():
        written = set(re.findall(r"[?&](\w+)=", query))
        stated = {one.name for one in OPERATIONS[route].query}
        required = {one.name for one in OPERATIONS[route].query if one.required}
        assert required <= written <= stated or (not query and not required), (route, written, stated)


def test_the_documents_table_names_the_same_types() -> None:
    for route, (_, asked, answer) in ROWS.items():
        stated = OPERATIONS[route]
        for kind, text in ((stated.body, asked), (stated.answer, answer)):
            name = getattr(kind, "__name__", "")
            named = re.findall(r"`([A-Z]\w+)`", text)
            if name not in ("", "list", "dict", "Description") and named:
                assert name in [one.removesuffix("s") if one == "FsckSteps" else one for one in named], route
