"""Containers that the engine has started and does not know of any more.

One that is killed between a container's start and its own note of that comes back with a container that was only ever
"created". The processes run on: it can neither stop them nor wait for them, and they outlive the container's removal.
Started once more, the job would run twice. So a container that is said never to have run is looked at for traces.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Any

from runner.executors.engine import Engine, EngineError
from runner.executors.usage import container_of, groups_of

log = logging.getLogger(__name__)
_TRIES = 50
_PAUSE = 0.1


async def has_run(engine: Engine, found: dict[str, Any]) -> bool:
    """Whether a container that the engine calls "created" has processes, or had them once."""
    if await asyncio.to_thread(processes_of, found["Id"]):
        return True
    if found["State"]["Error"]:
        return False
    try:
        # Mount points are made in a container when it is started.
        return bool(await engine.get(f"/containers/{found['Id']}/changes"))
    except EngineError as error:
        log.warning("what container %s changed is not known: %s", found["Id"], error.message)
        return False


async def end_processes(container: str) -> None:
    """Kill what is left in a container, and wait until it has gone."""
    for _ in range(_TRIES):
        left = await asyncio.to_thread(processes_of, container)
        if not all([_end(pid) for pid in left]):
            log.warning("processes %s of container %s run on: they are another account's", left, container)
            return
        if not left:
            return
        await asyncio.sleep(_PAUSE)


def _end(pid: int) -> bool:
    """Kill a process; False where that is not allowed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True


def processes_of(container: str) -> list[int]:
    """The processes in a container, by its id, whatever the engine knows of them."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in pids if container_of(groups_of(pid)) == container]
