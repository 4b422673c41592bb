"""What the launch form's fields say, as a launch; each field that cannot be right gets a sentence of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.mounts import distinct, make_mount
from floyd_tui.project.sizes import parse_duration
from runner.models import BadName, Launch, Mount, check_name

MOST_GPUS = 64


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


@dataclass(slots=True)
class Reading:
    """A form, read: `launch` is right where `wrong` is empty; otherwise that has a sentence per field."""

    launch: Launch
    folder: Path | None = None
    wrong: dict[str, str] = field(default_factory=dict)


def values_of(launch: Launch, folder: Path | None) -> FormValues:
    """The fields that show `launch`."""
    return FormValues(
        project=launch.project,
        folder=None if folder is None else shown_path(folder),
        command=launch.command,
        environment=launch.environment,
        mounts=tuple((mount.source, mount.destination) for mount in launch.mounts),
        gpus=str(launch.gpus),
        max_runtime=shown_seconds(launch.max_runtime),
        message=launch.message,
        tags=" ".join(launch.tags),
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
        gpus=_gpus(values.gpus, reading.wrong),
        max_runtime=_seconds(values.max_runtime, reading.wrong),
        message=values.message.strip(),
        tags=tuple(dict.fromkeys(values.tags.replace(",", " ").split())),
    )
    return reading


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


def _gpus(text: str, wrong: dict[str, str]) -> int:
    clean = text.strip() or "0"
    if not clean.isascii() or not clean.isdecimal() or int(clean) > MOST_GPUS:
        wrong["gpus"] = f"{text.strip()!r} is not a number of GPUs. Write 0, 1, 2, …"
        return 0
    return int(clean)


def _seconds(text: str, wrong: dict[str, str]) -> int | None:
    if not text.strip():
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        wrong["max_runtime"] = str(error)
        return None


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
