"""From a folder to a job: what the command line and the UI both do when they launch.

`prepare` reads the folder's settings into a `Launch`; `submit` takes a snapshot, sends what the host lacks and
launches; `relaunch` makes a launch from an earlier job. Nothing here knows of a terminal.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from floyd_tui.client.progress import Progress, Speed, seconds_left
from floyd_tui.client.protocol import Link
from floyd_tui.errors import ProjectError
from floyd_tui.project.config import NOTHING_SAID, RunSettings, load_config
from floyd_tui.project.ignore import CODE_DEFAULTS, DATA_DEFAULTS
from floyd_tui.project.link import find_link
from floyd_tui.project.origin import remember
from floyd_tui.project.snapshot import ScanProgress, Snapshot, take
from floyd_tui.project.sweep import NO_SWEEP, Sweep, check_group
from runner.models import AddedVersion, BadName, Job, Launch, Limits, NewVersion, check_name

if TYPE_CHECKING:
    from floyd_tui.project.large import Consider
    from floyd_tui.project.reading import Large

Executor = Literal["docker", "process"]
Phase = Literal["scanning", "comparing", "uploading", "launching"]
# FloydHub installed these before each job; an environment that has them is the better place.
REQUIREMENTS = "floyd_requirements.txt"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """A launch made from a folder, still without its code; `notes` are sentences worth showing first.

    `sweep` says how it is multiplied, beside the braces of its command.
    """

    folder: Path
    launch: Launch
    notes: tuple[str, ...] = ()
    sweep: Sweep = NO_SWEEP


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a submission stands: its phase and how far that is. Sizes in bytes, `rate` in bytes a second.

    Comparing is asking the host what it lacks; `there_bytes` is what it had already. `snapshot` is there from the end
    of the scan on: it says what goes up and what was left out.
    """

    phase: Phase
    done_files: int = 0
    total_files: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    rate: float = 0.0
    eta_seconds: float | None = None
    there_bytes: int = 0
    snapshot: Snapshot | None = None


Tell = Callable[[Stage], None]


def prepare(
    folder: Path,
    flags: RunSettings = NOTHING_SAID,
    *,
    project: str | None = None,
    task: str | None = None,
    executor: Executor | None = None,
) -> Draft:
    """Make the launch that `folder` asks for: its floyd.yml, the `task` of it, and `flags` over both.

    The folder is the nearest one up from here that is tied to a project, unless `project` names one. Raises
    `ProjectError` where it is no project, where nothing says what to run, or where the settings cannot be right.
    """
    root, name = _project_of(folder, project)
    config = load_config(root)
    settings = flags.over(config.for_task(task))
    launch = adjust(Launch(project=name, command=""), settings, executor)
    if not launch.command.strip():
        raise ProjectError(
            "Nothing says what to run.",
            "Give a command (floyd-tui run 'python train.py') or write `command:` in floyd.yml.",
        )
    return Draft(root, launch, (*_notes(root, folder), *config.warnings), sweep_of(settings))


def _notes(root: Path, folder: Path) -> Iterator[str]:
    if root != folder.resolve():
        yield f"The project is the folder {root}."
    if (root / REQUIREMENTS).is_file():
        yield f"{REQUIREMENTS} is not installed by itself: begin the command with `pip install -r {REQUIREMENTS} &&`."


def _project_of(folder: Path, project: str | None) -> tuple[Path, str]:
    link = find_link(folder)
    if project is not None:
        try:
            name = check_name(project, "project name")
        except BadName as error:
            raise ProjectError(str(error)) from error
        return (link.folder if link else folder.resolve()), name
    if link is None:
        raise ProjectError(f"{folder.resolve()} is not a project yet.", "Run `floyd-tui init NAME` in it first.")
    return link.folder, link.name


def adjust(launch: Launch, settings: RunSettings, executor: Executor | None = None) -> Launch:
    """`launch` with what `settings` say put in place of what it says; raises `ProjectError`."""
    if settings.mode not in (None, "job"):
        raise ProjectError(
            f"The mode {settings.mode!r} is not run here yet; only jobs are.",
            "Use --mode job to run the command as one.",
        )
    _check_variables(settings)
    said: dict[str, Any] = {
        "command": settings.command,
        "mounts": settings.input,
        "environment": settings.env,
        "message": settings.description,
        "max_runtime": settings.max_runtime,
        "utilization_policy": settings.utilization_policy,
        "tags": settings.tags,
        "limits": _limits_over(settings.limits, launch.limits) if settings.limits else None,
        "env": {**launch.env, **settings.env_vars} if settings.env_vars else None,
        "priority": settings.priority,
        "after": settings.after,
        "held": settings.hold,
        "retry": settings.retry,
        "executor": executor,
        "secrets": settings.secrets,
    }
    launch = replace(launch, **{key: value for key, value in said.items() if value is not None})
    return _with_gpus(launch, settings) if settings.says_gpus else launch


def sweep_of(settings: RunSettings) -> Sweep:
    """How `settings` say that a launch is multiplied; raises `ProjectError` for a group's name that cannot be one."""
    group = check_group(settings.group) if settings.group else ""
    return Sweep(settings.sweep or {}, group, settings.max_parallel)


