"""``lineage``: what a job or a dataset's version came from, and what came from it."""

from __future__ import annotations

from typing import Any

import click

from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.options import NumberOption, dataset_name, host_option, job_reference, json_option
from floyd_tui.cli.show import age, note, show_json, show_table, state_cell
from floyd_tui.lineage import Branch, branches, how, same_code, short, standing
from runner.models import BadName, Ref


@click.command()
@click.argument("name", required=False, metavar="[JOB|datasets/NAME[/VERSION]]")
@click.option(
    "--depth", cls=NumberOption, type=click.IntRange(1, 16), default=4, show_default=True, help="How many steps away."
)
@host_option
@json_option
def lineage(name: str | None, depth: int, host: str | None, as_json: bool) -> None:
    """Tell what a job came from, and what came from it: datasets, outputs and jobs.

    Above the job stands what it came from, below it what came from it. → is mounted as an input, ↻ launched again with
    its settings, ⇒ kept as a dataset.
    """
    asked = _reference(name)
    found = on_host(host, lambda link: link.client.lineage(asked, depth))
    if as_json:
        show_json(found)
        return
    above, root, below = branches(found)
    rows = [_row(one, one is root) for one in (*above, root, *below)]
    show_table(("NAME", "STATE", "HOW", "ABOUT", "AGE"), rows, right=("AGE",), cut=("HOW", "ABOUT"))
    if text := same_code(found):
        note(text)
    if any(node.more for node in found.nodes):
        note("… there is more beyond these: ask for --depth, or for the lineage of one of them.")


def _reference(name: str | None) -> str:
    try:
        return job_reference(name)
    except BadName:
        if name is None or (ref := Ref.parse(name)).kind != "datasets":
            raise
        return dataset_name(ref)


def _row(one: Branch, is_root: bool) -> tuple[Any, ...]:
    node = one.node
    name = f"{one.stem}{short(node.name)}" + (" …" if one.again or node.more else "")
    state = state_cell(node.state) if node.state is not None else (node.kind, "dim")
    gone = standing(node)
    return (
        (name, "bold" if is_root else ""),
        (gone, "dim") if gone else state,
        (how(one.edges), "dim"),
        node.about,
        (age(node.at) if node.at is not None else "", "dim"),
    )
