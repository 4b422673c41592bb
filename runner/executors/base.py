"""The seam between a job's life and what runs it.

An executor only knows how: it starts a command detached, tells how it stands, stops it and clears up after it. What it
has running is found again by the job's name alone, so that a runner that was killed can take up where it was.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol

from runner.errors import Unavailable
from runner.executors.usage import Place
from runner.models import Job, Limits

LOG_FILE = "log"
HOME_FOLDER = "home"
# Left there when a container has been made and is about to begin.
MADE_FILE = "container"
SECRETS_FOLDER = "secrets"
# In that folder: what a shell is to read before a job's command.
VARIABLES_FILE = ".variables"
_NUMBERED = re.compile(r"uid(\d+)")
_NOBODY = 65534
Say = Callable[[str], Awaitable[None]]


class Away(Unavailable):
    """What runs jobs does not answer at present and may again: what was asked of it is to be asked once more."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a job runs as."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, owner: str) -> Identity:
        """The owner's account. A runner that is not root can run jobs only as itself.

        An owner without an account is called ``uid1234`` (see `runner.api.common.owner_of`). Of one whose account is
        gone nothing is known any more: nobody (65534) then, who has no files and no rights.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), owner)
        if numbered := _NUMBERED.fullmatch(owner):
            return cls(int(numbered[1]), int(numbered[1]), owner)
        try:
            entry = pwd.getpwnam(owner)
        except KeyError:
            return cls(_NOBODY, _NOBODY, owner)
        return cls(entry.pw_uid, entry.pw_gid, owner)


@dataclass(frozen=True, slots=True)
class Mounted:
    """An input laid out on the host: `path`, a file or folder, appears read-only under `destination`."""

    destination: str
    path: Path


@dataclass(frozen=True, slots=True)
class Task:
    """Everything an executor needs for one job. `folder` is the job's own: its home and its log lie there.

    `limits` are the job's with the host's defaults filled in. `as_root` says that the environment needs root.
    `host_paths` are folders of the host that its owner lets every job see.
    """

    job: Job
    folder: Path
    identity: Identity
    limits: Limits = field(default_factory=Limits)
    inputs: tuple[Mounted, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    as_root: bool = False
    host_paths: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """The job's working directory on the host."""
        return self.folder / HOME_FOLDER

    @property
    def log(self) -> Path:
        """The file that takes what the job prints."""
        return self.folder / LOG_FILE

    @property
    def secrets(self) -> Path | None:
        """The folder of the secrets that the job is given."""
        return self.folder / SECRETS_FOLDER if self.job.secrets else None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job's command ended: exit code (None where nobody knows any more), when, and a reason worth a sentence.

    `oom` says that it was killed for want of memory, `cut_short` that its host or engine went down and took it along.
    """

    exit_code: int | None
    ended_at: float | None = None
    reason: str = ""
    oom: bool = False
    cut_short: bool = False


class Standing(Enum):
    """What an executor finds of a job. A READY one was made but never began: it may be cleared away and made again.

    A VANISHED one may have begun, and nobody knows how it ended: it must not be made again.
    """

    ABSENT = "absent"
    READY = "ready"
    RUNNING = "running"
    ENDED = "ended"
    VANISHED = "vanished"


class Executor(Protocol):
    """One way to run jobs. Each method may be called again after a crash in the middle of it, or after `Away`."""

    @property
    def name(self) -> Literal["docker", "process"]: ...

    async def prepare(self, task: Task, say: Say) -> str:
        """Get ready what needs no start (pull the image); returns the image's id or an empty text.

        `say` tells the user what is being done. Raises `Unavailable`.
        """
        ...

    async def start(self, task: Task) -> None:
        """Start the command detached. Raises `Unavailable` with a clear reason, and then leaves nothing running."""
        ...

    async def standing(self, task: Task) -> Standing:
        """How the job stands now. Raises `Unavailable` where that cannot be known at present."""
        ...

    async def wait(self, task: Task) -> Ended:
        """Return once the started command has ended, whatever becomes of the engine meanwhile."""
        ...

    async def terminate(self, task: Task) -> None:
        """Ask every process of the job to end, so that it can save its work; returns at once."""
        ...

    async def kill(self, task: Task) -> None:
        """End every process of the job for certain. One that has ended already is no error."""
        ...

    async def give_back(self, task: Task) -> None:
        """Make the owner the owner of everything in the job's home."""
        ...

    async def remove(self, task: Task) -> None:
        """Remove what the executor keeps of the job; nothing there is no error."""
        ...

    async def place(self, task: Task) -> Place | None:
        """Where the job's processes are; None where there are none. Asked each second. Raises `Unavailable`."""
        ...

    async def close(self) -> None:
        """Let go of connections; jobs run on."""
        ...


def gpu_env(task: Task) -> dict[str, str]:
    """Variables that give a job its own GPUs and no other; neither its image nor its launch can say otherwise.

    ``NVIDIA_VISIBLE_DEVICES`` is what NVIDIA's container runtime reads where it is the engine's default: ``void`` is no
    GPU and nothing of the driver, where ``none`` would mount the driver still, and many images set ``all``.
    """
    if task.job.devices:
        return {"NVIDIA_VISIBLE_DEVICES": ",".join(task.job.devices)}
    return {"NVIDIA_VISIBLE_DEVICES": "void", "CUDA_VISIBLE_DEVICES": ""}


def job_env(task: Task, home: str) -> dict[str, str]:
    """The variables each job gets, whatever runs it; the launch's own win, except over its GPUs."""
    job = task.job
    base = {
        "HOME": home,
        "USER": task.identity.name,
        "LOGNAME": task.identity.name,
        "FLOYDHUB": "1",
        "FLOYD_JOB": job.name,
        "FLOYD_PROJECT": job.project,
        "FLOYD_JOB_NUMBER": str(job.number),
        "FLOYD_ATTEMPT": str(job.attempt),
        # The numbers of a job's GPUs are those of nvidia-smi.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "PYTHONUNBUFFERED": "1",
        # The bytecode of the project's modules would be in every output.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**base, **task.env, **gpu_env(task)}
