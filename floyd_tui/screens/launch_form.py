"""What the launch form's fields say, as a launch; each field that cannot be right gets a sentence of its own."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from floyd_tui.errors import ProjectError
from floyd_tui.project.config import MACHINES, parse_policy
from floyd_tui.project.mounts import distinct, make_mount
from floyd_tui.project.sweep import NO_SWEEP, Sweep, parse_grid, shown_grid, variants
from floyd_tui.sizes import parse_duration, parse_size
from runner.models import BadName, Launch, Limits, Mount, Retry, UtilizationPolicy, check_name

T = TypeVar("T")

MOST_GPUS = 64
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


@dataclass(frozen=True, slots=True)
class FormValues:
    """The fields as typed. `folder` is None where the code is an earlier job's; `mounts` are pairs as typed."""

    project: str = ""
    folder: str | None = None
    command: str = ""
    environment: str | None = None
    mounts: tuple[tuple[str, str], ...] = ()
    gpus: str = ""
    max_runtime: str = ""
    message: str = ""
    tags: str = ""
    variables: str = ""
    memory: str = ""
    cpus: str = ""
    priority: str = ""
    after: str = ""
    retry: str = ""
    idle: str = ""
    sweep: str = ""
    together: str = ""


@dataclass(slots=True)
class Reading:
    """A form, read: `launch` is right where `wrong` is empty; otherwise that has a sentence per field.

    `launches` are those that it stands for: itself, or those of a sweep.
    """

    launch: Launch
    launches: list[Launch] = field(default_factory=list)
    folder: Path | None = None
    wrong: dict[str, str] = field(default_factory=dict)


def values_of(launch: Launch, folder: Path | None, sweep: Sweep = NO_SWEEP) -> FormValues:
    """The fields that show `launch`, and how it is multiplied."""
    return FormValues(
        project=launch.project,
        folder=None if folder is None else shown_path(folder),
        command=launch.command,
        environment=launch.environment,
        mounts=tuple((mount.source, mount.destination) for mount in launch.mounts),
        gpus=_shown_gpus(launch),
        max_runtime=shown_seconds(launch.max_runtime),
        message=launch.message,
        tags=" ".join(launch.tags),
        variables=shlex.join(f"{name}={value}" for name, value in launch.env.items()),
        memory=shown_bytes(launch.limits.memory),
        cpus="" if launch.limits.cpus is None else f"{launch.limits.cpus:g}",
        priority=str(launch.priority or ""),
        after=" ".join(launch.after),
        retry=str(launch.retry or ""),
        idle=_shown_policy(launch.utilization_policy),
        sweep=shown_grid(sweep.grid),
        together=str(sweep.max_parallel or ""),
    )


def read(values: FormValues, draft: Launch) -> Reading:
    """The launch that `values` ask for, over the parts of `draft` that the form does not show."""
    reading = Reading(draft)
    reading.folder = _folder(values.folder, reading.wrong)
    try:
        project = check_name(values.project.strip(), "project name")
    except BadName as error:
        project, reading.wrong["project"] = draft.project, str(error)
    if not values.command.strip():
        reading.wrong["command"] = "Say what to run, such as: python train.py"
    reading.launch = replace(
        draft,
        project=project,
        command=values.command.strip(),
        environment=values.environment or None,
        mounts=_mounts(values.mounts, reading.wrong),
        **_gpus(values.gpus, draft, reading.wrong),
        priority=_priority(values.priority, reading.wrong),
        after=tuple(dict.fromkeys(values.after.replace(",", " ").split())),
        max_runtime=_parsed(parse_duration, values.max_runtime, "max_runtime", reading.wrong),
        message=values.message.strip(),
        tags=tuple(dict.fromkeys(values.tags.replace(",", " ").split())),
        env=_variables(values.variables, reading.wrong),
        limits=_limits(values, draft.limits, reading.wrong),
        retry=_parsed(Retry.parse, values.retry, "retry", reading.wrong),
        utilization_policy=_parsed(parse_policy, values.idle, "retry", reading.wrong),
    )
    reading.launches = _launches(reading.launch, values, reading.wrong)
    return reading


def _launches(launch: Launch, values: FormValues, wrong: dict[str, str]) -> list[Launch]:
    try:
        grid = parse_grid(shlex.split(values.sweep))
        most = _at_once(values.together.strip())
        return variants(launch, Sweep(grid, max_parallel=most))
    except ProjectError as error:
        wrong["sweep"] = error.message
    except ValueError as error:
        wrong["sweep"] = str(error)
    return [launch]


