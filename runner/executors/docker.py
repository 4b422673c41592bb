"""Runs jobs as containers of a Docker Engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

from runner.clock import boot_id
from runner.errors import Unavailable
from runner.executors.base import MADE_FILE, Away, Ended, Say, Standing, Task
from runner.executors.container import (
    HOME,
    JOB_LABEL,
    SHELL,
    TERMINATE,
    aliases,
    container_config,
    container_name,
    labels_of,
)
from runner.executors.engine import Engine, EngineError
from runner.executors.exits import BOOT_LABEL, ended_of, was_killed, went_down_since
from runner.executors.forgotten import end_processes, has_run
from runner.executors.images import Images, label_filter
from runner.executors.networks import Networks
from runner.executors.usage import Place, container_of, groups_of

log = logging.getLogger(__name__)
# While the engine is down its jobs may run on: ask again this often, in seconds.
_RETRY = 1.0
_STANDING = {"created": Standing.READY, "exited": Standing.ENDED, "dead": Standing.ENDED}


@dataclass(frozen=True, slots=True)
class Kept:
    """A container that is there: its id, its job's name, the bytes that it wrote beside its image, and since when."""

    id: str
    job: str
    size: int
    created_at: float


class DockerExecutor:
    """The executor for one engine and one runner's data folder; `shared`: the jobs are of several people."""

    def __init__(self, engine: Engine, data_dir: Path, shared: bool = False) -> None:
        self._engine = engine
        self._data_dir = data_dir
        self._labels = labels_of(data_dir)
        self.images = Images(engine, self._labels)
        self.networks = Networks(engine, data_dir, self._labels, apart=shared)
        self._places: dict[str, Place | None] = {}
        # Since when the engine has not answered for a job, in epoch seconds, until it is seen to run again.
        self._away: dict[str, float] = {}

    @property
    def name(self) -> Literal["docker"]:
        """How this executor is called in settings and jobs."""
        return "docker"

    async def prepare(self, task: Task, say: Say) -> str:
        """Have the network and the image here; raises `Unavailable` where they cannot be had."""
        await self.networks.join(task.job.owner, task.job.name, say)
        return await self.images.ensure(task.job.image, say)

    async def start(self, task: Task) -> None:
        """Create and start the container; if it cannot start, nothing of it is left."""
        image = task.job.image
        places = aliases(task)
        hidden = await self.images.has(image, (*places, SHELL))
        if SHELL not in hidden:
            raise Unavailable(f"The image has no {SHELL}, which a job needs.", "Choose another environment.")
        labels = {**self._labels, BOOT_LABEL: boot_id()}
        config = container_config(task, labels, set(places) - hidden, self.networks.name(task.job.owner))
        try:
            await self._create_and_start(task, config)
        except EngineError as error:
            await self.remove(task)
            raise _cannot_start(task, error) from error
        except Away as error:
            self._note_away(task, error)
            raise
        except BaseException:
            # Cancelled or cut off in the middle: whether it began is for the next look at it to say.
            log.warning("starting %s was interrupted", task.job.name)
            raise

    async def _create_and_start(self, task: Task, config: dict[str, Any]) -> None:
        made = await self._create(task, config)
        for warning in made.get("Warnings") or ():
            log.warning("%s: %s", task.job.name, warning)
        await asyncio.to_thread(_made(task).touch)
        start = f"{self._path(task)}/start"
        try:
            await self._engine.post(start, timeout=None)
        except EngineError as error:
            if error.answer != 404 or "network" not in error.message:
                raise
            await self.networks.renew(task.job.owner, task.job.name)
            await self._engine.post(start, timeout=None)

    async def _create(self, task: Task, config: dict[str, Any]) -> dict[str, Any]:
        try:
            made: dict[str, Any] = await self._engine.post("/containers/create", config, name=self._name(task))
        except EngineError as error:
            if error.answer != 409:
                raise
            # A runner that was killed had asked for it, and the engine has made it only now.
            await self._engine.delete(self._path(task), force="1", v="1")
            made = await self._engine.post("/containers/create", config, name=self._name(task))
        return made

    async def standing(self, task: Task) -> Standing:
        """How the container stands."""
        found = await self._look(task)
        if found is None:
            return Standing.VANISHED if _made(task).exists() else Standing.ABSENT
        if _standing(found) is Standing.READY and _made(task).exists():
            return await self._standing_of_made(task, found)
        return _standing(found)

    async def _standing_of_made(self, task: Task, found: dict[str, Any]) -> Standing:
        """How a container stands that the engine calls new although it was about to begin when it was last heard of."""
        if await has_run(self._engine, found):
            # One that was just being started is known to run once the engine answers again.
            if (again := await self._look(task)) is not None and _standing(again) is not Standing.READY:
                return _standing(again)
            await end_processes(found["Id"])
            return Standing.VANISHED if _may_have_begun(task) else Standing.READY
        # Whether the engine was told to start it before the runner ended is not known; told twice, it starts once.
        with contextlib.suppress(EngineError):
            await self._engine.post(f"{self._path(task)}/start", timeout=None)
            return await self.standing(task)
        return Standing.READY

    async def wait(self, task: Task) -> Ended:
        """Wait for the container's end, through restarts of the engine."""
        witnessed = False
        while True:
            try:
                found = await self._look(task)
                if found is not None and _standing(found) is Standing.READY:
                    await end_processes(found["Id"])
                    return Ended(None, reason="The Docker Engine went down, and forgot that it had started it.")
                if found is not None and _standing(found) is not Standing.ENDED:
                    witnessed = True
                    await self._engine.post(f"{self._path(task)}/wait", timeout=None)
                    found = await self._look(task)
            except Unavailable as error:
                if not isinstance(error, EngineError) or error.answer != 404:
                    self._note_away(task, error)
                    await asyncio.sleep(_RETRY)
                continue
            if found is None:
                return Ended(None, reason="Its container was removed by somebody else while it ran.")
            if _standing(found) is Standing.ENDED:
                return ended_of(task, found, await self._away_since(task, found, witnessed))
            await asyncio.sleep(_RETRY)

    async def terminate(self, task: Task) -> None:
        """Ask every process in the container to end, by a small script that runs in there."""
        user = "0:0" if task.as_root else f"{task.identity.uid}:{task.identity.gid}"
        request = {"Cmd": ["/bin/sh", "-c", TERMINATE], "User": user}
        try:
            made = await self._engine.post(f"{self._path(task)}/exec", request)
            await self._engine.post(f"/exec/{made['Id']}/start", {"Detach": True})
        except EngineError as error:
            # 404 and 409: it has ended meanwhile. Otherwise the first process alone is asked.
            if error.answer not in (404, 409):
                await self._signal(task, "SIGTERM")

    async def kill(self, task: Task) -> None:
        """Kill the container."""
        await self._signal(task, "SIGKILL")

    async def give_back(self, task: Task) -> None:
        """Change owners by a container of the same image, since only root can, and the runner may not be root."""
        if not task.as_root:
            return
        owner = f"{task.identity.uid}:{task.identity.gid}"
        config = {
            "Image": task.job.image,
            "User": "0:0",
            "Entrypoint": ["chown", "-hR", owner, HOME],
            "Labels": self._labels,
            "HostConfig": {
                "NetworkMode": "none",
                "CapDrop": ["ALL"],
                "CapAdd": ["CHOWN", "DAC_OVERRIDE"],
                "Mounts": [{"Type": "bind", "Source": str(task.home), "Target": HOME}],
            },
        }
        helper = (await self._engine.post("/containers/create", config))["Id"]
        try:
            await self._engine.post(f"/containers/{helper}/start")
            await self._engine.post(f"/containers/{helper}/wait", timeout=None)
        finally:
            await asyncio.shield(self._engine.discard(helper))

    async def remove(self, task: Task) -> None:
        """Remove the container with its anonymous volumes."""
        self._places.pop(task.job.name, None)
        self._away.pop(task.job.name, None)
        # In this order: cut off in between, what is still there is found by its name.
        await asyncio.to_thread(_made(task).unlink, missing_ok=True)
        try:
            await self._engine.delete(self._path(task), force="1", v="1")
            await self.networks.leave(task.job.owner, task.job.name)
        except Away:
            raise
        except Unavailable as error:  # the engine lets this account in no more: a later start of the runner sweeps
            log.warning("%s: its container is not removed: %s", task.job.name, error.detail)

    async def place(self, task: Task) -> Place | None:
        """The container and the first process in it; the engine is asked where that is not known, or not so now."""
        known = self._places.get(task.job.name)
        if known is None or not _is_at(known):
            found = await self._look(task)
            told = Place(found["State"]["Pid"], found["Id"]) if found is not None else None
            # An engine in a virtual machine of its own tells numbers of other processes.
            known = self._places[task.job.name] = told if told is not None and _is_at(told) else None
        return known

    async def leftovers(self, sizes: bool = False) -> list[Kept]:
        """All containers of this runner; probes and helpers have no job. `sizes` costs the engine a look at each."""
        options = {"all": "1", "size": "1"} if sizes else {"all": "1"}
        found = await self._engine.get("/containers/json", filters=label_filter(self._labels), **options)
        return [
            Kept(one["Id"], one["Labels"].get(JOB_LABEL, ""), one.get("SizeRw") or 0, one["Created"]) for one in found
        ]

    async def sweep(self, active: frozenset[str], before: float = inf) -> None:
        """Remove containers of this runner that belong to no `active` job: what a crash left; and unused networks.

        With `before` (epoch seconds), only containers that were made before that.
        """
        for container in await self.leftovers():
            if container.job not in active and container.created_at < before:
                await self.discard(container.id)
        await self.networks.sweep()

    async def discard(self, container: str) -> None:
        """Remove a container by its id."""
        await self._engine.discard(container)

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.close()

    def _name(self, task: Task) -> str:
        return container_name(task, self._data_dir)

    def _path(self, task: Task) -> str:
        return f"/containers/{self._name(task)}"

    async def _look(self, task: Task) -> dict[str, Any] | None:
        """The container as the engine describes it; None where there is none."""
        try:
            found: dict[str, Any] = await self._engine.get(f"{self._path(task)}/json")
        except EngineError as error:
            if error.answer == 404:
                return None
            raise
        except Away as error:
            self._note_away(task, error)
            raise
        if found["State"]["Status"] == "running":
            self._away.pop(task.job.name, None)
        return found

    async def _away_since(self, task: Task, found: dict[str, Any], witnessed: bool) -> float | None:
        """Since when the engine was away as the job ended, in epoch seconds; 0 where it was, and that is not known.

        It still answers as it ends its jobs to go down. What it did before this runner looked is seen by its traces.
        """
        if (known := self._away.get(task.job.name)) is not None:
            return known
        if was_killed(found) and await self._engine.is_closing():
            return 0.0
        return None if witnessed or not await went_down_since(self._engine, found) else 0.0

    def _note_away(self, task: Task, error: Unavailable) -> None:
        if task.job.name not in self._away:
            log.warning("waiting for %s: %s", task.job.name, error.detail)
            self._away[task.job.name] = time.time()

    async def _signal(self, task: Task, signal: str) -> None:
        try:
            await self._engine.post(f"{self._path(task)}/kill", signal=signal)
        except EngineError as error:
            if error.answer not in (404, 409):
                raise


def _made(task: Task) -> Path:
    return task.folder / MADE_FILE


def _may_have_begun(task: Task) -> bool:
    """Whether the log leaves it open that the command began: it is as empty and old as it was made, otherwise."""
    log = task.log.stat()
    return log.st_size > 0 or log.st_mtime_ns > _made(task).stat().st_mtime_ns


def _is_at(place: Place) -> bool:
    return place.pid > 0 and container_of(groups_of(place.pid)) == place.container


def _standing(found: dict[str, Any]) -> Standing:
    return _STANDING.get(found["State"]["Status"], Standing.RUNNING)


def _cannot_start(task: Task, error: EngineError) -> Unavailable:
    words = error.message
    if "could not select device driver" in words or "nvidia" in words.lower():
        return Unavailable(
            f"Docker cannot give the job a GPU: {words}.",
            "Install the NVIDIA Container Toolkit on the host and restart Docker there.",
        )
    return Unavailable(f"Docker could not start {task.job.short}: {words}.", "Look at the engine's log on the host.")
