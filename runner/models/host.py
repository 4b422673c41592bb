"""What a host is and how it does: its runner, environments, gauges, and the events it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.models.data import Dataset
from runner.models.fetch import Fetch
from runner.models.jobs import Job
from runner.models.usage import GpuProcess, Hint

# Raised when a client of the old number could no longer talk to a runner of the new one.
API_VERSION = 1


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """The first answer to a client. `owner` is who the kernel says the caller is; `executor_note` says why that one.

    `encodings` are the ``Content-Encoding``s in which the runner reads uploads, the best one first.
    """

    version: str
    api: int
    owner: str
    hostname: str
    executor: Literal["docker", "process"]
    executor_note: str
    data_dir: str
    pid: int
    started_at: float
    encodings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of the catalogue.

    `present` says whether the image is on the host already; `user` is ``root`` where the image needs it.
    """

    name: str
    image: str
    description: str = ""
    gpu_image: str = ""
    user: str = ""
    present: bool = False


@dataclass(frozen=True, slots=True)
class GpuStats:
    """One GPU, with None where the driver does not answer that question.

    Memory in bytes, power in watts, temperature in °C, utilization in percent, clocks in MHz. `jobs` are the
    caller's by their names, others by their owners. `throttled` says in NVIDIA's words why it runs slower than it
    could; `ecc_*` are memory errors since the driver was loaded. One that is `lost` fell off the bus. A `divided` one
    has no use of its own: its MIG devices stand after it and name it by `part_of`, its UUID.
    """

    index: int
    uuid: str
    name: str
    utilization: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    temperature: float | None = None
    power: float | None = None
    power_limit: float | None = None
    jobs: tuple[str, ...] = ()
    clock: int | None = None
    clock_max: int | None = None
    memory_clock: int | None = None
    throttled: tuple[str, ...] | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    processes: tuple[GpuProcess, ...] | None = None
    lost: bool = False
    divided: bool = False
    part_of: str = ""

    @property
    def usable(self) -> bool:
        """Whether a job can be given it."""
        return not (self.lost or self.divided)


@dataclass(frozen=True, slots=True)
class JobStats:
    """What one running job uses: `cpu_percent` counts 100 a core; memory in bytes, no limit is None.

    Disk and network in bytes a second. `gpu_memory` is what its own processes have on its GPUs, None where the driver
    does not say.
    """

    job: str
    cpu_percent: float | None = None
    memory_used: int | None = None
    memory_limit: int | None = None
    cpu_limit: float | None = None
    disk_read: float | None = None
    disk_written: float | None = None
    gpu_memory: int | None = None
    received: float | None = None
    sent: float | None = None


@dataclass(frozen=True, slots=True)
class HostStats:
    """The host's gauges at `time` (epoch seconds).

    `gpu_note` says in a sentence why there are no GPUs, where there are none. Sizes in bytes; `disk_*` are of the disk
    that the runner's data lies on, of which launches and uploads leave `disk_reserve` free. What all disks and networks
    carry is in bytes a second, None at the first look.
    """

    time: float
    cpu_percent: float
    cpu_count: int
    load: float
    memory_used: int
    memory_total: int
    disk_used: int
    disk_total: int
    gpus: tuple[GpuStats, ...] = ()
    gpu_note: str = ""
    jobs: tuple[JobStats, ...] = ()
    disk_reserve: int = 0
    disk_read: float | None = None
    disk_written: float | None = None
    received: float | None = None
    sent: float | None = None
    hints: tuple[Hint, ...] = ()

    @property
    def disk_low(self) -> bool:
        """Whether launches and uploads are refused for want of disk."""
        return self.disk_total - self.disk_used < self.disk_reserve


@dataclass(frozen=True, slots=True)
class Event:
    """Something that changed: a job, dataset or fetch as it is now, or `removed`, the full name of what is gone.

    All empty: a sign of life.
    """

    job: Job | None = None
    dataset: Dataset | None = None
    removed: str | None = None
    fetch: Fetch | None = None
