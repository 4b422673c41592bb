"""`floyd.yml`: how this folder is run. FloydHub's keys in both its dialects, and a few of our own.

A file that FloydHub took is taken; what is wrong is said with file, line and key. Keys nobody knows are passed over
with a word, since a newer floyd-tui may know them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from floyd_tui.errors import ProjectError
from floyd_tui.project.mounts import mounts_of
from floyd_tui.project.sweep import checked_grid, choices
from floyd_tui.sizes import parse_duration, parse_size
from runner.models import Limits, Mount, Retry, SecretUse, UtilizationPolicy

CONFIG_FILES = ("floyd.yml", "floyd.yaml")
# FloydHub's instances; what each of them is, the host's settings say.
MACHINES = ("cpu", "cpu2", "gpu", "gpu2")
MODES = ("job", "jupyter", "serve")
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to run a folder; None where nothing is said. The host says what a `machine` has, `gpus` go over that.

    `max_runtime` is in seconds; `limits` as in the runner's contract, sizes in bytes, `gpu_memory`, too.
    """

    machine: str | None = None
    env: str | None = None
    input: tuple[Mount, ...] | None = None
    description: str | None = None
    max_runtime: int | None = None
    utilization_policy: UtilizationPolicy | None = None
    command: str | None = None
    mode: str | None = None
    gpus: int | None = None
    limits: Limits | None = None
    tags: tuple[str, ...] | None = None
    env_vars: Mapping[str, str] | None = None
    secrets: tuple[SecretUse, ...] | None = None
    gpu_memory: int | None = None
    priority: int | None = None
    after: tuple[str, ...] | None = None
    hold: bool | None = None
    retry: Retry | None = None
    sweep: Mapping[str, tuple[str, ...]] | None = None
    max_parallel: int | None = None
    group: str | None = None

    def over(self, other: RunSettings) -> RunSettings:
        """These settings, and `other`'s where these say nothing."""
        said = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        if self.says_gpus:
            # A machine said here is not to be outvoted by a number of GPUs said there.
            said = {"gpus": None, "gpu_memory": None, **said}
        if self.sweep and other.sweep:
            said["sweep"] = {**other.sweep, **self.sweep}
        return replace(other, **said)

    @property
    def says_gpus(self) -> bool:
        """Whether this says which GPUs: by a machine, how many, or how much memory of one."""
        return self.machine is not None or self.gpus is not None or self.gpu_memory is not None


NOTHING_SAID = RunSettings()


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """A floyd.yml: its top level, its tasks, `warnings` about what was passed over. No file: `path` is None."""

    path: Path | None = None
    settings: RunSettings = NOTHING_SAID
    tasks: Mapping[str, RunSettings] | None = None
    warnings: tuple[str, ...] = ()

    def for_task(self, task: str | None) -> RunSettings:
        """The settings of `task`, over those of the top level; raises `ProjectError` for one that is not there."""
        if task is None:
            return self.settings
        tasks = self.tasks or {}
        if task not in tasks:
            known = f"It has: {', '.join(sorted(tasks))}." if tasks else "Add it under `task:`."
            raise ProjectError(f"{self.path or 'floyd.yml'} has no task {task!r}.", known)
        return tasks[task].over(self.settings)


def load_config(folder: Path) -> ProjectConfig:
    """Read the floyd.yml (or .yaml) in `folder`; empty settings where there is none. Raises `ProjectError`."""
    found = [path for name in CONFIG_FILES if (path := folder / name).is_file()]
    if not found:
        return ProjectConfig()
    if len(found) > 1:
        raise ProjectError(f"{folder} has both {' and '.join(CONFIG_FILES)}.", "Keep one of them.")
    try:
        text = found[0].read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{found[0]} cannot be read: {error}.", "Make it readable UTF-8 text.") from error
    return parse_config(text, found[0])


def parse_config(text: str, path: Path) -> ProjectConfig:
    """Read the text of a floyd.yml; `path` is for messages. Raises `ProjectError` naming file, line and key."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ProjectError(
            f"{path.name}{line} is not YAML: {error.problem}.", "Check indentation and quotes."
        ) from error
    except yaml.YAMLError as error:
        raise ProjectError(f"{path.name} is not YAML: {error}.", "Save it as plain UTF-8 text.") from error
    reader = _Reader(loader, path.name)
    if node is None or node.tag == _NULL:  # only comments: no settings, as FloydHub had it
        return ProjectConfig(path)
    settings, rest = reader.section(node, allow_tasks=True)
    return ProjectConfig(path, settings, reader.tasks(rest), tuple(reader.warnings))


class _Reader:
    """Reads sections of one file, with the line of each key at hand for messages."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self._loader = loader
        self._name = name
        self.warnings: list[str] = []

    def value(self, node: yaml.Node) -> Any:
        """The plain data of a node; raises `ProjectError` for a tag or value YAML cannot construct."""
        try:
            return self._loader.construct_document(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self._wrong(node, f"cannot be understood: {getattr(error, 'problem', None) or error}") from error

    def section(self, node: yaml.Node, allow_tasks: bool) -> tuple[RunSettings, yaml.Node | None]:
        """The settings of a mapping, and its `task` node if it has one."""
        said: dict[str, Any] = {}
        tasks: yaml.Node | None = None
        for key, value in self._items(node, "a floyd.yml is a list of keys such as `command: python train.py`"):
            field = {"data": "input"}.get(key.value, key.value)
            if field == "task" and allow_tasks:
                tasks = value
            elif field not in _READERS:
                self._unknown(key)
            elif (plain := self.value(value)) is not None:
                said[field] = self._read(key, field, plain)
        return RunSettings(**said), tasks

    def tasks(self, node: yaml.Node | None) -> dict[str, RunSettings]:
        """The sections under ``task:``."""
        if node is None or node.tag == _NULL:
            return {}
        items = self._items(node, "`task:` holds named sections")
        return {str(key.value): self.section(value, allow_tasks=False)[0] for key, value in items}

    def _items(self, node: yaml.Node, expected: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, expected)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key, expected)
            if key.value in seen:
                raise self._wrong(key, f"{key.value!r} is there twice")
            seen.add(key.value)
        # Brings in what `<<: *anchor` merges, before the mapping's own keys: the later ones win.
        self._loader.flatten_mapping(node)
        return list(node.value)

    def _read(self, key: yaml.ScalarNode, field: str, value: Any) -> Any:
        try:
            return _READERS[field](value)
        except ProjectError as error:
            raise ProjectError(
                f"{self._place(key)}: {error.message}", error.hint or f"Correct {self._name} and run again."
            ) from error
        except ValueError as error:
            raise self._wrong(key, f"{key.value}: {error}") from error

    def _unknown(self, key: yaml.ScalarNode) -> None:
        near = difflib.get_close_matches(key.value, [*_READERS, "task", "data"], 1)
        meant = f"; did you mean {near[0]!r}?" if near else "."
        self.warnings.append(f"{self._place(key)}: {key.value!r} is not a key of floyd.yml{meant}")

    def _place(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}"

    def _wrong(self, node: yaml.Node, what: str) -> ProjectError:
        return ProjectError(f"{self._place(node)}: {what.rstrip('.')}.", f"Correct {self._name} and run again.")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text; put it in quotes")
    return value.strip()