def _with_gpus(launch: Launch, settings: RunSettings) -> Launch:
    """`launch` on the GPUs that `settings` say; a machine's limits stay with it, its GPUs give way to a number."""
    machine = settings.machine or launch.machine
    if settings.gpus == 0:
        # A machine would bring its own.
        machine = None
    return replace(launch, machine=machine, gpus=settings.gpus or 0, gpu_memory=settings.gpu_memory)


def _check_variables(settings: RunSettings) -> None:
    for name in settings.env_vars or {}:
        if not _VARIABLE.fullmatch(name):
            raise ProjectError(f"{name!r} cannot be an environment variable.", "Use letters, digits and '_'.")


def _limits_over(new: Limits, old: Limits) -> Limits:
    names = ("memory", "cpus", "pids", "shm_size")
    return Limits(**{name: _first(getattr(new, name), getattr(old, name)) for name in names})


def _first(new: Any, old: Any) -> Any:
    return old if new is None else new


def relaunch(job: Job, flags: RunSettings = NOTHING_SAID, executor: Executor | None = None) -> Launch:
    """The launch that runs `job`'s code again, with `flags` in place of its settings; raises `ProjectError`."""
    return adjust(job.relaunch(), flags, executor)


async def submit(
    link: Link,
    folder: Path | None,
    launch: Launch,
    progress: Tell | None = None,
    consider: Consider | None = None,
) -> Job:
    """Take a snapshot of `folder`, send what the host lacks of it, and launch; without a folder, just launch.

    The host is asked first whether it could run this: nobody waits for an upload whose launch is then refused. And
    `consider` is asked before much goes up.
    Cancelling before the launching phase leaves nothing on the host but blobs that the next upload need not send.
    Raises `ProjectError`, `TransferError`, `HostError` or `RunnerProblem`.
    """
    tell = progress or _silent
    if folder is not None:
        await link.client.check_launch(replace(launch, code=None, code_from=None))
        snapshot = await scan_code(link, folder, tell, consider)
        launch = await send_code(link, snapshot, launch, tell)
    tell(Stage("launching"))
    job = await link.client.launch(launch)
    if folder is not None:
        await asyncio.to_thread(remember, job.project, folder)
    return job


async def send_code(link: Link, snapshot: Snapshot, launch: Launch, progress: Tell) -> Launch:
    """Send `snapshot` and return `launch` with it as its code; an empty folder is no code."""
    if not snapshot.manifest:
        return replace(launch, code=None, code_from=None)
    await send(link, snapshot, progress)
    return replace(launch, code=snapshot.digest, code_from=None)


async def scan_code(link: Link, folder: Path, progress: Tell, consider: Consider | None = None) -> Snapshot:
    """Take a snapshot that `consider` agrees to; raises `Declined` where there is none, or as `submit`."""
    while True:
        snapshot = await scan(folder, CODE_DEFAULTS, progress)
        progress(_comparing(snapshot))
        if consider is None or await consider.agrees(link, snapshot):
            return snapshot


async def scan(folder: Path, defaults: tuple[str, ...], progress: Tell, large: Large | None = None) -> Snapshot:
    """Take a snapshot, telling `progress` of it, and `large` of large files."""
    speed = Speed()

    def scanned(now: ScanProgress) -> None:
        # Until all files are found, and those known from last time are counted, nobody can say how long it takes.
        rate = speed.mark(now.done_bytes) if now.total_bytes else 0.0
        eta = seconds_left(now.total_bytes - now.done_bytes, rate) if rate else None
        progress(Stage("scanning", now.done_files, now.total_files, now.done_bytes, now.total_bytes, rate, eta))

    progress(Stage("scanning"))
    return await take(folder, defaults=defaults, progress=scanned, large=large)


async def send(link: Link, snapshot: Snapshot, progress: Tell) -> None:
    """Send what the host lacks of `snapshot`, telling `progress` of it."""
    from floyd_tui.client.upload import upload

    def sent(now: Progress) -> None:
        progress(
            Stage(
                "uploading",
                now.done_files,
                now.total_files,
                now.done_bytes,
                now.total_bytes,
                now.rate,
                now.eta_seconds,
                now.there_bytes,
                snapshot,
            )
        )

    progress(_comparing(snapshot))
    await upload(link, snapshot, sent, used_next=True)


def _comparing(snapshot: Snapshot) -> Stage:
    return Stage("comparing", total_files=snapshot.files, snapshot=snapshot)


async def upload_dataset(
    link: Link, folder: Path, name: str, message: str = "", progress: Tell | None = None
) -> AddedVersion:
    """Make the next version of dataset `name` from a folder; none is made where the content is the latest's.

    Raises as `submit`; a folder with nothing in it is refused.
    """
    try:
        check_name(name, "dataset name")
    except BadName as error:
        raise ProjectError(str(error)) from error
    from floyd_tui.client.head_start import HeadStart

    tell = progress or _silent
    async with HeadStart(link, folder) as large:
        snapshot = await scan(folder, DATA_DEFAULTS, tell, large)
    if not snapshot.manifest:
        raise ProjectError(f"There is nothing in {folder} to upload.", "Name the folder that holds the data.")
    await send(link, snapshot, tell)
    tell(Stage("launching", snapshot=snapshot))
    return await link.client.add_version(name, NewVersion(tree=snapshot.digest, message=message))


def _silent(stage: Stage) -> None:
    """Progress that nobody asked for."""
