"""What a job used while it ran, what is worth a hint about it, and when one that idles is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HintKind = Literal["gpu_low", "data_loader", "throttled", "ecc", "gpu_lost", "memory", "disk"]
HintLevel = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process on a GPU. `memory` in bytes, None where the driver does not tell; `job` is empty for one of no job.

    One that does not compute draws: a desktop's, which leaves the GPU to others.
    """

    pid: int
    memory: int | None = None
    job: str = ""
    computes: bool = True


@dataclass(frozen=True, slots=True)
class Hint:
    """Something a person can act on: `text` says in a sentence what is so, `advice` what to do.

    It is about `job` (a full name) or, where that is empty, about the host; `gpu` is a UUID where it is about one.
    """

    kind: HintKind
    level: HintLevel
    text: str
    advice: str
    job: str = ""
    gpu: str = ""


@dataclass(frozen=True, slots=True)
class UtilizationPolicy:
    """Stop a job one of whose GPUs was used below `min_gpu_utilization` percent for `time_window` seconds on end."""

    min_gpu_utilization: float
    time_window: int

    def checked(self) -> UtilizationPolicy:
        """This policy; raises `ValueError`, with a sentence, where it cannot be one."""
        if not 0 < self.min_gpu_utilization <= 100:
            raise ValueError(
                f"min_gpu_utilization is {self.min_gpu_utilization:g}; it is a percentage, over 0 and up to 100."
            )
        if self.time_window < 1:
            raise ValueError(f"time_window is {self.time_window}; it is a time of one second or more.")
        return self


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """What a job used on average over one step from `time` (epoch seconds) on; None is not known.

    `cpu_percent` counts 100 a core; memory in bytes, disk and network in bytes a second. `gpus` and `gpu_memory` are of
    its GPUs in the order of the job's `devices`: percent, and bytes that are in use on the device.
    """

    time: float
    cpu_percent: float | None = None
    memory: float | None = None
    disk_read: float | None = None
    disk_written: float | None = None
    gpus: tuple[float | None, ...] = ()
    gpu_memory: tuple[float | None, ...] = ()
    received: float | None = None
    sent: float | None = None


@dataclass(frozen=True, slots=True)
class JobUsage:
    """A job's use over its whole time, in steps of `step` seconds: the longer the job, the longer its steps.

    `cpu_limit` is in cores, `memory_limit` in bytes, `gpu_memory_limit` the bytes of each GPU: what is full. `hints`
    are of now for a job that runs, of all its time for one that has ended.
    """

    job: str
    step: float = 1.0
    points: tuple[UsagePoint, ...] = ()
    cpu_limit: float | None = None
    memory_limit: int | None = None
    gpu_memory_limit: tuple[int | None, ...] = ()
    hints: tuple[Hint, ...] = ()
