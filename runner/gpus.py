"""GPUs by NVML, the driver's own library. Imported late and asked only when somebody looks."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.models import GpuProcess, GpuStats

_NO_DRIVER = "No GPU here: the NVIDIA driver's library (libnvidia-ml.so.1) was not found."
# A driver that is loaded or mended later, and parts made anew, are found without a restart: looked at so often, in
# seconds.
_LOOK_AGAIN = 60.0
# NVML's bits of "clocks event reasons" that slow a card down, in the words of nvidia-smi. Being idle, and clocks that
# somebody has set, are no troubles.
_THROTTLES = {
    0x04: "sw_power_cap",
    0x08: "hw_slowdown",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
}


@dataclass(frozen=True, slots=True)
class _Device:
    """A device of the driver: `gpu` is what never changes of it, `handle` None where it was lost before it was seen."""

    handle: Any
    gpu: GpuStats


class Gpus:
    """The host's GPUs. Its methods block for milliseconds, with a lost card for seconds: call them in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nvml: Any = None
        self._open = False
        self._devices: list[_Device] = []
        self._note = ""
        self._looked: float | None = None

    def uuids(self) -> tuple[str, ...]:
        """UUIDs of all GPUs that jobs can be given, in the driver's order: MIG devices instead of what they divide."""
        return tuple(gpu.uuid for gpu in self.sample({})[0] if gpu.usable)

    def sample(
        self, holders: Mapping[str, tuple[str, ...]], only: Collection[str] | None = None, *, anew: bool = False
    ) -> tuple[tuple[GpuStats, ...], str]:
        """The gauges of all GPUs, with the jobs that hold each; and why there are none, in a sentence.

        `only` names by their UUIDs the ones to be asked about; which is cheaper. `anew` first looks which there are.
        """
        with self._lock:
            if anew or self._looked is None or time.monotonic() - self._looked >= _LOOK_AGAIN:
                self._look()
            asked = [device for device in self._devices if only is None or device.gpu.uuid in only]
            found = tuple(self._ask(device) for device in asked)
        return tuple(replace(gpu, jobs=holders.get(gpu.uuid, ())) for gpu in found), self._note

    def close(self) -> None:
        """Let go of the driver."""
        with self._lock:
            self._let_go()

    # What there is

    def _look(self) -> None:
        """Find out which devices there are now."""
        self._looked = time.monotonic()
        try:
            self._nvml = importlib.import_module("pynvml")
        except ImportError:
            self._note = "No GPU here: this runner was packed without nvidia-ml-py."
            return
        try:
            if not self._open:
                self._nvml.nvmlInit()
                self._open = True
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            self._let_go()
            says = f"No GPU here: the NVIDIA driver says {str(error).rstrip('.')}."
            self._note = _NO_DRIVER if error.value == self._nvml.NVML_ERROR_LIBRARY_NOT_FOUND else says
            return
        self._devices = [device for index in range(count) for device in self._find(index)]
        self._note = "" if self._devices else "No GPU here: the NVIDIA driver knows of none."

    def _let_go(self) -> None:
        if self._open:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._open, self._devices = False, []

    def _find(self, index: int) -> list[_Device]:
        """The GPU of that number, and its MIG devices after it."""
        nvml = self._nvml
        handle = self._answer(nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            # A lost card does not say which one it is; it may be known from before.
            known = next((one.gpu for one in self._devices if one.gpu.index == index), GpuStats(index, "", "GPU"))
            return [_Device(None, replace(known, lost=True))]
        gpu = self._identify(index, handle)
        mode = self._answer(nvml.nvmlDeviceGetMigMode, handle)
        if not (mode and mode[0]):
            return [_Device(handle, gpu)]
        places = range(self._answer(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
        parts = [self._answer(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place) for place in places]
        named = [(part, replace(self._identify(index, part), part_of=gpu.uuid)) for part in parts if part is not None]
        return [_Device(handle, replace(gpu, divided=True)), *(_Device(part, stats) for part, stats in named)]

    def _identify(self, index: int, handle: Any) -> GpuStats:
        nvml = self._nvml
        uuid, name = self._answer(nvml.nvmlDeviceGetUUID, handle), self._answer(nvml.nvmlDeviceGetName, handle)
        fastest = self._answer(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM)
        return GpuStats(index, _text(uuid), _text(name), clock_max=fastest)

    # How it does

    def _ask(self, device: _Device) -> GpuStats:
        if device.handle is None:
            return device.gpu
        nvml, handle = self._nvml, device.handle
        lost = False

        def ask(question: Callable[..., Any], *more: Any) -> Any:
            nonlocal lost
            try:
                return None if lost else question(handle, *more)
            except nvml.NVMLError as error:
                # Each further question to a lost card may take seconds.
                lost = error.value == nvml.NVML_ERROR_GPU_IS_LOST
                return None
            except nvml.NVMLLibraryMismatchError:
                return None

        rates, memory = ask(nvml.nvmlDeviceGetUtilizationRates), ask(nvml.nvmlDeviceGetMemoryInfo)
        stats = replace(
            device.gpu,
            utilization=None if rates is None else float(rates.gpu),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            power=_watts(ask(nvml.nvmlDeviceGetPowerUsage)),
            power_limit=_watts(ask(nvml.nvmlDeviceGetEnforcedPowerLimit)),
            clock=ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            memory_clock=ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM),
            throttled=_throttles(ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)),
            ecc_corrected=ask(nvml.nvmlDeviceGetTotalEccErrors, 0, nvml.NVML_VOLATILE_ECC),
            ecc_uncorrected=ask(nvml.nvmlDeviceGetTotalEccErrors, 1, nvml.NVML_VOLATILE_ECC),
            processes=_processes(
                ask(nvml.nvmlDeviceGetComputeRunningProcesses), ask(nvml.nvmlDeviceGetGraphicsRunningProcesses)
            ),
        )
        # Nothing that a card said before it was lost in the middle of it counts any more.
        return replace(device.gpu, lost=True) if lost else stats

    def _answer(self, question: Callable[..., Any], *about: Any) -> Any:
        """The driver's answer; None where it has none: a card that lacks one thing has the others still."""
        try:
            return question(*about)
        except (self._nvml.NVMLError, self._nvml.NVMLLibraryMismatchError):
            return None


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def _throttles(bits: int | None) -> tuple[str, ...] | None:
    return None if bits is None else tuple(word for bit, word in _THROTTLES.items() if bits & bit)


def _processes(*lists: list[Any] | None) -> tuple[GpuProcess, ...] | None:
    """The processes of all `lists`, those that compute first, each once: one that draws, too, is in two of them."""
    known = [one for one in lists if one is not None]
    computing = {process.pid for process in lists[0] or ()}
    found = {
        process.pid: GpuProcess(process.pid, process.usedGpuMemory, computes=process.pid in computing)
        for each in known
        for process in each
    }
    return tuple(found[pid] for pid in sorted(found)) if known else None
