"""Names of projects, jobs and datasets, as people type them and as the wire carries them.

A full name is ``OWNER/projects/NAME/N`` or ``OWNER/datasets/NAME/V``; the rules for names and short forms are
FloydHub's. A job's name also names its output as a data source, so a reference may go on with ``output``, ``code`` or
``attempt-1`` and a path inside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["projects", "datasets"]
# ``output``, ``code``, ``attempt-N``, or empty where the text says none of them.
Area = str

NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
NAME_RULE = "Use 1 to 100 letters, digits, '_', '.' or '-', and not only dots."
_KINDS: dict[str, Kind] = {"projects": "projects", "datasets": "datasets"}
# Older FloydHub spellings that meant the output.
# More than a database counts to.
_DIGITS = 19
_ATTEMPT = re.compile(r"attempt-[1-9][0-9]{0,2}")
_OUTPUT_WORDS = frozenset({"output", "home", "files"})


class BadName(ValueError):
    """A name or reference that cannot be one; the message is a sentence for the user."""


def check_name(name: str, what: str = "name") -> str:
    """Return `name` if it may name a project, dataset or mount; raise `BadName` with the rule otherwise."""
    if not NAME.fullmatch(name) or not name.strip("."):
        raise BadName(f"{name!r} cannot be a {what}. {NAME_RULE}")
    return name


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a project, job, dataset or dataset version, perhaps with parts still to be filled in.

    `owner` and `kind` are None where the text left them open; `number` is None for "the latest"; `area` and `path`
    point inside a job (``output``, ``code``, or ``attempt-1``: what the first of several attempts left) or a dataset
    version (``path`` alone).
    """

    name: str
    number: int | None = None
    owner: str | None = None
    kind: Kind | None = None
    area: Area = ""
    path: str = ""

    @classmethod
    def parse(cls, text: str, project: str | None = None) -> Ref:
        """Read what a person typed; `project` gives the name that a bare number (``3``) belongs to.

        Raises `BadName` if the text cannot be a reference.
        """
        parts = [part for part in text.strip().split("/") if part]
        if not parts:
            raise BadName("An empty reference names nothing. Write NAME, NAME/3 or OWNER/projects/NAME/3.")
        owner: str | None = None
        kind: Kind | None = None
        if len(parts) >= 3 and (kind := _KINDS.get(parts[1])):
            owner, parts = check_name(parts[0], "user name"), parts[2:]
        elif len(parts) >= 2 and (kind := _KINDS.get(parts[0])):
            parts = parts[1:]
        if kind is None and parts[0].isdecimal() and project is not None:
            kind, parts = "projects", [project, *parts]
        name, rest = check_name(parts[0]), parts[1:]
        number: int | None = None
        if rest and rest[0].isdecimal():
            number, rest = int(rest[0][:_DIGITS]), rest[1:]
            if not 1 <= number < 10 ** (_DIGITS - 1):
                raise BadName(f"{text[:200]!r}: jobs and versions count from 1, and not that far.")
        area: Area = ""
        if rest and kind != "datasets" and (found := _area(rest[0])):
            area, rest, kind = found, rest[1:], "projects"
        if rest and number is None:
            raise BadName(f"{text!r} is not a reference: {rest[0]!r} is not a number. Write NAME/NUMBER.")
        if any(part in (".", "..") for part in rest):
            raise BadName(f"{text!r}: '.' and '..' cannot be part of a path inside a reference.")
        return cls(name, number, owner, kind, area, "/".join(rest))

    def with_defaults(self, owner: str, kind: Kind) -> Ref:
        """Fill in an open owner and kind."""
        return replace(self, owner=self.owner or owner, kind=self.kind or kind)

    def __str__(self) -> str:
        number = str(self.number) if self.number is not None else None
        return "/".join(part for part in (self.owner, self.kind, self.name, number, self.area, self.path) if part)


def _area(word: str) -> Area:
    if word in _OUTPUT_WORDS:
        return "output"
    return word if word == "code" or _ATTEMPT.fullmatch(word) else ""


def job_name(owner: str, project: str, number: int) -> str:
    """Full name of a job, ``owner/projects/project/number``."""
    return f"{owner}/projects/{project}/{number}"


def version_name(owner: str, dataset: str, version: int) -> str:
    """Full name of a dataset version, ``owner/datasets/dataset/version``."""
    return f"{owner}/datasets/{dataset}/{version}"
