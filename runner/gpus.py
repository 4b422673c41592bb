"""GPUs by NVML, the driver's own library. Imported late and asked only when somebody looks."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from runner.models import GpuStats

_NO_DRIVER = "No GPU here: the NVIDIA driver's library (libnvidia-ml.so.1) was not found."


class Gpus:
    """The host's GPUs. Its methods block for milliseconds: call them in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nvml: Any = None
        self._handles: list[Any] = []
        self._note: str | None = None

    def uuids(self) -> tuple[str, ...]:
        """The UUIDs of all GPUs, in the driver's order."""
        return tuple(gpu.uuid for gpu in self.sample({})[0])

    def sample(self, holders: Mapping[str, tuple[str, ...]]) -> tuple[tuple[GpuStats, ...], str]:
        """The gauges of all GPUs, with the jobs that hold each; and why there are none, in a sentence."""
        with self._lock:
            if self._note is None:
                self._note = self._open()
            found = tuple(self._one(index, handle) for index, handle in enumerate(self._handles))
        named = {gpu.uuid: holders.get(gpu.uuid, ()) for gpu in found}
        from dataclasses import replace

        return tuple(replace(gpu, jobs=named[gpu.uuid]) for gpu in found), self._note

    def close(self) -> None:
        """Let go of the driver."""
        with self._lock, contextlib.suppress(Exception):
            if self._handles:
                self._nvml.nvmlShutdown()
            self._handles = []

    def _open(self) -> str:
        try:
            self._nvml = importlib.import_module("pynvml")
        except ImportError:
            return "No GPU here: this runner was packed without nvidia-ml-py."
        try:
            self._nvml.nvmlInit()
            count = self._nvml.nvmlDeviceGetCount()
            self._handles = [self._nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        except self._nvml.NVMLError as error:
            if error.value == self._nvml.NVML_ERROR_LIBRARY_NOT_FOUND:
                return _NO_DRIVER
            return f"No GPU here: the NVIDIA driver says {str(error).rstrip('.')}."
        return "" if self._handles else "No GPU here: the NVIDIA driver knows of none."

    def _one(self, index: int, handle: Any) -> GpuStats:
        nvml = self._nvml

        def ask(question: Callable[..., Any], *more: Any) -> Any:
            # One that a card does not answer (a laptop's power limit, say) leaves its gauge empty, not all of them.
            try:
                return question(handle, *more)
            except nvml.NVMLError:
                return None

        rates = ask(nvml.nvmlDeviceGetUtilizationRates)
        memory = ask(nvml.nvmlDeviceGetMemoryInfo)
        return GpuStats(
            index,
            _text(ask(nvml.nvmlDeviceGetUUID)),
            _text(ask(nvml.nvmlDeviceGetName)),
            None if rates is None else float(rates.gpu),
            None if memory is None else int(memory.used),
            None if memory is None else int(memory.total),
            _scaled(ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU), 1),
            _scaled(ask(nvml.nvmlDeviceGetPowerUsage), 1000),
            _scaled(ask(nvml.nvmlDeviceGetEnforcedPowerLimit), 1000),
        )


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _scaled(value: float | None, divisor: int) -> float | None:
    return None if value is None else value / divisor
