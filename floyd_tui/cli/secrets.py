"""``secret set|ls|rm``: values that jobs are given and nobody is told."""

from __future__ import annotations

import sys

import click

from floyd_tui.cli.asking import agree
from floyd_tui.cli.hosted import on_host
from floyd_tui.cli.lazy import Clauses
from floyd_tui.cli.options import host_option, json_option, yes_option
from floyd_tui.cli.show import age, note, show_json, show_table
from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from runner.models import SHORTEST_MASKED, Secret, check_secret_name

project_option = click.option("--project", metavar="NAME", help="For jobs of that project, before one for all.")


@click.group(cls=Clauses)
def secret() -> None:
    """Keep secrets on a host and give them to jobs."""


@secret.command("set")
@click.argument("name")
@project_option
@host_option
def set_(name: str, project: str | None, host: str | None) -> None:
    """Keep a value as the secret NAME, in place of one that is there.

    It is asked for, or read from the standard input without its last newline; never from the command line, which
    everybody on this machine can read. A job gets it by `secrets: [NAME]` in floyd.yml, or by `run --secret NAME`.
    """
    check_secret_name(name)
    value = _value(name)

    async def work(link: Link) -> None:
        await link.client.set_secret(name, value, project)

    on_host(host, work)
    note(f"{name} is kept{_of(project)}.")
    if len(value.encode()) < SHORTEST_MASKED:
        note(f"It is shorter than {SHORTEST_MASKED} bytes: where a job prints it, it is not masked in logs.")


def _value(name: str) -> str:
    if sys.stdin.isatty():
        value = click.prompt(f"Value of {name}", hide_input=True, err=True)
    else:
        try:
            value = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise FloydError("The secret is not UTF-8 text.", "Encode it, as in base64.") from error
    if not value:
        raise FloydError("The secret is empty.", f"Pipe it in: floyd-tui secret set {name} < FILE")
    return str(value)


@secret.command("ls")
@host_option
@json_option
def ls(host: str | None, as_json: bool) -> None:
    """List the names of your secrets. Their values are never shown."""

    async def work(link: Link) -> list[Secret]:
        return await link.client.secrets()

    found = on_host(host, work)
    if as_json:
        show_json(found)
        return
    show_table(
        ("SECRET", "FOR", "SET"),
        [(one.name, one.project or "all projects", (f"{age(one.set_at)} ago", "dim")) for one in found],
        cut=("FOR",),
        empty="No secrets here. Keep one: floyd-tui secret set NAME",
    )


@secret.command("rm")
@click.argument("name")
@project_option
@yes_option
@host_option
def rm(name: str, project: str | None, yes: bool, host: str | None) -> None:
    """Forget the secret NAME. Jobs that have been given it keep it."""
    check_secret_name(name)

    async def work(link: Link) -> None:
        if not yes:
            await agree(f"Forget the secret {name}{_of(project)}?", "Say so with --yes.")
        await link.client.delete_secret(name, project)

    on_host(host, work)
    note(f"{name} is forgotten{_of(project)}.")


def _of(project: str | None) -> str:
    return f" for jobs of {project}" if project else " for all your jobs"
