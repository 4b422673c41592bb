"""Where secrets are kept: a file each, mode 0600, below a folder for its owner. No answer and no log holds a value.

They are not encrypted: a key beside them would open them to whoever can read them, which is root and the runner's
own account.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.errors import BadRequest, NotFound
from runner.models import Secret, SecretUse, check_name, check_secret_name
from runner.store.disk import write_durably

MAX_VALUE = 64 << 10
_PERSON, _PROJECTS = "person", "projects"


class Secrets:
    """The secrets of all people; every method is about those of `owner`. They block: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "secrets"
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def all(self, owner: str) -> list[Secret]:
        """The names of all, those for every project first."""
        projects = self._folder / owner / _PROJECTS
        found = list(self._in(self._place(owner, None), None))
        for folder in sorted(projects.iterdir()) if projects.is_dir() else ():
            found += self._in(folder, folder.name)
        return found

    def set(self, owner: str, name: str, project: str | None, value: str) -> Secret:
        """Keep a value, in place of one that is there; raises `BadName` or `BadRequest`."""
        file = self._file(owner, name, project)
        _check_value(value)
        for folder in reversed(file.relative_to(self._folder).parents[:-1]):
            (self._folder / folder).mkdir(mode=0o700, exist_ok=True)
        write_durably(file, value.encode("utf-8"), 0o600)
        return Secret(name, project, time.time())

    def remove(self, owner: str, name: str, project: str | None) -> None:
        """Forget a value; raises `NotFound`. Jobs that have been given it keep it."""
        try:
            self._file(owner, name, project).unlink()
        except FileNotFoundError as error:
            raise self._nothing(name, project) from error

    def require(self, owner: str, project: str, uses: Iterable[SecretUse]) -> None:
        """Raise `NotFound` naming the first that there is none of for a job of `project`."""
        for use in uses:
            if self._find(owner, use.name, project) is None:
                raise self._nothing(use.name, None)

    def values(self, owner: str, project: str, uses: Iterable[SecretUse]) -> dict[str, str]:
        """The values by name, a project's own before one for all; raises `NotFound`."""
        found = {}
        for use in uses:
            file = self._find(owner, use.name, project)
            if file is None:
                raise self._nothing(use.name, None)
            found[use.name] = file.read_text("utf-8")
        return found

    def _find(self, owner: str, name: str, project: str) -> Path | None:
        places = (self._file(owner, name, project), self._file(owner, name, None))
        return next((file for file in places if file.is_file()), None)

    def _place(self, owner: str, project: str | None) -> Path:
        if project is None:
            return self._folder / owner / _PERSON
        return self._folder / owner / _PROJECTS / check_name(project, "project name")

    def _file(self, owner: str, name: str, project: str | None) -> Path:
        return self._place(owner, project) / check_secret_name(name)

    def _in(self, folder: Path, project: str | None) -> Iterator[Secret]:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            # What a crash left half written begins with a dot.
            if not file.name.startswith("."):
                yield Secret(file.name, project, file.stat().st_mtime)

    def _nothing(self, name: str, project: str | None) -> NotFound:
        where = f" for project {project}" if project else ""
        return NotFound(f"There is no secret {name} of yours here{where}.", f"Set it: floyd-tui secret set {name}")


def _check_value(value: str) -> None:
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise BadRequest("The secret is not Unicode text.", "Encode it, as in base64.") from error
    if not value or "\0" in value:
        raise BadRequest("A secret is a text of one character or more, none of them NUL.", "Encode it, as in base64.")
    if size > MAX_VALUE:
        raise BadRequest(f"The secret has {size:,} bytes; {MAX_VALUE:,} are the most.", "Keep a key to it instead.")
