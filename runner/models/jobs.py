"""Projects, jobs, their states, launches and metrics.

A job's life::

    queued ──▶ preparing ──▶ running ──▶ succeeded | failed | stopped | timed_out | lost
      │ ▲          ├──▶ failed | stopped | lost
      │ └──────────│───────────┘ to be tried again
      └──▶ stopped | failed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from runner.models.names import job_name
from runner.models.retry import Retry
from runner.models.secrets import SecretUse
from runner.models.usage import UtilizationPolicy


class JobState(str, Enum):
    """Where a job is in its life; the string is what the wire and the database carry."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    LOST = "lost"

    def __str__(self) -> str:
        return self.value

    @property
    def ended(self) -> bool:
        """Whether no further transition can come."""
        return not TRANSITIONS[self]


_S = JobState
TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    _S.QUEUED: frozenset({_S.PREPARING, _S.STOPPED, _S.FAILED}),
    _S.PREPARING: frozenset({_S.RUNNING, _S.FAILED, _S.STOPPED, _S.LOST}),
    _S.RUNNING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.STOPPED, _S.TIMED_OUT, _S.LOST, _S.QUEUED}),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.STOPPED: frozenset(),
    _S.TIMED_OUT: frozenset(),
    _S.LOST: frozenset(),
}


def is_transition_allowed(old: JobState, new: JobState) -> bool:
    """Whether a job may go from `old` to `new`."""
    return new in TRANSITIONS[old]


