"""The files that tie a folder to a project (`.floydexpt`) or a dataset (`.floyddata`), as FloydHub's client wrote them.

Both are JSON with ``name``, ``family_id`` and ``namespace``. The folder's parents are searched too, as git does, so a
command works from anywhere inside a project.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from floyd_tui.errors import ProjectError
from runner.models import BadName, check_name

Kind = Literal["project", "dataset"]
LINK_FILES: dict[Kind, str] = {"project": ".floydexpt", "dataset": ".floyddata"}


@dataclass(frozen=True, slots=True)
class FolderLink:
    """What `folder` is tied to. `namespace` is the owner that wrote the file, perhaps one of FloydHub's days."""

    folder: Path
    name: str
    family_id: str = ""
    namespace: str = ""


def find_link(folder: Path, kind: Kind = "project") -> FolderLink | None:
    """The nearest link at `folder` or above it; raises `ProjectError` if the file found cannot be read."""
    start = folder.resolve()
    for place in (start, *start.parents):
        if (place / LINK_FILES[kind]).is_file():
            return read_link(place, kind)
    return None


def read_link(folder: Path, kind: Kind) -> FolderLink:
    """Read the link file in `folder`; raises `ProjectError`."""
    path = folder / LINK_FILES[kind]
    again = (
        f"Remove it and run `floyd-tui init NAME` in {folder}." if kind == "project" else "Remove it and begin again."
    )
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        name = check_name(data["name"].rpartition("/")[2], f"{kind} name")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, BadName) else "it does not name a " + kind
        raise ProjectError(f"{path} cannot be read: {reason}.", again) from error
    return FolderLink(folder, name, str(data.get("family_id") or ""), str(data.get("namespace") or ""))


def write_link(folder: Path, name: str, kind: Kind = "project", namespace: str = "") -> FolderLink:
    """Tie `folder` to `name`, replacing an older tie; raises `ProjectError` for a bad name or an unwritable folder."""
    try:
        check_name(name, f"{kind} name")
    except BadName as error:
        raise ProjectError(str(error)) from error
    path = folder / LINK_FILES[kind]
    before = read_link(folder, kind) if path.is_file() else None
    same = before is not None and before.name == name
    family = before.family_id if before and same and before.family_id else uuid.uuid4().hex
    text = json.dumps({"name": name, "family_id": family, "namespace": namespace}, indent=2) + "\n"
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ProjectError(f"{path} cannot be written: {error.strerror}.", "Choose a folder of yours.") from error
    return FolderLink(folder, name, family, namespace)
