"""A played GPU driver under the real nvidia-ml-py: `libnvidia-ml.so.1`, compiled for the tests."""

from __future__ import annotations

import atexit
import functools
import subprocess
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")
GIB = 1 << 30
# What a driver of another version than its library answers to the first call.
VERSION_MISMATCH = 18


@dataclass(frozen=True, slots=True)
class FakeGpu:
    """A device as the driver shows it; None is a question that it does not answer ("[N/A]").

    Memory in bytes, power in milliwatts, clocks in MHz, `slow` in milliseconds an answer. `processes` are pids and the
    memory of each, `parts` the devices that MIG divides it into. `throttle` are NVML's bits of clock event reasons.
    """

    uuid: str | None = "GPU-aaaa"
    name: str | None = "NVIDIA A100"
    use: int | None = 0
    used: int | None = 0
    total: int | None = 80 * GIB
    temperature: int | None = 40
    power: int | None = 60_000
    limit: int | None = 400_000
    sm_clock: int | None = 1410
    sm_max: int | None = 1410
    memory_clock: int | None = 1593
    memory_max: int | None = 1593
    throttle: int | None = 0
    corrected: int | None = 0
    uncorrected: int | None = 0
    processes: tuple[tuple[int, int], ...] | None = ()
    parts: tuple[FakeGpu, ...] | None = None
    lost: bool = False
    slow: int | None = None

    def lines(self, kind: str = "gpu") -> list[str]:
        """The device in the file that the C code reads, and its parts below it."""
        words = [f"kind={kind}"]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("processes", "parts", "lost") and value is not None:
                words.append(f"{field.name}={str(value).replace(' ', '_')}")
        if self.processes is not None:
            words.append("processes=" + ",".join(f"{pid}:{memory}" for pid, memory in self.processes))
        if self.parts is not None:
            words.append("mig=1")
        if self.lost:
            words.append("lost=1")
        return [" ".join(words), *(line for part in self.parts or () for line in part.lines("mig"))]


class FakeDriver:
    """A driver whose state lies in `folder`: without a first `set` it is not loaded.

    `env` is what a process needs to see it, and a running one sees what `set` changes at its next question.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "gpus"
        self.env = {"LD_LIBRARY_PATH": str(_library()), "FLOYD_FAKE_NVML": str(self._state)}

    def set(self, *gpus: FakeGpu) -> None:
        """What its GPUs are from now on."""
        self._write([line for gpu in gpus for line in gpu.lines()])

    def refuse(self, error: int) -> None:
        """It answers who begins with this NVML error, as a driver does that is of another version than its library."""
        self._write([f"kind=driver refuses={error}"])

    def unload(self) -> None:
        """The driver's module is not there any more."""
        self._state.unlink()

    def _write(self, lines: list[str]) -> None:
        new = self._state.with_suffix(".new")
        new.write_text("".join(f"{line}\n" for line in lines))
        new.replace(self._state)


@functools.cache
def _library() -> Path:
    """The folder of the library, compiled once a test process."""
    folder = tempfile.TemporaryDirectory(prefix="fake-nvml-")
    atexit.register(folder.cleanup)
    library = Path(folder.name) / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o", library, SOURCE], check=True)
    return library.parent
