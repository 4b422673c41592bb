"""The documents name what there is: routes, commands, pictures, each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from floyd_tui.cli.main import cli
from runner.app import ROUTE_MODULES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def routes() -> set[tuple[str, str]]:
    """Method and path of every route of the runner."""
    found = [route for name in ROUTE_MODULES for route in import_module(f"runner.api.{name}").routes]
    return {
        (method, re.sub(r":\w+}", "}", route.path)) for route in found for method in route.methods if method != "HEAD"
    }


def documented_routes() -> set[tuple[str, str]]:
    """Method and path of every route of docs/api.md."""
    text = (ROOT / "docs" / "api.md").read_text()
    return set(re.findall(r"^\| `(\w+) (/[^?`\s]*)", text, re.M))


def documented_commands() -> Iterator[tuple[str, ...]]:
    """The commands of docs/cli.md's table, as words; ``host add|ls`` are two."""
    text = (ROOT / "docs" / "cli.md").read_text().partition("## Names")[0].replace("\\|", "|")
    for row in re.findall(r"^\| (`.*?`) \| ", text, re.M):
        for command in re.findall(r"`([^`]*)`", row):
            words = [word for word in command.split() if re.fullmatch(r"[a-z|]+", word)]
            *group, last = words[:2]
            yield from ((*group, one) for one in last.split("|"))


def commands(command: click.Command, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command below `command`, as words."""
    if not isinstance(command, click.Group):
        yield before
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from commands(found, *before, name)


def test_the_routes_are_those_of_the_documents() -> None:
    assert documented_routes() == routes()


def test_the_commands_are_those_of_the_documents() -> None:
    assert set(documented_commands()) == set(commands(cli))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []
