"""What runs jobs: `docker` where an engine answers, `process` everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from runner.errors import Unavailable
from runner.executors.base import Executor
from runner.executors.docker import DockerExecutor
from runner.executors.engine import Engine, engine_address
from runner.executors.process import ProcessExecutor
from runner.executors.sandbox import bubblewrap
from runner.settings import Settings


@dataclass(frozen=True, slots=True)
class Executors:
    """The executors of this host: the one used where a launch names none, why that one, and those it may name.

    `docker` is there also while no engine answers, for jobs that were started on it before.
    """

    default: Executor
    note: str
    offered: frozenset[str]
    process: ProcessExecutor
    docker: DockerExecutor

    def choose(self, name: str | None) -> Executor:
        """The executor for a new job; raises `Unavailable` with the reason where `name` is not to be had."""
        if name is not None and name not in self.offered:
            raise Unavailable(
                f"This host has no executor {name!r}. {self.note}", f"Leave it open: {self.default.name} runs the job."
            )
        return self.default if name is None else self.of(name)

    def of(self, name: str) -> Executor:
        """The executor that a job was started with."""
        return self.docker if name == "docker" else self.process

    async def close(self) -> None:
        """Close each."""
        await self.process.close()
        await self.docker.close()


async def choose_executors(settings: Settings) -> Executors:
    """Find out what this host has.

    With the setting ``docker`` that is used even while the engine is down, so that a restart loses no job to another.
    """
    process, engine = ProcessExecutor(), Engine(engine_address(settings.docker_socket))
    docker = DockerExecutor(engine, settings.data_dir, settings.shared)
    sandbox = "in bubblewrap" if bubblewrap() else "without a sandbox (bubblewrap is not there or may not be used)"
    if settings.executor == "process":
        note = f"runner.yml asks for it; jobs run {sandbox}."
        return Executors(process, note, frozenset({"process"}), process, docker)
    # Processes of the host would see what is other people's there.
    both = frozenset({"docker"}) if settings.shared else frozenset({"docker", "process"})
    try:
        version = await engine.connect()
    except Unavailable as error:
        if settings.executor == "docker" or settings.shared:
            why = "A shared runner needs it" if settings.shared else "runner.yml asks for it"
            return Executors(docker, f"{why}, but: {error}", both, process, docker)
        note = f"{error} Jobs run as processes {sandbox}."
        return Executors(process, note, frozenset({"process"}), process, docker)
    return Executors(docker, f"Docker Engine {version} answers at {engine.address}.", both, process, docker)
