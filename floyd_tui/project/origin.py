"""Which folder here a project's jobs were last launched from: `R` takes today's code of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.link import find_link

_MOST = 500


def remember(project: str, folder: Path) -> None:
    """Note that `project`'s code is `folder`'s. Where it cannot be noted, it is asked for another time."""
    known = {**_read(), project: str(folder.resolve())}
    path = _path()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(dict(list(known.items())[-_MOST:]), indent=1), "utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)


def folder_of(project: str, here: Path) -> Path | None:
    """The folder of `project`'s code: the one around `here` if that is tied to it, else that of the last launch."""
    try:
        link = find_link(here)
    except ProjectError:
        link = None
    if link is not None and link.name == project:
        return link.folder
    known = Path(_read().get(project, ""))
    return known if known.is_absolute() and known.is_dir() else None


def _path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("floyd-tui", appauthor=False) / "folders.json"


def _read() -> dict[str, str]:
    try:
        found = json.loads(_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(folder) for name, folder in found.items()} if isinstance(found, dict) else {}
