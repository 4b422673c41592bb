"""A person's own commands: a key, a template, and what it is about; read from ``commands.yaml`` beside the settings.

::

    - name: Code here
      key: ctrl+e
      where: job
      command: floyd-tui clone {job} && code {project}
      run: background

Values come from hosts and from what others wrote: each is quoted for the shell, so a template must not put quotes
around it. What a template cannot keep harmless is refused when it is read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from floyd_tui.config import COMMANDS_FILE
from floyd_tui.errors import ConfigError

RUNS = ("output", "background", "suspend")
_ALWAYS = ("host", "ssh", "folder")
# What a template may name, by where it is run.
VALUES: Mapping[str, tuple[str, ...]] = {
    "anywhere": _ALWAYS,
    "host": _ALWAYS,
    "job": ("job", "project", "number", "state", "message", "environment", *_ALWAYS),
    "file": ("path", "source", *_ALWAYS),
    "dataset": ("dataset", "version", *_ALWAYS),
}
_FIELDS = ("name", "key", "where", "command", "run", "reads_only")
_VALUE = re.compile(r"\{(?P<name>\w+)(?P<remote>:remote)?\}")


@dataclass(frozen=True, slots=True)
class CustomCommand:
    """One command. Every field is a key of an entry of commands.yaml."""

    name: str
    """What the row of keys, the help and the palette call it."""
    command: str
    """A line for the shell; ``{job}``, ``{host}`` and so on become values, quoted; ``{path:remote}`` twice, for ssh."""
    key: str = ""
    """The key it has; without one the palette and ``:`` find it."""
    where: str = "anywhere"
    """What it is about: ``job``, ``file``, ``dataset``, ``host``, or ``anywhere``."""
    run: str = "output"
    """``output`` shows what it prints, ``background`` tells its end, ``suspend`` gives it the terminal."""
    reads_only: bool = False
    """Whether it changes nothing on a host, and may be run with --readonly."""

    @property
    def id(self) -> str:
        """The id of its key, for ``keys`` in config.yaml."""
        return "custom." + re.sub(r"\W+", "-", self.name.lower()).strip("-")

    def line(self, values: Mapping[str, str]) -> str:
        """The line for the shell, each value quoted."""

        def quoted(found: re.Match[str]) -> str:
            once = shlex.quote(values[found["name"]])
            return shlex.quote(once) if found["remote"] else once

        return _VALUE.sub(quoted, self.command)


@dataclass
class CustomCommands:
    """What commands.yaml holds, and what is wrong with the rest of it."""

    commands: list[CustomCommand] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def load(folder: Path) -> CustomCommands:
    """Read the commands of the settings in `folder`; what is wrong with one leaves the others."""
    path, found = folder / COMMANDS_FILE, CustomCommands()
    try:
        data = yaml.safe_load(path.read_text("utf-8")) or []
    except FileNotFoundError:
        return found
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        found.problems.append(f"{path} cannot be read: {' '.join(str(error).split())}.")
        return found
    if not isinstance(data, list):
        found.problems.append(f"{path} should be a list: each command begins with `- name: …`.")
        return found
    for number, entry in enumerate(data, 1):
        if problem := _add(entry, found.commands):
            found.problems.append(f"{COMMANDS_FILE}, command {number}: {problem}")
    return found


def _add(entry: Any, commands: list[CustomCommand]) -> str:
    """Add one command to those before it; what is wrong with it."""
    try:
        one = _read(entry)
    except ConfigError as error:
        return str(error)
    if any(one.id == other.id or (one.key and one.key == other.key) for other in commands):
        return f"{one.name!r} has the name or the key of another."
    commands.append(one)
    return ""


def _read(entry: Any) -> CustomCommand:
    if not isinstance(entry, dict):
        raise ConfigError(f"{entry!r} is no command.", "Write name: and command: below each other.")
    for key, value in entry.items():
        if key not in _FIELDS:
            raise ConfigError(f"there is no {key}.{_near(str(key), _FIELDS)}")
        if not isinstance(value, bool if key == "reads_only" else str):
            raise ConfigError(f"{key} is {value!r}.", "It should be true or false." if key == "reads_only" else "")
    for key in ("name", "command"):
        if not entry.get(key):
            raise ConfigError(f"{key} is missing.")
    one = CustomCommand(**entry)
    if one.where not in VALUES:
        raise ConfigError(f"where is {one.where!r}; it may be {', '.join(VALUES)}.")
    if one.run not in RUNS:
        raise ConfigError(f"run is {one.run!r}; it may be {', '.join(RUNS)}.")
    _check(one)
    return one


def _check(one: CustomCommand) -> None:
    """Refuse a template with values that its place does not have, or where quoting would not hold."""
    known = VALUES[one.where]
    found = list(_VALUE.finditer(one.command))
    for each in found:
        if each["name"] not in known:
            raise ConfigError(f"{{{each['name']}}} is not known {_of(one.where)}.{_near(each['name'], known)}")
        if _quoted(one.command[: each.start()]):
            raise ConfigError(
                f"{each[0]} is within quotes.", "Take them away: each value is quoted already, whatever is in it."
            )
    if found and ("`" in one.command or "<<" in one.command):
        raise ConfigError("a value is not safe in a command with ` or <<.", "Write $(…), or a script of your own.")


def _quoted(text: str) -> bool:
    """Whether what follows `text` would stand within quotes, or behind a backslash."""
    quote, skip = "", False
    for letter in text:
        if skip:
            skip = False
        elif letter == "\\" and quote != "'":
            skip = True
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
    return bool(quote) or skip


def _of(where: str) -> str:
    return "anywhere" if where == "anywhere" else f"of a {where}"


def _near(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f" Do you mean {near[0]}?" if near else f" There are {', '.join(known)}."
