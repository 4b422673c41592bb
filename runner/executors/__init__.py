"""What runs jobs: `docker` where an engine answers, `process` everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.errors import RunnerError, Unavailable
from runner.executors.base import Executor
from runner.executors.docker import DockerExecutor
from runner.executors.engine import Engine, EngineError
from runner.executors.process import ProcessExecutor
from runner.executors.sandbox import bubblewrap
from runner.settings import Settings


@dataclass(frozen=True, slots=True)
class Executors:
    """The executors of this host: which one is used where a launch does not say, and why, in a sentence."""

    default: Executor
    note: str
    all: Mapping[str, Executor]

    @property
    def docker(self) -> DockerExecutor | None:
        """The Docker executor, if there is one."""
        found = self.all.get("docker")
        return found if isinstance(found, DockerExecutor) else None

    def get(self, name: str | None) -> Executor:
        """The executor called `name`, or the default; raises `Unavailable` with the reason why it is not here."""
        if name is None:
            return self.default
        if name not in self.all:
            raise Unavailable(
                f"This host has no executor {name!r}. {self.note}", f"Leave it open: {self.default.name} runs the job."
            )
        return self.all[name]

    async def close(self) -> None:
        """Close each."""
        for executor in self.all.values():
            await executor.close()


async def choose_executors(settings: Settings) -> Executors:
    """Find out what this host has.

    With the setting ``docker`` that is used even while the engine is down, so that a restart loses no job to another.
    """
    process = ProcessExecutor()
    sandbox = "in bubblewrap" if bubblewrap() else "without a sandbox (bubblewrap is not there or may not be used)"
    if settings.executor == "process":
        return Executors(process, f"runner.yml asks for it; jobs run {sandbox}.", {"process": process})
    engine = Engine(settings.docker_socket)
    docker = DockerExecutor(engine, settings.data_dir)
    both: dict[str, Executor] = {"docker": docker, "process": process}
    try:
        version = await engine.connect()
    except (RunnerError, EngineError) as error:
        if settings.executor == "docker":
            return Executors(docker, f"runner.yml asks for it, but: {error}", both)
        await engine.close()
        return Executors(process, f"{error} Jobs run as processes {sandbox}.", {"process": process})
    return Executors(docker, f"Docker Engine {version} answers at {settings.docker_socket}.", both)
