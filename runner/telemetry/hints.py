"""Hints that a person can act on, from what was measured: pure functions of readings and rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from runner.models import GpuStats, Hint, HintLevel, HostStats
from runner.telemetry.readings import GpuReading, Reading

# NVIDIA's words for being too hot, and for being held back for want of power.
_HOT = frozenset({"sw_thermal_slowdown", "hw_thermal_slowdown", "hw_slowdown"})
_POWER = frozenset({"sw_power_cap", "hw_power_brake_slowdown"})
_THERMAL_SHARE = 0.5
# A card at full load is at its power cap as a rule; worth a word is one that is slowed down by it.
_SLOW_CLOCK = 0.8
_IDLE = 1.0
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class HintRules:
    """When there is a hint; percentages, and times in seconds.

    A GPU is little used below `gpu_use` over `seconds`; the data loader holds it back where the job's CPUs are at
    `cpu_busy` or more meanwhile. Memory and disk are told of from each level of `full` on: a word, a warning, an alarm.
    """

    gpu_use: float = 70.0
    seconds: float = 300.0
    cpu_busy: float = 90.0
    full: tuple[float, ...] = (75.0, 90.0, 95.0)

    def checked(self) -> HintRules:
        """These rules; raises `ValueError`, with a sentence, where they cannot be any."""
        if len(self.full) != 3 or list(self.full) != sorted(self.full):
            raise ValueError(f"full has {len(self.full)} levels that should be three, rising, as in [75, 90, 95].")
        if not all(0 <= percent <= 100 for percent in (self.gpu_use, self.cpu_busy, *self.full)):
            raise ValueError("gpu_use, cpu_busy and full are percentages, 0 to 100.")
        if self.seconds <= 0:
            raise ValueError(f"seconds is {self.seconds:g}; it is a time above 0.")
        return self

    def level(self, percent: float) -> HintLevel | None:
        """How full something is that is used to `percent`."""
        levels: tuple[HintLevel, ...] = ("info", "warning", "critical")
        reached = sum(percent >= full for full in self.full)
        return levels[reached - 1] if reached else None


def job_hints(job: str, readings: Iterable[Reading], rules: HintRules, ended: bool = False) -> tuple[Hint, ...]:
    """What is worth a word about a job: by the last minutes of one that runs, by all of one that has `ended`."""
    looks = tuple(readings)
    if not looks:
        return ()
    found = [*_memory(looks, rules, ended), *_gpu_use(looks, rules, ended)]
    for place in range(len(looks[-1].gpus)):
        found += _troubles([look.gpus[place] for look in looks if place < len(look.gpus)])
    return tuple(replace(hint, job=job) for hint in found)


def host_hints(stats: HostStats, rules: HintRules) -> tuple[Hint, ...]:
    """What is worth a word about the host: its memory, its disk, and GPUs that are broken."""
    found = []
    memory = 100 * stats.memory_used / stats.memory_total if stats.memory_total else 0.0
    if level := rules.level(memory):
        text = f"The host's memory is {memory:.0f} % full."
        found.append(Hint("memory", level, text, "Stop a job, or give jobs a memory limit (--memory)."))
    disk = 100 * stats.disk_used / stats.disk_total if stats.disk_total else 0.0
    if level := rules.level(disk):
        free = (stats.disk_total - stats.disk_used) / _GIB
        text = f"The host's disk is {disk:.0f} % full: {free:.1f} GiB are free."
        found.append(Hint("disk", level, text, "Delete old jobs and datasets, then run: floyd-tui gc"))
    return (*found, *(hint for gpu in stats.gpus for hint in _broken(GpuReading.of(gpu))))


def seconds_words(seconds: float) -> str:
    """A time as a sentence says it: ``5 minutes``."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}{'s' if seconds > size else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"


def gpu_name(gpu: GpuReading | GpuStats) -> str:
    """A GPU in a sentence."""
    return f"GPU {gpu.index}"


