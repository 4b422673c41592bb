"""A played GPU driver under the real nvidia-ml-py: `libnvidia-ml.so.1`, compiled for the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("fake_nvml.c")


class FakeDriver:
    """A driver in `folder`; `set` says what its GPUs are, at any time; `env` is what a process needs to see it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "gpus"
        self.env = {"LD_LIBRARY_PATH": str(folder), "FLOYD_FAKE_NVML": str(self._state)}
        library = folder / "libnvidia-ml.so.1"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, SOURCE], check=True)

    def set(self, *gpus: str) -> None:
        """One line a GPU, as the C file says: name uuid use used total temperature milliwatts limit."""
        new = self._state.with_suffix(".new")
        new.write_text("".join(f"{gpu}\n" for gpu in gpus))
        new.replace(self._state)
