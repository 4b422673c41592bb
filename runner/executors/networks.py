"""The bridge networks of a shared runner's jobs: one a person, so that nobody's containers reach another's.

Docker lets no packet pass from one of its bridges to another; out into the world goes each. A network of one's own
also has a name server of its own, which knows the names of that person's containers alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from pathlib import Path

from runner.errors import Unavailable
from runner.executors.base import Say
from runner.executors.engine import Engine, EngineError
from runner.executors.images import label_filter

DOCKERS_OWN = "bridge"
# Making a network takes a tenth of a second, so these many are kept for people without a job; more would take ranges of
# addresses, of which an engine has about thirty, from others who use it.
_IDLE = 8
_RETRY = 1.0


class Networks:
    """The networks of one runner. Where its jobs are all one person's, Docker's own bridge serves for them."""

    def __init__(self, engine: Engine, data_dir: Path, labels: dict[str, str], apart: bool) -> None:
        self._engine, self._labels, self._apart = engine, labels, apart
        self._prefix = f"floyd-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]}-"
        # The names of those that are there, with the jobs that have or are to have a container on each; the one that
        # was left last is the last one.
        self._jobs: dict[str, set[str]] = {}
        self._making = asyncio.Lock()

    def name(self, owner: str) -> str:
        """The network of a person's containers."""
        return f"{self._prefix}{owner}" if self._apart else DOCKERS_OWN

    async def join(self, owner: str, job: str, say: Say) -> None:
        """Have the network of a person for one more job; waits while Docker has no addresses left for it."""
        if not self._apart:
            return
        while not await self._have(self.name(owner), job):
            await say(
                "Docker has no addresses left for one more network: waits for others' jobs to end, or for more "
                "`default-address-pools` in the host's /etc/docker/daemon.json"
            )
            await asyncio.sleep(_RETRY)

    async def leave(self, owner: str, job: str) -> None:
        """A job's container is gone. Too many networks without any: the one that was left first goes."""
        name = self.name(owner)
        if job not in self._jobs.get(name, ()):
            return
        jobs = self._jobs.pop(name)
        self._jobs[name] = jobs - {job}
        idle = self._idle()
        if len(idle) > _IDLE:
            await self._remove(idle[0])

    async def renew(self, owner: str, job: str) -> None:
        """Make a network anew that is gone all the same (`docker network prune`, say)."""
        async with self._making:
            await self._make(self.name(owner))
            self._jobs.setdefault(self.name(owner), set()).add(job)

    async def sweep(self) -> None:
        """Remove all on which there are no containers and none are about to be, those of a killed runner, too."""
        if not self._apart:
            return
        found = await self._engine.get("/networks", filters=label_filter(self._labels))
        for name in {one["Name"] for one in found}:
            if not self._jobs.get(name):
                await self._remove(name)

    async def _have(self, name: str, job: str) -> bool:
        async with self._making:
            if name not in self._jobs:
                try:
                    await self._make(name)
                except EngineError as error:
                    if "address pool" not in error.message:
                        raise _cannot(error) from error
                    return False
            self._jobs.setdefault(name, set()).add(job)
            return True

    async def _make(self, name: str) -> None:
        try:
            await self._create(name)
        except EngineError as error:
            if "address pool" not in error.message:
                raise
            for idle in self._idle():
                await self._remove(idle)
            await self._create(name)

    async def _create(self, name: str) -> None:
        wanted = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": self._labels}
        try:
            await self._engine.post("/networks/create", wanted)
        except EngineError as error:
            # 409: an earlier runner has made it.
            if error.answer != 409:
                raise

    def _idle(self) -> list[str]:
        return [name for name, jobs in self._jobs.items() if not jobs]

    async def _remove(self, name: str) -> None:
        self._jobs.pop(name, None)
        with contextlib.suppress(EngineError):  # 403: a container that runs on since before this runner is there
            await self._engine.delete(f"/networks/{name}")


def _cannot(error: EngineError) -> Unavailable:
    return Unavailable(
        f"Docker could not make a network for the job: {error.message.rstrip('.')}.",
        "Look at the engine's log on the host.",
    )
