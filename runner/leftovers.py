"""What the Docker Engine keeps for this runner and no job needs any more: containers, and images that it has made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from runner.errors import RunnerError
from runner.executors import Executors
from runner.executors.docker import Kept
from runner.executors.images import Derived
from runner.models import GcKind
from runner.store.jobs import JobStore


class Leftovers:
    """Counts and removes them; where no engine answers there are none."""

    def __init__(self, executors: Executors, jobs: JobStore) -> None:
        self._executors, self._jobs = executors, jobs

    async def kinds(self, cutoff: float) -> list[GcKind]:
        """The containers and derived images that there are, and which of them would go.

        Containers of jobs that have ended or are gone go; those without a job are somebody's at this moment. An image
        goes that no job has which has not ended, and that was made before `cutoff` (epoch seconds).
        """
        images, spare_images = await self._images(cutoff)
        containers, spare = await self._containers()
        return [
            GcKind("images", len(images), _sum(images), len(spare_images), _sum(spare_images)),
            GcKind("containers", len(containers), _sum(containers), len(spare), _sum(spare)),
        ]

    async def free(self, cutoff: float, going_on: Callable[[int, int], None]) -> list[GcKind]:
        """Remove those that would go; returns what went. `going_on` is told how many are done, of how many."""
        docker = self._executors.docker
        _, containers = await self._containers()
        _, images = await self._images(cutoff)
        gone: list[Derived] = []
        for done, container in enumerate(containers):
            going_on(done, len(containers) + len(images))
            await docker.discard(container.id)
        for done, image in enumerate(images, start=len(containers)):
            going_on(done, len(containers) + len(images))
            if await docker.images.discard(image.id):
                gone.append(image)
        if "docker" in self._executors.offered:
            with contextlib.suppress(RunnerError):
                await docker.networks.sweep()
        return [
            GcKind("images", free_count=len(gone), free_size=_sum(gone)),
            GcKind("containers", free_count=len(containers), free_size=_sum(containers)),
        ]

    async def _containers(self) -> tuple[list[Kept], list[Kept]]:
        if "docker" not in self._executors.offered:
            return [], []
        with contextlib.suppress(RunnerError):
            found = await self._executors.docker.leftovers(sizes=True)
            # Asked after that: a container of a job that began meanwhile is not among them.
            active = {standing.job.name for standing in await self._jobs.active()}
            return found, [one for one in found if one.job and one.job not in active]
        return [], []

    async def _images(self, cutoff: float) -> tuple[list[Derived], list[Derived]]:
        if "docker" not in self._executors.offered:
            return [], []
        with contextlib.suppress(RunnerError):
            found = await self._executors.docker.images.derived()
            wanted = {standing.job.image for standing in await self._jobs.active()}
            return found, [
                one for one in found if one.created_at <= cutoff and one.id not in wanted and not one.names & wanted
            ]
        return [], []


def _sum(things: list[Kept] | list[Derived]) -> int:
    return sum(one.size for one in things)
