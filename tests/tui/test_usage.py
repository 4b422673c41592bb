"""What jobs and GPUs use, on the screen: plots of a job's whole time, gauges of any number of GPUs, hints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from floyd_tui.client.fake_data import gpu_host
from floyd_tui.errors import HostUnreachable
from floyd_tui.usage import curves
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.gauges import gauges
from floyd_tui.widgets.hint_lines import HintLines
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.usage_pane import UsagePane
from runner.models import GpuProcess, GpuStats, Hint, HostStats, JobUsage, UsagePoint
from tests.support.job_ui import job_ui, use_shown
from tests.support.shell_ui import shell_ui
from tests.support.snapshots import SIZES, check_snapshot

GIB = 1 << 30
JOB = "ada/projects/digits/7"
LOST = Hint("gpu_lost", "critical", "GPU 1 fell off the bus.", "Restart the host.", gpu="GPU-1")
LOW = Hint("gpu_low", "info", "Its GPU is 34 % busy over 5 minutes.", "Try a larger batch.", job=JOB)
DISK = Hint("disk", "warning", "The host's disk is 91 % full.", "Run: floyd-tui gc")
at_both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def gpu(index: int, **other: Any) -> GpuStats:
    known: dict[str, Any] = {
        "utilization": 10.0 * index,
        "memory_used": index * GIB,
        "memory_total": 80 * GIB,
        "temperature": 40.0,
    }
    return GpuStats(index, f"GPU-{index}", "NVIDIA A100-SXM4-80GB", **{**known, **other})


def part(index: int, **other: Any) -> GpuStats:
    return replace(
        gpu(0), uuid=f"MIG-{index}", name="NVIDIA A100 MIG 3g.40gb", part_of="GPU-0", utilization=None, **other
    )


HOSTS: dict[str, tuple[GpuStats, ...]] = {
    "one": (gpu(0, jobs=(JOB,), power=312.0, power_limit=400.0, clock=1380, throttled=("sw_power_cap",)),),
    "eight": tuple(gpu(i, jobs=(f"ada/projects/digits/{i}",) if i % 2 else ()) for i in range(8)),
    "divided": (gpu(0, divided=True, utilization=None), part(1, jobs=(JOB,)), part(2), gpu(1)),
    "broken": (gpu(0, ecc_uncorrected=2), GpuStats(1, "GPU-1", "NVIDIA A100-SXM4-80GB", lost=True)),
}


def drawn(stats: HostStats, width: int, height: int | None = None) -> list[str]:
    """The gauges as lines of text."""
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(gauges([stats], width, Paint({}), height))
    return capture.get().splitlines()


def host(name: str, **other: Any) -> HostStats:
    return replace(gpu_host().stats[-1], gpus=HOSTS[name], **other)


# A job's use


async def test_a_job_that_has_ended_shows_what_it_used_and_hints(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6", (160, 48)) as ui:
        await ui.press("U")
        await ui.until(lambda: len(ui.screen.query_one(UsagePane).query(Chart)) == 6, "the charts")
        titles = [chart.title for chart in ui.screen.query_one(UsagePane).query(Chart)]
        assert titles == ["GPU, %", "GPU memory, GiB", "CPU, cores", "Memory, GiB", "Disk, MiB/s", "Net, MiB/s"]
        assert "Its memory was 91 % full at its peak." in str(
            ui.screen.query_one("UsagePane > HintLines", HintLines).render()
        )
        calls = ui.host.calls.count("usage")
        await ui.press("I", "U")
        await ui.until(lambda: ui.host.calls.count("usage") == calls + 1, "one more look")


async def test_a_running_job_shows_the_gravest_hint_above_its_tabs(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        line = ui.screen.query_one("JobHeader > HintLines", HintLines)
        assert not line.display
        ui.host.stats.append(replace(ui.host.stats[-1], hints=(LOW, replace(DISK, job=JOB), replace(LOST, job="x"))))
        ui.host.tell()
        await ui.until(lambda: line.display, "the hint")
        assert str(line.render()).startswith("▲ The host's disk is 91 % full.")
        ui.host.stats.append(replace(ui.host.stats[-1], hints=()))
        ui.host.tell()
        await ui.until(lambda: not line.display, "it to go")


async def test_nothing_measured_is_said_and_an_error_is_told_until_it_is_over(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:
        ui.host.usages[JOB] = JobUsage(JOB)
        ui.host.fail("usage", HostUnreachable("gauss", "It is off."))
        await ui.press("U")
        pane = ui.screen.query_one(UsagePane)
        await ui.until(lambda: "Nothing measured yet" in str(pane.query_one(Note).render()), "it to be said")


@at_both_sizes
async def test_picture_of_a_jobs_use(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, size=size) as ui:
        await ui.press("U")
        await ui.until(lambda: len(ui.screen.query_one(UsagePane).query(Chart)) == 6, "the charts")
        await ui.until(lambda: ui.screen.query_one(UsagePane).query(Chart).first().has_focus, "the focus")
        await use_shown(ui)
        await check_snapshot(ui.pilot, "job-usage")


def test_curves_leave_out_what_is_not_known() -> None:
    points = tuple(
        UsagePoint(float(i), 100.0 * i or None, None, None, None, (50.0, None), (GIB, GIB)) for i in range(3)
    )
    found = {curve.name: curve for curve in curves(JobUsage(JOB, 1.0, points, 4.0, None, (2 * GIB, None)))}
    assert set(found) == {"GPU 0", "GPU 0 memory", "GPU 1 memory", "CPU"}
    assert found["CPU"].points == ((1.0, 1.0), (2.0, 2.0))
    assert (found["CPU"].full, found["GPU 0 memory"].full, found["GPU 1 memory"].full) == (4.0, 2.0 * GIB, None)


# The host's gauges


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("width", [20, 40, 50, 80, 112, 200])
def test_every_gpu_is_there_and_nothing_is_wider_than_the_page(name: str, width: int) -> None:
    for height in (None, 18, 40):
        lines = drawn(host(name, hints=(LOST, LOW, DISK), received=1e6, sent=1.0), width, height)
        assert max(map(len, lines)) <= width
        for one in HOSTS[name]:
            assert one.part_of or any(line.startswith(f"GPU {one.index}") for line in lines)
        assert sum("MIG" in line for line in lines if line.lstrip().startswith("└")) == (2 if name == "divided" else 0)


def test_many_gpus_fit_a_small_page_one_a_line() -> None:
    lines = drawn(host("eight"), 50, 18)
    assert len(lines) <= 18
    assert [line.split() for line in lines if line.startswith("GPU 3")] == [
        ["GPU", "3", "━" * 6, "30%", "━" * 6, "4%", "●", "digits/3"]
    ]
    assert len(drawn(host("eight"), 112, 40)) <= 40
    assert len(drawn(host("eight"), 112)) > 40


def test_a_gpu_says_why_it_is_slow_who_has_it_and_that_it_is_lost() -> None:
    assert "power 312 of 400 W    clock 1380 MHz    ▲ power cap" in "\n".join(drawn(host("one"), 112))
    broken = "\n".join(drawn(host("broken"), 112))
    assert "✘ 2 ECC errors" in broken
    assert "GPU 1  NVIDIA A100-SXM4-80GB   ✘ lost: off the bus" in broken
    taken = replace(gpu(0), processes=(GpuProcess(1), GpuProcess(2, job=JOB), GpuProcess(3, computes=False)))
    assert "● 1 other program" in "\n".join(drawn(replace(host("one"), gpus=(taken,)), 80))
    assert "divided (MIG)" in "\n".join(drawn(host("divided"), 80))


def test_hints_name_their_job_and_on_a_small_page_the_gravest_is_told() -> None:
    stats = host("one", hints=(LOW, DISK, LOST))
    large = drawn(stats, 112, 40)
    assert [line for line in large if line.startswith("▲")] == [
        "▲ GPU 1 fell off the bus.", "▲ The host's disk is 91 % full.",
        "▲ digits/7: Its GPU is 34 % busy over 5 minutes.",
    ]  # fmt: skip
    small = [line for line in drawn(stats, 112, 9) if line.startswith("▲")]
    assert small == ["▲ GPU 1 fell off the bus.  (and 2 more)"]
    [line] = [line for line in drawn(replace(stats, hints=(LOW,)), 30, 9) if "▲" in line]
    assert line == "▲ digits/7: Its GPU is 34 % b…"


@at_both_sizes
async def test_picture_of_a_host_with_eight_gpus_and_trouble(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        ui.host.stats[:] = [
            host("eight", hints=(LOST, LOW, DISK), received=12e6, sent=1e5, disk_read=5e7, disk_written=1e6)
        ]
        await ui.press("4")
        await ui.sees("GPU 7")
        await check_snapshot(ui.pilot, "hosts-eight-gpus")
