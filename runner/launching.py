"""A launch is looked over as a whole before anything of it is stored: what comes out is a job that can run."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import replace

from runner.asking import asked, check_limits, check_priority, require_gpus
from runner.environments import HOST, Environments
from runner.errors import BadRequest, Conflict, NotFound
from runner.executors import Executors
from runner.models import (
    Input,
    Job,
    JobState,
    Launch,
    Mount,
    Ref,
    Retry,
    UtilizationPolicy,
    check_name,
    check_secret_name,
)
from runner.queue import limits_of
from runner.scheduling import Device
from runner.settings import Settings
from runner.sources import Sources
from runner.store.jobs import JobStore
from runner.store.room import Room
from runner.store.secrets import Secrets
from runner.store.trees import Trees

# Linux takes no single argument of 128 KiB or more, and the command is one.
MAX_COMMAND = 120_000
_MAX_ENV = 1 << 20
_MAX_TEXT = 10_000
_MAX_KEY = 100
_MAX_VALUES = 100
# A year, in seconds.
_MAX_RUNTIME = 366 * 86400
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Launching:
    """Checks launches against what is stored and what the host has."""

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        trees: Trees,
        sources: Sources,
        environments: Environments,
        executors: Executors,
        room: Room,
        secrets: Secrets,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._room = room
        self._store = store
        self._trees = trees
        self._sources = sources
        self._environments = environments
        self._executors = executors

    async def check(self, launch: Launch, caller: str, devices: Sequence[Device], gpu_note: str) -> Job:
        """The queued job, without a number yet, that `launch` asks for; `devices` are the GPUs of the host.

        Raises `BadName`, `BadRequest`, `NotFound`, `Conflict`, `Unavailable`, `NoSpace` or `Damaged`, each with the
        next step.
        """
        check_name(launch.project, "project name")
        _check_command(launch.command)
        _check_settings(launch)
        check_priority(launch.priority, self._settings.max_priority)
        wanted = asked(launch, self._settings)
        require_gpus(wanted, devices, gpu_note, self._settings)
        executor = self._executors.choose(launch.executor)
        environment, image = HOST, ""
        if executor.name == "docker":
            found = self._environments.get(launch.environment)
            environment, image = found.name, (found.gpu_image if wanted.gpus else "") or found.image
        code, after = await self._code(launch, caller), await self._after(launch, caller)
        inputs = await self._inputs(launch.mounts, caller, after)
        await self._require_room(code, caller)
        await self._check_secrets(launch, caller)
        job = Job(
            owner=caller,
            project=launch.project,
            number=0,
            state=JobState.QUEUED,
            command=launch.command,
            created_at=time.time(),
            code=code,
            inputs=inputs,
            environment=environment,
            image=image,
            executor=executor.name,
            message=launch.message,
            gpus=wanted.gpus,
            gpu_memory=wanted.gpu_memory,
            machine=launch.machine or "",
            priority=launch.priority,
            after=after,
            held=launch.held,
            max_runtime=launch.max_runtime,
            env=dict(launch.env),
            limits=launch.limits,
            tags=launch.tags,
            relaunched_from=_relaunched_from(launch, caller),
            retry=_retry(launch),
            utilization_policy=_policy(launch),
            secrets=launch.secrets,
        )
        return _grouped(replace(job, given=limits_of(job, self._settings)), launch)

    async def resolve(self, job: Job) -> tuple[Input, ...]:
        """The inputs of `job` with those that jobs wrote which have ended meanwhile; raises as `check`."""
        fresh = [
            one if one.tree else await self._input(Mount(one.source, one.destination), job.owner) for one in job.inputs
        ]
        return tuple(fresh)

    async def _after(self, launch: Launch, caller: str) -> tuple[str, ...]:
        """Full names of the jobs to start after that have not succeeded yet."""
        names: dict[str, None] = {}
        for text in launch.after:
            ref = Ref.parse(text, launch.project).with_defaults(caller, "projects")
            if ref.kind != "projects" or ref.path or ref.area:
                raise BadRequest(f"{text!r} is not a job to start after.", "Write PROJECT/NUMBER.")
            job = await self._store.find(caller, ref.name, ref.number) if ref.owner == caller else None
            if job is None:
                raise NotFound(f"There is no job {text} to start after.", "Look at `floyd-tui status`.")
            if job.state.ended and job.state is not JobState.SUCCEEDED:
                raise Conflict(f"{job.short} did not succeed, so nothing starts after it.", "Leave it out.")
            if not job.state.ended:
                names[job.name] = None
        return tuple(names)

    async def _code(self, launch: Launch, caller: str) -> str | None:
        if launch.code is not None and launch.code_from is not None:
            raise BadRequest("The launch names two codes: a tree and a job's.", "Give one of them.")
        if launch.code is not None:
            return (await self._trees.require(launch.code, caller)).digest
        if launch.code_from is None:
            return None
        ref = Ref.parse(launch.code_from).with_defaults(caller, "projects")
        if ref.kind != "projects" or ref.path:
            raise BadRequest(f"{launch.code_from!r} is not a job.", "Write PROJECT/NUMBER.")
        job = await self._store.find(caller, ref.name, ref.number) if ref.owner == caller else None
        if job is None:
            raise NotFound(f"There is no job {launch.code_from} here.", "Look at `floyd-tui status`.")
        if job.code is not None:
            await self._trees.require_sound(job.code, f"the code of {job.short}")
        return job.code

    async def _check_secrets(self, launch: Launch, caller: str) -> None:
        places = [use.variable or f"{use.name}:file" for use in launch.secrets]
        for use in launch.secrets:
            check_secret_name(use.name)
            if use.variable:
                check_secret_name(use.variable, "a variable")
        for place in places:
            if places.count(place) > 1 or place in launch.env:
                raise BadRequest(f"{place} is to hold two things.", "Give one of them another name: SECRET=VARIABLE.")
        await asyncio.to_thread(self._secrets.require, caller, launch.project, launch.secrets)

    async def _require_room(self, code: str | None, caller: str) -> None:
        needed = (await self._trees.status(code, caller)).size if code is not None else 0
        await asyncio.to_thread(self._room.require_for_job, needed)

    async def _inputs(self, mounts: tuple[Mount, ...], caller: str, after: tuple[str, ...]) -> tuple[Input, ...]:
        inputs: list[Input] = []
        for mount in mounts:
            destination = _destination(mount)
            for other in inputs:
                _check_apart(destination, other.destination)
            inputs.append(await self._input(replace(mount, destination=destination), caller, after))
        return tuple(inputs)

    async def _input(self, mount: Mount, caller: str, after: tuple[str, ...] = ()) -> Input:
        """The input of a mount; of a job of `after` it is open what that holds until it has ended."""
        source = await self._sources.resolve(mount.source, caller)
        if source.tree is None and source.job is not None and source.job.name in after:
            return Input(source.name, mount.destination, "", source.path)
        found = Input(source.name, mount.destination, source.require_tree(), source.path, source.origin)
        await asyncio.to_thread(self._check_no_link, found)
        await self._trees.require_sound(found.tree, found.source)
        return found

    def _check_no_link(self, found: Input) -> None:
        """A link in a tree may lead anywhere on the host: inside a container it is harmless, as a mount it is not."""
        if not found.path:
            return
        for entry in self._trees.each(found.tree):
            if entry.kind == "link" and (found.path == entry.path or found.path.startswith(entry.path + "/")):
                raise BadRequest(f"{found.source} is a link, which cannot be mounted.", "Mount what it points to.")


def _destination(mount: Mount) -> str:
    """The mount's name below /floyd/input/, as FloydHub's files write it: ``mnist``, ``/mnist``, ``/mnist/``."""
    parts = mount.destination.strip().strip("/").split("/")
    if parts == [""]:
        raise BadRequest(f"The mount of {mount.source} has no name.", f"Write {mount.source}:NAME.")
    return "/".join(check_name(part, "mount name") for part in parts)


def _check_apart(one: str, other: str) -> None:
    if one == other:
        raise BadRequest(f"Two inputs are to be mounted at /{one}.", "Give each mount a name of its own.")
    short, long = sorted((one, other), key=len)
    if long.startswith(short + "/"):
        raise BadRequest(f"Mount /{long} lies inside mount /{short}, which is read-only.", "Put it somewhere else.")


def _check_command(command: str) -> None:
    if not command.strip():
        raise BadRequest("The launch has no command.", "Say what to run, as in `floyd-tui run 'python train.py'`.")
    _check_text(command, "command", MAX_COMMAND, lines=True)


def _check_text(text: str, what: str, longest: int, lines: bool = False) -> None:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise BadRequest(f"The {what} holds characters that are not Unicode text.", "Write it anew.") from error
    if "\0" in text or (not lines and "\n" in text and what == "tag"):
        raise BadRequest(f"The {what} holds a character that cannot be used there.", "Leave it out.")
    if size > longest:
        raise BadRequest(f"The {what} has {size} bytes; {longest} are the most.", "Put it into a file of the project.")


def _check_settings(launch: Launch) -> None:
    for name, value in launch.env.items():
        if not _VARIABLE.fullmatch(name):
            raise BadRequest(f"{name!r} cannot be the name of a variable.", "Use letters, digits and '_'.")
        _check_text(value, f"value of {name}", MAX_COMMAND, lines=True)
    if sum(len(name) + len(value) for name, value in launch.env.items()) > _MAX_ENV:
        raise BadRequest("The variables take more than 1 MiB.", "Put what is large into a file of the project.")
    _check_text(launch.message, "message", _MAX_TEXT, lines=True)
    _check_text(launch.key or "", "key", _MAX_KEY)
    for tag in launch.tags:
        check_name(tag, "tag")
    _check_group(launch)
    if launch.max_runtime is not None and not 1 <= launch.max_runtime <= _MAX_RUNTIME:
        raise BadRequest(
            f"A job cannot be limited to {launch.max_runtime} seconds.", f"Give 1 to {_MAX_RUNTIME}, or no limit."
        )
    check_limits(launch.limits)


def _check_group(launch: Launch) -> None:
    if launch.group:
        check_name(launch.group, "group name")
    elif launch.values or launch.max_parallel is not None:
        raise BadRequest(
            "The launch is of no group, whose `values` and `max_parallel` these were.", "Name its `group`."
        )
    for name, value in launch.values.items():
        _check_text(name, "name of a value", _MAX_KEY)
        _check_text(value, f"value of {name}", _MAX_TEXT, lines=True)
    if len(launch.values) > _MAX_VALUES:
        raise BadRequest(f"The launch has {len(launch.values)} values; {_MAX_VALUES} are the most.", "Name fewer.")
    if launch.max_parallel is not None and launch.max_parallel < 1:
        raise BadRequest(f"{launch.max_parallel} jobs of a group cannot run at once.", "Give 1 or more.")


def _grouped(job: Job, launch: Launch) -> Job:
    return replace(job, group=launch.group or "", values=dict(launch.values), max_parallel=launch.max_parallel)


def _relaunched_from(launch: Launch, caller: str) -> str | None:
    """The full name of the job that the settings are from; it may be gone by now."""
    if launch.relaunched_from is None:
        return None
    return str(Ref.parse(launch.relaunched_from, launch.project).with_defaults(caller, "projects"))


def _policy(launch: Launch) -> UtilizationPolicy | None:
    try:
        return launch.utilization_policy.checked() if launch.utilization_policy is not None else None
    except ValueError as error:
        raise BadRequest(str(error), "Correct `utilization_policy`.") from error


def _retry(launch: Launch) -> Retry | None:
    try:
        return launch.retry.checked() if launch.retry is not None and launch.retry.times else None
    except ValueError as error:
        raise BadRequest(str(error), "Correct `retry`.") from error
