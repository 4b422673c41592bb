"""Secrets: values that jobs are given and nobody is told, kept on the host by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.models.names import BadName

SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# Shorter values are in too many texts by chance to be looked for in logs, in bytes.
SHORTEST_MASKED = 8
_FORM = re.compile(r"(?P<name>[^=:]*)(?:=(?P<variable>[^=:]*)|:(?P<file>file))?")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is told of: its name, the project it is for (None: all of its owner's), when it was set."""

    name: str
    project: str | None
    set_at: float


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A value to keep. It is never part of an answer."""

    value: str


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret that a job is given: as the environment variable `variable`, or as a file where that is empty."""

    name: str
    variable: str = ""

    @classmethod
    def parse(cls, text: str) -> SecretUse:
        """Read ``NAME`` (a variable of that name), ``NAME=VARIABLE`` or ``NAME:file``; raises `BadName`."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise BadName(f"{text!r} is no secret to give to a job. Write NAME, NAME=VARIABLE or NAME:file.")
        name = check_secret_name(match["name"])
        if match["file"]:
            return cls(name)
        return cls(name, name if match["variable"] is None else check_secret_name(match["variable"], "a variable"))

    def __str__(self) -> str:
        if not self.variable:
            return f"{self.name}:file"
        return self.name if self.variable == self.name else f"{self.name}={self.variable}"


def check_secret_name(name: str, what: str = "a secret") -> str:
    """Return `name` if it may name a secret, or a variable; raise `BadName` otherwise."""
    if not SECRET_NAME.fullmatch(name):
        raise BadName(f"{name!r} cannot be the name of {what}. Use 1 to 100 letters, digits and '_', no digit first.")
    return name