@dataclass(frozen=True, slots=True)
class Project:
    """A project and how its jobs stand. Times are seconds since the epoch, UTC."""

    owner: str
    name: str
    created_at: float
    description: str = ""
    jobs: int = 0
    active: int = 0
    latest: int | None = None
    latest_state: JobState | None = None
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Mount:
    """An input asked for: `source` is a reference as typed, `destination` the name under ``/floyd/input/``."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Input:
    """An input as the runner resolved it: the full name and the digest of what is mounted.

    The digest is empty while the job that is to write it, and after which this one starts, has not ended. `origin` is
    the address on the net that a dataset's version was fetched from, also when that version is gone.
    """

    source: str
    destination: str
    tree: str
    path: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use; None leaves it to the host's defaults. Memory sizes are bytes, `cpus` are cores."""

    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    shm_size: int | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A request to run a job.

    The code is either an uploaded tree's digest (`code`) or that of an earlier job (`code_from`, a job's name), or
    neither: an empty folder. `executor` pins ``docker`` or ``process``; None takes the host's choice.
    `relaunched_from` is the job whose settings this one was made from. `max_runtime` is in seconds. `key` is a text
    that its sender makes up for this one launch: sent again with the same key, it is answered with the job it made.
    `utilization_policy` stops the job where its GPUs idle; None takes the host's.
    `retry` says after which ends the job is tried again, and how often; None: never. `secrets` are named, never told.

    `machine` is one that the host's settings know; it says what `gpus`, `gpu_memory` and `limits` leave open. With
    `gpu_memory` (bytes) the job shares one GPU with others that say how much they need. It waits in line by `priority`,
    higher ones first, then time; not before each job of `after` has succeeded, whose output it may mount; and while it
    is `held`.

    `group` names jobs launched together, such as a sweep's, of one project; `values` is what this one of them has that
    others have not, by name. Of a group that says `max_parallel` no more run at once.
    """

    project: str
    command: str
    code: str | None = None
    code_from: str | None = None
    mounts: tuple[Mount, ...] = ()
    environment: str | None = None
    message: str = ""
    gpus: int = 0
    max_runtime: int | None = None
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    tags: tuple[str, ...] = ()
    executor: Literal["docker", "process"] | None = None
    relaunched_from: str | None = None
    key: str | None = None
    retry: Retry | None = None
    utilization_policy: UtilizationPolicy | None = None
    secrets: tuple[SecretUse, ...] = ()
    machine: str | None = None
    gpu_memory: int | None = None
    priority: int = 0
    after: tuple[str, ...] = ()
    held: bool = False
    group: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    max_parallel: int | None = None


@dataclass(frozen=True, slots=True)
class JobChange:
    """What is to change of a job; None leaves it. All but its tags is of jobs that wait, and not changed with those.

    `tags` are all that it has from here on. `before` is another of the caller's waiting jobs: this one takes its
    priority and its place. Empty: the first place among the caller's own.
    """

    held: bool | None = None
    priority: int | None = None
    before: str | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job that was tried again after it. Times are seconds since the epoch, UTC.

    `state` is the one that the job would have ended in. Its part of the log goes up to byte `log_end`, from where the
    attempt before ended. `output` is the digest of the tree that it left, None where it left none.
    """

    state: JobState
    started_at: float
    ended_at: float
    log_end: int
    exit_code: int | None = None
    reason: str = ""
    output: str | None = None
    output_files: int = 0
    output_size: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One job: what was asked, what it ran with, where it stands.

    `code` and `output` are tree digests (`output` only once the job has ended and left any). `inputs` are the
    resolved mounts; `image` is the image as the engine knows it (``sha256:…``) or empty under the process executor;
    `devices` are GPU UUIDs. Times are seconds since the epoch, UTC. `reason` says in a sentence why a job ended as it
    did, where the exit code alone would not; `progress` what a preparing job is doing just now. `metrics` holds the
    last value of each. `attempts` are those before the one that all this is about, oldest first; a job that waits to be
    tried again is queued, and its next attempt begins no earlier than `retry_at`.

    `gpus` and `gpu_memory` are what it asks for, its machine's included; `limits` are its own, and `given` what it runs
    with: the machine's and the host's where it sets none. `after` holds full names. While it waits, `position` is its
    place in line, from 1 (None while it is held), `progress` says what it waits for, and `starts_by` is when it starts
    at the latest, where that is known. `group` (empty: none), `values` and `max_parallel` are as it was launched.
    """

    owner: str
    project: str
    number: int
    state: JobState
    command: str
    created_at: float
    code: str | None = None
    inputs: tuple[Input, ...] = ()
    environment: str = ""
    image: str = ""
    executor: str = ""
    message: str = ""
    gpus: int = 0
    devices: tuple[str, ...] = ()
    max_runtime: int | None = None
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    tags: tuple[str, ...] = ()
    relaunched_from: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    reason: str = ""
    progress: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    output: str | None = None
    output_files: int = 0
    output_size: int = 0
    log_size: int = 0
    utilization_policy: UtilizationPolicy | None = None
    retry: Retry | None = None
    retry_at: float | None = None
    attempts: tuple[Attempt, ...] = ()
    secrets: tuple[SecretUse, ...] = ()
    machine: str = ""
    gpu_memory: int | None = None
    priority: int = 0
    after: tuple[str, ...] = ()
    held: bool = False
    given: Limits = field(default_factory=Limits)
    position: int | None = None
    starts_by: float | None = None
    group: str = ""
    values: dict[str, str] = field(default_factory=dict)
    max_parallel: int | None = None

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return len(self.attempts) + 1

    @property
    def log_start(self) -> int:
        """From which byte on the log is this attempt's."""
        return self.attempts[-1].log_end if self.attempts else 0

    @property
    def name(self) -> str:
        """Full name, ``owner/projects/project/number``."""
        return job_name(self.owner, self.project, self.number)

    @property
    def short(self) -> str:
        """``project/number``."""
        return f"{self.project}/{self.number}"

    def relaunch(self) -> Launch:
        """The launch that runs this job's code again with the same settings, in no group."""
        return Launch(
            project=self.project,
            command=self.command,
            code_from=self.name if self.code else None,
            mounts=tuple(Mount(i.source, i.destination) for i in self.inputs),
            environment=self.environment or None,
            message=self.message,
            gpus=self.gpus,
            max_runtime=self.max_runtime,
            env=dict(self.env),
            limits=self.limits,
            tags=self.tags,
            relaunched_from=self.name,
            retry=self.retry,
            utilization_policy=self.utilization_policy,
            secrets=self.secrets,
            machine=self.machine or None,
            gpu_memory=self.gpu_memory,
            priority=self.priority,
        )


@dataclass(frozen=True, slots=True)
class Metric:
    """One point of a metric, read from a line of the log (FloydHub's JSON form). `time` is when the runner saw it."""

    name: str
    value: float
    time: float
    step: int | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric of the job `job` over its run, in a few of its values: as much as a line of a list draws."""

    job: str
    metric: str
    values: tuple[float, ...]