def _at_once(text: str) -> int | None:
    if text and not (text.isascii() and text.isdecimal() and int(text)):
        raise ValueError(f"{text!r} is not a number of jobs that run at once, such as 2.")
    return int(text) if text else None


def _parsed(parse: Callable[[str], T], text: str, name: str, wrong: dict[str, str]) -> T | None:
    """What `parse` makes of a field; nothing of an empty one, and of a wrong one its sentence."""
    try:
        return parse(text) if text.strip() else None
    except ValueError as error:
        wrong[name] = str(error)
        return None


def _shown_policy(policy: UtilizationPolicy | None) -> str:
    return f"{policy.min_gpu_utilization:g}:{shown_seconds(policy.time_window)}" if policy else ""


def _folder(text: str | None, wrong: dict[str, str]) -> Path | None:
    if text is None:
        return None
    folder = Path(text.strip() or ".").expanduser()
    if not folder.is_dir():
        wrong["folder"] = f"{folder} is not a folder here."
    return folder


def _mounts(pairs: tuple[tuple[str, str], ...], wrong: dict[str, str]) -> tuple[Mount, ...]:
    mounts: list[Mount] = []
    try:
        mounts = [make_mount(source.strip(), place) for source, place in pairs if source.strip() or place.strip()]
        return distinct(mounts)
    except ProjectError as error:
        wrong["mounts"] = str(error)
        return tuple(mounts)


def _shown_gpus(launch: Launch) -> str:
    if launch.gpu_memory is not None:
        return shown_bytes(launch.gpu_memory)
    return launch.machine if launch.machine and not launch.gpus else str(launch.gpus)


def _gpus(text: str, draft: Launch, wrong: dict[str, str]) -> dict[str, Any]:
    """The fields of a launch that say which GPUs: how many, how much memory of one, or a machine that says it."""
    clean = text.strip() or "0"
    if clean == _shown_gpus(draft):
        return {}
    if clean in MACHINES:
        return {"machine": clean, "gpus": 0, "gpu_memory": None}
    if clean.isascii() and clean.isdecimal() and int(clean) <= MOST_GPUS:
        return {"machine": None, "gpus": int(clean), "gpu_memory": None}
    try:
        if clean.isdecimal():
            raise ValueError
        return {"machine": None, "gpus": 0, "gpu_memory": parse_size(clean)}
    except ValueError:
        wrong["gpus"] = f"{text.strip()!r} is not a number of GPUs. Write 0, 1, 2, 8GiB to share one, or gpu2."
        return {}


def _priority(text: str, wrong: dict[str, str]) -> int:
    try:
        return int(text.strip() or "0")
    except ValueError:
        wrong["queue"] = f"{text.strip()!r} is not a priority, such as 10 or -10."
        return 0


def _variables(text: str, wrong: dict[str, str]) -> dict[str, str]:
    try:
        words = shlex.split(text)
    except ValueError:
        wrong["variables"] = "A quotation mark is not closed."
        return {}
    for word in words:
        if not _VARIABLE.fullmatch(word):
            wrong["variables"] = f"{word!r} is not NAME=VALUE. Put a value with spaces in quotes."
            return {}
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _limits(values: FormValues, draft: Limits, wrong: dict[str, str]) -> Limits:
    memory, cpus = None, None
    try:
        if values.cpus.strip():
            cpus = _cores(values.cpus.strip())
        if values.memory.strip():
            memory = parse_size(values.memory)
    except ValueError as error:
        wrong["limits"] = str(error)
    return replace(draft, memory=memory, cpus=cpus)


def _cores(text: str) -> float:
    try:
        cores = float(text)
    except ValueError:
        cores = math.nan
    if not 0 < cores < math.inf:
        raise ValueError(f"{text!r} is not a number of cores, such as 2 or 0.5.")
    return cores


def shown_bytes(count: int | None) -> str:
    """Bytes as one types them, exactly: ``8GiB``, ``1500``; empty for none."""
    if count is None:
        return ""
    return next((f"{count // unit}{name}" for unit, name in _UNITS if count % unit == 0), str(count))


def shown_seconds(seconds: int | None) -> str:
    """Seconds as one types them: ``2h30m``, ``90s``; empty for none."""
    if seconds is None:
        return ""
    parts = ((seconds // 86400, "d"), (seconds % 86400 // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount)


def shown_path(path: Path) -> str:
    """A path with ``~`` for the home folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path != home and path.is_relative_to(home) else str(path)
