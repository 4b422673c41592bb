"""What the app takes of a core while nobody touches it: on the list of jobs, the hosts' gauges, and a job that runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Row
from benchmarks.screen import Screen
from benchmarks.visit import JOB_SIGN, visit
from tests.support.api import Api
from tests.support.nvml import FakeDriver, FakeGpu

# Of one core.
SHARE = 0.01
GPUS = 4
# Seconds of looking, on each page.
STILL = 30
QUIET = "echo a late line; sleep 3600"


def rows() -> dict[str, Callable[[str], Row]]:
    """The rows by their names."""
    return {"ui: CPU of an idle app, of 1 %": idle_row}


def idle_row(name: str) -> Row:
    """The share that it takes on the page that takes most, one job running on four GPUs."""
    with tempfile.TemporaryDirectory(prefix="floyd-bench-") as folder:
        driver = FakeDriver(Path(folder) / "driver")
        driver.set(*(FakeGpu(f"GPU-{n}") for n in range(GPUS)))
        with visit(10, driver.env) as here, here.runner.http() as http:
            Api(http).launch(QUIET, "quiet", gpus=GPUS)
            with here.open() as screen:
                screen.until(JOB_SIGN)
                shares = {"jobs": _idle(screen), "hosts": _idle(screen, "4", "A100")}
                screen.press("1", "quiet")
                shares["a job"] = _idle(screen, "\r", "a late line")
    note = ", ".join(f"{page} {share:.1%}" for page, share in shares.items())
    return Row(name, max(shares.values()) / SHARE, 1.0, detail={"shares": shares}, note=note)


def _idle(screen: Screen, key: str = "", words: str = "") -> float:
    """The share of a core while nothing is pressed, on the page that `key` leads to."""
    if key:
        screen.press(key, words)
    screen.rest(3)
    before = screen.cpu
    screen.rest(STILL)
    return (screen.cpu - before) / STILL