def _memory(looks: Sequence[Reading], rules: HintRules, ended: bool) -> list[Hint]:
    known = [look.memory for look in looks if look.memory is not None]
    if not known:
        return []
    percent = max(known) if ended else known[-1]
    if (level := rules.level(percent)) is None:
        return []
    text = f"Its memory {'was' if ended else 'is'} {percent:.0f} % full{' at its peak' if ended else ''}."
    return [Hint("memory", level, text, "Give it more (--memory), or load less at a time: at 100 % it is killed.")]


def _gpu_use(looks: Sequence[Reading], rules: HintRules, ended: bool) -> list[Hint]:
    """Whether its GPUs had too little to do over the whole window, and whether that is the data loader's doing."""
    if not looks[-1].gpus or looks[-1].time - looks[0].time < rules.seconds:
        return []
    uses = [mean for look in looks if (mean := _mean(gpu.use for gpu in look.gpus)) is not None]
    use = fmean(uses) if uses else rules.gpu_use
    if use >= rules.gpu_use:
        return []
    own, one = ("Its GPUs were" if ended else "Its GPUs are", len(looks[-1].gpus) == 1)
    own = own.replace("GPUs were", "GPU was").replace("GPUs are", "GPU is") if one else own
    when = "on average" if ended else f"over {seconds_words(rules.seconds)}"
    cpu = _mean(look.cpu for look in looks)
    if cpu is not None and cpu >= rules.cpu_busy:
        text = (
            f"{own} {use:.0f} % busy {when}, while its CPUs {'were' if ended else 'are'} at their limit ({cpu:.0f} %)."
        )
        return [Hint("data_loader", "warning", text, "The data loader is too slow: prepare the data beforehand, or "
                     "give it more CPUs (--cpus).")]  # fmt: skip
    if use < _IDLE:
        return [Hint("gpu_low", "warning", f"{own} idle {when}.", "Does the code use the GPU at all? If not, run it "
                     "with --cpu.")]  # fmt: skip
    advice = "Try a larger batch, more workers in the data loader, or mixed precision."
    return [Hint("gpu_low", "info", f"{own} {use:.0f} % busy {when}.", advice)]


def _troubles(looks: Sequence[GpuReading]) -> list[Hint]:
    """What holds one GPU back, by its readings."""
    gpu = looks[-1]
    found = _broken(gpu)
    hot = fmean(bool(_HOT & set(look.throttled)) for look in looks)
    starved = fmean(bool(_POWER & set(look.throttled)) for look in looks)
    clock = _mean(look.clock for look in looks)
    if hot >= _THERMAL_SHARE and _HOT & set(gpu.throttled):
        text = f"{gpu_name(gpu)} is so hot that it runs slower."
        found.append(
            Hint("throttled", "warning", text, "See to the host's cooling: fans, dust, neighbours.", gpu=gpu.uuid)
        )
    elif starved >= _THERMAL_SHARE and clock is not None and clock < _SLOW_CLOCK:
        text = f"{gpu_name(gpu)} is held at {100 * clock:.0f} % of its clock by its power cap."
        advice = "Raise the cap (nvidia-smi -pl), or see to the power supply."
        found.append(Hint("throttled", "info", text, advice, gpu=gpu.uuid))
    return found


def _broken(gpu: GpuReading) -> list[Hint]:
    if gpu.lost:
        text = f"{gpu_name(gpu)} fell off the bus: the driver cannot reach it any more."
        return [
            Hint(
                "gpu_lost", "critical", text, "Stop its job and restart the host; `dmesg` tells the Xid.", gpu=gpu.uuid
            )
        ]
    if gpu.ecc_uncorrected:
        times = f"{gpu.ecc_uncorrected} memory error{'s' if gpu.ecc_uncorrected > 1 else ''}"
        text = f"{gpu_name(gpu)} has had {times} that it could not correct: results may be wrong."
        return [
            Hint(
                "ecc", "critical", text, "Run the job again elsewhere, and reset this GPU: nvidia-smi -r", gpu=gpu.uuid
            )
        ]
    return []


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
