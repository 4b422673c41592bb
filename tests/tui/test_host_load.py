"""A host's last minutes: kept while nobody looks, drawn GPU by GPU, with whose processes are on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from floyd_tui.client.fake import NOW
from floyd_tui.client.fake_data import gpu_host
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostUnreachable
from floyd_tui.metrics.axes import Span
from floyd_tui.screens.host import HostScreen
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.gauges import HostGauges
from floyd_tui.widgets.host_history import LENGTH, HostHistory
from floyd_tui.widgets.row_table import RowTable
from runner.models import GpuProcess, GpuStats, HostStats, JobStats
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import check_snapshot
from tests.tui.test_keys import assert_no_clash
from tests.tui.test_usage import JOB, at_both_sizes, gpu


def looks(count: int = 60) -> list[HostStats]:
    """Eight GPUs: jobs of one's own and of others, other programs, an idle one and a lost one."""
    found = []
    for at, stats in enumerate(gpu_host().stats[-count:]):
        on = {
            0: (GpuProcess(4000, 5 << 30, JOB), GpuProcess(4001, 1 << 30, "bob")),
            1: (GpuProcess(4010, 2 << 30),),
        }
        gpus = [
            gpu(i, utilization=(10.0 * i + at) % 100, power=90.0 + i, power_limit=400.0, processes=on.get(i, ()),
                jobs=(JOB,) if i in (0, 2) else ())
            for i in range(7)
        ]  # fmt: skip
        lost = GpuStats(7, "GPU-7", "NVIDIA A100-SXM4-80GB", lost=True)
        jobs = (*stats.jobs, JobStats("ada/projects/digits/6", 100, 1 << 30))
        found.append(replace(stats, gpus=(*gpus, lost), jobs=jobs, received=1e6, sent=2e6, disk_read=0.0))
    return found


@asynccontextmanager
async def loaded(folder: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[ShellUi]:
    """The load of the host with eight GPUs, opened."""
    async with shell_ui(folder, size) as ui:
        ui.host.stats[:] = looks()
        await ui.press("4")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the page")
        await ui.sees("GPU 6")
        await ui.press("v")
        await ui.until(lambda: isinstance(ui.app.screen, HostScreen), "its load")
        await ui.until(lambda: ui.app.screen.query(Chart), "the charts")
        await ui.until(lambda: isinstance(ui.app.focused, RowTable), "the processes")
        yield ui


def drawn(ui: ShellUi) -> dict[str, list[str]]:
    """The names of the curves in each chart."""
    return {chart.title: [one.name for one in chart.series] for chart in ui.app.screen.query(Chart)}


async def test_the_gpu_under_the_cursor_is_drawn_and_its_job_opened(tmp_path: Path) -> None:
    async with loaded(tmp_path) as ui:
        assert_no_clash(ui.app.screen)
        titles = ["GPU, %", "GPU heat, °C", "GPU power, W", "Host, %", "Disk, MiB/s", "Net, MiB/s"]
        await ui.until(lambda: list(drawn(ui)) == titles, "all charts")
        assert drawn(ui)["GPU, %"] == ["GPU 0 use", "memory"]
        for text in ("● digits/7", "● a job of bob", "another program", "✘ lost: off the bus", "idle", "● digits/6"):
            assert text in ui.text
        await ui.press("j")
        assert drawn(ui)["GPU heat, °C"] == ["GPU 0"]
        await ui.press("enter")
        await ui.sees("That job is bob's")
        await ui.press("j")
        assert drawn(ui)["GPU heat, °C"] == ["GPU 1"]
        await ui.press("enter")
        await ui.sees("No job is there.")
        await ui.press("tab", "left")
        chart = ui.app.screen.query(Chart).first()
        assert chart.has_focus
        assert chart.readout()[0] == "now"
        await ui.press("shift+left")
        assert chart.readout()[0].endswith(" ago")
        ui.app.screen.query_one(RowTable).focus()
        await ui.press("g", "enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "its job")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HostScreen), "its load again")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")


async def test_what_was_seen_is_kept_and_a_host_that_is_gone_keeps_its_last(tmp_path: Path) -> None:
    async with loaded(tmp_path) as ui:
        screen = ui.app.screen
        assert isinstance(screen, HostScreen)
        known = screen._history
        await ui.until(lambda: len(known) == 60, "all looks")
        ui.host.fail("follow_stats", HostUnreachable("gauss does not answer.", "Is it on?"), 100)
        ui.host.drop()
        ui.links["gauss"].set_status(LinkState.RETRYING, HostUnreachable("gauss does not answer.", "Is it on?"), 4.0)
        await ui.sees("as of now: the host does not answer")
        assert "GPU 0 use" in ui.text
        await ui.press("ctrl+r")
        await ui.until(lambda: "retry" in ui.links["gauss"].asked, "the try")
        await ui.press("escape", "down")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")
        await ui.press("up")
        await ui.sees("GPU 6")
        assert ui.app.screen.query_one(HostGauges)._history is known


def test_a_history_ends_by_itself_breaks_where_nobody_looked_and_begins_anew_with_the_clock() -> None:
    history = HostHistory()
    base = looks(1)[0]
    for second in (*range(LENGTH + 9), LENGTH + 99):
        history.add(replace(base, time=NOW + second))
    history.add(replace(base, time=NOW + LENGTH + 99))
    assert len(history) == LENGTH
    host = next(chart for chart in history.charts() if chart.title == "Host, %")
    trace = host.series[0].trace
    assert (trace.xs[-1], trace.odd, host.room) == (0.0, 1, Span(0.0, 100.0))
    assert [chart.title for chart in history.charts("GPU-7")] == ["Host, %", "Disk, MiB/s", "Net, MiB/s"]
    history.add(replace(base, time=NOW - 1000))
    assert len(history) == 1
    assert HostHistory().charts() == []


@at_both_sizes
async def test_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    async with loaded(tmp_path, size) as ui:
        await ui.until(lambda: len(drawn(ui)) == 6, "the charts")
        await ui.press("j", "j")
        await ui.until(lambda: drawn(ui)["GPU heat, °C"] == ["GPU 1"], "the GPU")
        await check_snapshot(ui.pilot, "host-load")
