"""The launch form's beginning: what a folder says about itself, also where it says nothing yet."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

from floyd_tui.client.protocol import Client
from floyd_tui.errors import RunnerProblem
from floyd_tui.project.config import load_config
from floyd_tui.project.link import find_link
from floyd_tui.project.run import Draft, adjust, sweep_of
from runner.models import BadName, Launch, check_name

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


async def draft_of(folder: Path) -> Draft:
    """The launch that `folder`'s floyd.yml and project link ask for, the rest left open.

    Unlike `project.run.prepare` it takes a folder that is no project and names no command: the form asks for those.
    Raises `ProjectError` where what the folder says cannot be right.
    """
    return await asyncio.to_thread(_read, folder)


def _read(folder: Path) -> Draft:
    link = find_link(folder)
    root = link.folder if link else folder.resolve()
    config = load_config(root)
    name = link.name if link else suggested_name(root)
    settings = config.for_task(None)
    return Draft(root, adjust(Launch(project=name, command=""), settings), config.warnings, sweep_of(settings))


async def as_last_time(client: Client, project: str) -> Launch | None:
    """The settings of `project`'s last job, for other code; None where it never ran one. Raises `FloydError`."""
    try:
        last = await client.job(project) if project else None
    except RunnerProblem as error:
        if error.code != "not_found":
            raise
        last = None
    return replace(last.relaunch(), code_from=None, relaunched_from=None) if last else None


def suggested_name(folder: Path) -> str:
    """A project name made from a folder's; empty where nothing of it may be in a name."""
    name = _NOT_IN_NAMES.sub("-", folder.name).strip("-")[:100]
    try:
        return check_name(name)
    except BadName:
        return ""
