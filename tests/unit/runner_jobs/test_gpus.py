"""GPUs as the runner sees them: the real nvidia-ml-py over the played driver, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.models import GpuStats, from_dict
from tests.support.nvml import FakeDriver, FakeGpu

pytestmark = pytest.mark.gcc
ASK = """
import json, sys
import runner.gpus
from runner.gpus import Gpus
from runner.models import to_dict
gpus = Gpus()
for patience in sys.stdin:
    runner.gpus._LOOK_AGAIN = float(patience)
    stats, note = gpus.sample({"GPU-aaaa": ("a/projects/p/1",)})
    print(json.dumps([[to_dict(gpu) for gpu in stats], note, gpus.uuids()]), flush=True)
gpus.close()
"""


class Reader:
    """A process that looks at the GPUs each time it is asked to: the library is loaded once and stays."""

    def __init__(self, driver: FakeDriver) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", ASK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **driver.env},
        )

    def look(self, again: float = 60.0) -> tuple[list[GpuStats], str, list[str]]:
        """The gauges, the note, what jobs can be given; devices are looked up `again` after so many seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{again}\n")
        self._process.stdin.flush()
        stats, note, uuids = json.loads(self._process.stdout.readline())
        return [from_dict(one, GpuStats) for one in stats], note, uuids

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        assert self._process.returncode == 0


@pytest.fixture
def driver(tmp_path: Path) -> FakeDriver:
    return FakeDriver(tmp_path / "driver")


def test_all_that_a_card_tells(driver: FakeDriver) -> None:
    driver.set(
        FakeGpu(use=87, used=5, total=10, sm_clock=900, throttle=0x01 | 0x04 | 0x40, corrected=3, uncorrected=1,
                processes=((12, 4096), (13, 1)))
    )  # fmt: skip
    with Reader(driver) as reader:
        [gpu], note, uuids = reader.look()
    assert (gpu.utilization, gpu.memory_used, gpu.memory_total, gpu.temperature) == (87, 5, 10, 40)
    assert (gpu.power, gpu.power_limit) == (60, 400)
    assert (gpu.clock, gpu.clock_max, gpu.memory_clock) == (900, 1410, 1593)
    assert gpu.throttled == ("sw_power_cap", "hw_thermal_slowdown")
    assert (gpu.ecc_corrected, gpu.ecc_uncorrected) == (3, 1)
    assert [(process.pid, process.memory) for process in gpu.processes or ()] == [(12, 4096), (13, 1)]
    assert (gpu.jobs, note, uuids) == (("a/projects/p/1",), "", ["GPU-aaaa"])


def test_what_a_card_does_not_tell_is_empty_and_the_rest_is_there(driver: FakeDriver) -> None:
    whole = FakeGpu(use=3)
    silent = (
        "use",
        "total",
        "temperature",
        "power",
        "limit",
        "sm_clock",
        "sm_max",
        "throttle",
        "corrected",
        "processes",
    )
    told = {"use": "utilization", "total": "memory_total", "limit": "power_limit", "sm_clock": "clock",
            "sm_max": "clock_max", "throttle": "throttled", "corrected": "ecc_corrected"}  # fmt: skip
    for missing in silent:
        driver.set(FakeGpu(**{**{name: getattr(whole, name) for name in silent}, missing: None}))
        with Reader(driver) as reader:
            [gpu], _, _ = reader.look()
        empty = {name for name in (told.get(one, one) for one in silent) if getattr(gpu, name) is None}
        assert empty == {told.get(missing, missing)}


def test_a_card_that_falls_off_the_bus_is_known_by_name_and_takes_no_other_along(driver: FakeDriver) -> None:
    fine = FakeGpu("GPU-bbbb")
    driver.set(FakeGpu(), fine)
    with Reader(driver) as reader:
        assert [gpu.lost for gpu in reader.look()[0]] == [False, False]
        driver.set(FakeGpu(lost=True), fine)
        (lost, other), _, uuids = reader.look()
        assert (lost.lost, lost.uuid, lost.name, lost.utilization) == (True, "GPU-aaaa", "NVIDIA A100", None)
        assert (other.lost, other.utilization) == (False, 0)
        assert uuids == ["GPU-bbbb"]


def test_a_card_that_is_lost_from_the_start_is_told_of_too(driver: FakeDriver) -> None:
    driver.set(FakeGpu(lost=True), FakeGpu("GPU-bbbb"))
    with Reader(driver) as reader:
        (lost, other), note, uuids = reader.look()
    assert (lost.index, lost.lost, other.index, other.lost, note) == (0, True, 1, False, "")
    assert uuids == ["GPU-bbbb"]


def test_parts_of_a_divided_card_are_devices_of_their_own(driver: FakeDriver) -> None:
    part = FakeGpu("MIG-1", "NVIDIA A100 MIG 3g.40gb", use=None, temperature=None, total=40)
    driver.set(FakeGpu(use=None, parts=(part, FakeGpu("MIG-2", total=20))), FakeGpu("GPU-bbbb"))
    with Reader(driver) as reader:
        gpus, _, uuids = reader.look()
    assert [(gpu.index, gpu.uuid, gpu.part_of, gpu.divided) for gpu in gpus] == [
        (0, "GPU-aaaa", "", True), (0, "MIG-1", "GPU-aaaa", False), (0, "MIG-2", "GPU-aaaa", False),
        (1, "GPU-bbbb", "", False),
    ]  # fmt: skip
    assert [gpu.memory_total for gpu in gpus[1:3]] == [40, 20]
    assert uuids == ["MIG-1", "MIG-2", "GPU-bbbb"]


def test_a_driver_that_comes_later_is_found_and_so_are_cards_that_change(driver: FakeDriver) -> None:
    with Reader(driver) as reader:
        assert reader.look() == ([], "No GPU here: the NVIDIA driver says Driver Not Loaded.", [])
        driver.set()
        assert reader.look(again=0) == ([], "No GPU here: the NVIDIA driver knows of none.", [])
        driver.set(FakeGpu(), FakeGpu("GPU-bbbb"))
        assert reader.look(again=0)[1:] == ("", ["GPU-aaaa", "GPU-bbbb"])
        driver.set(FakeGpu(lost=True), FakeGpu("GPU-bbbb", parts=(FakeGpu("MIG-1"),)))
        (lost, _, part), _, uuids = reader.look(again=0)
        assert (lost.uuid, lost.lost, part.uuid, uuids) == ("GPU-aaaa", True, "MIG-1", ["MIG-1"])
