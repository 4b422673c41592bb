"""Options that several commands share, and names as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.types import OptionHelpExtra

    from runner.models import Ref

F = TypeVar("F", bound=Callable[..., Any])


class NumberOption(click.Option):
    """A number whose bound the help does not tell as ``[x>=0]``: nobody asks for less, and who does is told."""

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """What stands in brackets behind the help: the default."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def complete_host(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The hosts of the settings that begin so."""
    from floyd_tui.config import Config
    from floyd_tui.errors import FloydError

    try:
        return [name for name in Config.load().hosts if name.startswith(incomplete)]
    except FloydError:  # a broken config is for the command itself to say
        return []


def host_option(command: F) -> F:
    """``--host``: which host a command is about."""
    return click.option(
        "--host", metavar="HOST", help="Host to ask; the default host if left out.", shell_complete=complete_host
    )(command)


def json_option(command: F) -> F:
    """``--json``: the runner's own types, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON with the keys of docs/api.md.")(command)


def yes_option(command: F) -> F:
    """``--yes``: ask nothing."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def job_reference(text: str | None) -> str:
    """A job as typed, for the runner: a bare number is one of this folder's project, nothing its latest job.

    Raises `ProjectError` where the folder is needed and tied to no project, `BadName` for what cannot be a job.
    """
    from floyd_tui.errors import ProjectError
    from floyd_tui.project.link import find_link
    from runner.models import Ref

    tied = find_link(Path.cwd())
    if text is None or text.strip("/").partition("/")[0].isdecimal():
        if tied is None:
            raise ProjectError(
                "This folder is tied to no project, so it is open which job is meant.",
                "Name it in full, such as mnist/3, or run `floyd-tui init NAME` here.",
            )
        text = text if text is not None else f"projects/{tied.name}"
    ref = Ref.parse(text, tied.name if tied else None)
    if ref.kind == "datasets":
        from runner.models import BadName

        raise BadName(f"{text!r} is a dataset, not a job.")
    return str(ref.with_defaults("", "projects"))


def output_reference(job: str | None, path: str = "") -> tuple[str, str, str]:
    """A job, which output of it (``output``, ``attempt-1``) and a path in that, as ``mnist/3/output/logs`` says too.

    Raises `FloydError` for a job's code, and as `job_reference`.
    """
    from floyd_tui.errors import FloydError
    from runner.models import Ref

    ref = Ref.parse(job_reference(job))
    if ref.area == "code":
        raise FloydError(
            f"{job} is a job's code, not its output.", f"Fetch it: floyd-tui clone {ref.name}/{ref.number}"
        )
    number = f"/{ref.number}" if ref.number is not None else ""
    owner = f"{ref.owner}/" if ref.owner else ""
    inside = "/".join(part for part in (ref.path, path.strip("/")) if part)
    return f"{owner}projects/{ref.name}{number}", ref.area or "output", inside


def dataset_name(ref: Ref) -> str:
    """A dataset or version as the runner reads it, without the path inside it."""
    return str(replace(ref.with_defaults("", "datasets"), path=""))
