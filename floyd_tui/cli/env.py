"""``env ls``: what jobs can run in."""

from __future__ import annotations

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.lazy import Clauses
from floyd_tui.cli.options import host_option, json_option
from floyd_tui.cli.show import show_json, show_table
from floyd_tui.client.protocol import Link
from runner.models import Environment


@click.group(cls=Clauses)
def env() -> None:
    """List environments."""


@env.command("ls")
@host_option
@json_option
def ls(host: str | None, as_json: bool) -> None:
    """List the host's environments; HERE says whether the image is there already."""

    async def work(link: Link) -> list[Environment]:
        return await link.client.environments()

    found = on_host(host, work)
    if as_json:
        show_json(found)
        return
    rows = [(e.name, "yes" if e.present else "", e.image, (e.description, "dim")) for e in found]
    show_table(
        ("ENVIRONMENT", "HERE", "IMAGE", "DESCRIPTION"),
        rows,
        cut=("IMAGE", "DESCRIPTION"),
        empty="This host has no environments.",
    )