def _one_of(known: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = _text(value)
        if text not in known:
            near = difflib.get_close_matches(text, known, 1)
            raise ValueError(
                f"{text!r} is not one of {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else "")
            )
        return text

    return read


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not a number of GPUs (0, 1, 2, …)")
    return value


def parse_policy(text: str) -> UtilizationPolicy:
    """The policy of ``10:30m``: stop a job of which a GPU was used below 10 % for 30 minutes; raises `ValueError`."""
    percent, colon, time = text.partition(":")
    try:
        low = float(percent.strip().rstrip("%"))
    except ValueError:
        colon, low = "", 0.0
    if not colon:
        raise ValueError(f"{text!r} is not PERCENT:TIME, such as 10:30m.")
    return UtilizationPolicy(low, parse_duration(time)).checked()


def _policy(value: Any) -> UtilizationPolicy:
    if isinstance(value, str):
        return parse_policy(value)
    keys = {"min_gpu_utilization", "time_window"}
    if not isinstance(value, dict) or set(value) != keys or isinstance(value["min_gpu_utilization"], bool | str):
        raise ValueError("it is made of `min_gpu_utilization: 10` (percent) and `time_window: 30m`")
    return UtilizationPolicy(float(value["min_gpu_utilization"]), _seconds(value["time_window"])).checked()


def _retry(value: Any) -> Retry:
    return Retry.parse(value if isinstance(value, str) else str(value))


def _seconds(value: Any) -> int:
    return parse_duration(value if isinstance(value, str) else str(value))


def _limits(value: Any) -> Limits:
    if not isinstance(value, dict):
        raise ValueError("limits are keys such as `memory: 8GiB` and `cpus: 4`")
    known: dict[str, Callable[[Any], Any]] = {"memory": _bytes, "shm_size": _bytes, "cpus": _cores, "pids": _pids}
    unknown = sorted(set(map(str, value)) - set(known))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a limit; there are {', '.join(known)}")
    return Limits(**{key: known[key](item) for key, item in value.items()})


def _bytes(value: Any) -> int:
    return parse_size(value if isinstance(value, str) else str(value))


def _cores(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{value!r} is not a number of cores, such as 2 or 0.5")
    return float(value)


def _pids(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a number of processes")
    return value


def _priority(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a priority, such as 10 or -10")
    return value


def _jobs(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(str(item) if type(item) is int else _text(item) for item in items))


def _tags(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(_text(item) for item in items))


def _secrets(value: Any) -> tuple[SecretUse, ...]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ValueError("secrets are a list of names, such as `- WANDB_API_KEY`; their values stay on the host")
    return tuple(dict.fromkeys(SecretUse.parse(item) for item in items))


def _variables(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str | int | float) for v in value.values()):
        raise ValueError("env_vars are names with a value each, such as `SEED: 3`")
    return {str(name): _plain(item) for name, item in value.items()}


def _grid(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError("what is swept is names with their values, such as `lr: [0.1, 0.01]`")
    return checked_grid({str(name): _values(item) for name, item in value.items()})


def _values(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return choices(f"{{{value}}}") if ".." in value else (value,)
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | float) for item in items):
        raise ValueError("values are texts or numbers, such as `lr: [0.1, 0.01]` or `seed: 1..5`")
    return tuple(dict.fromkeys(map(_plain, items)))


def _at_once(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a number of jobs that run at once")
    return value


def _plain(value: Any) -> str:
    # YAML reads `yes` and `true` as booleans; a shell script would have seen the word.
    return str(value).lower() if isinstance(value, bool) else str(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "machine": _one_of(MACHINES),
    "env": _text,
    "input": mounts_of,
    "description": _text,
    "max_runtime": _seconds,
    "retry": _retry,
    "utilization_policy": _policy,
    "command": _text,
    "mode": _one_of(MODES),
    "gpus": _count,
    "limits": _limits,
    "tags": _tags,
    "env_vars": _variables,
    "secrets": _secrets,
    "gpu_memory": _bytes,
    "priority": _priority,
    "after": _jobs,
    "sweep": _grid,
    "max_parallel": _at_once,
}
