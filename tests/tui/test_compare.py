"""Jobs side by side: what differs, last and best values, curves, code and requirements, walked by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.client.fake import FakeFile, FakeLinks
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.compare import CompareScreen
from floyd_tui.screens.compare_code import DiffView
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.row_table import RowTable
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot
from tests.tui.test_keys import assert_no_clash


def hosts() -> FakeLinks:
    """The demo's hosts; digits/7 ran with other code than digits/6."""
    links = FakeLinks.demo()
    host = links["gauss"].host
    code = f"{host.find_job('digits/7').name}/code"
    host.sources[code] = [
        replace(file, text=file.text.replace(b"default=30", b"default=60")) if file.path == "train.py" else file
        for file in host.sources[code]
        if file.path != "README.md"
    ] + [FakeFile("floyd_requirements.txt", b"numpy==2.1\n")]
    host.update(replace(host.find_job("digits/7"), environment="pytorch-2.9"))
    return links


@asynccontextmanager
async def compared(folder: Path, *shorts: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[ShellUi]:
    """Jobs marked and compared by keys."""
    async with shell_ui(folder, size, hosts()) as ui:
        await ui.sees("protein-fold")
        table = ui.app.screen.query_one(JobTable)
        for short in shorts:
            table.move_to(("gauss", f"ada/projects/{short}"))
            await ui.press("space")
        await ui.press("c")
        await ui.until(lambda: isinstance(ui.app.screen, CompareScreen), "the comparison")
        await ui.sees(" differ")
        yield ui


def rows(ui: ShellUi, table: str = "settings-table") -> dict[str, list[str]]:
    """A table's rows by their names."""
    found = ui.app.screen.query_one(f"#{table}", RowTable)
    return {str(key.value): [str(cell) for cell in found.get_row(key)][1:] for key in found.rows}


async def test_what_differs_is_told_and_the_rest_at_a_key(tmp_path: Path) -> None:
    async with compared(tmp_path, "digits/7", "digits/6") as ui:
        await ui.sees("A digits/6  ⇄  B digits/7")
        shown = rows(ui)
        assert shown["--lr"] == ["0.05", "≠ 0.01"]
        assert shown["environment"] == ["pytorch-2.8", "≠ pytorch-2.9"]
        assert "executor" not in shown
        await ui.press("a")
        await ui.until(lambda: rows(ui).get("executor") == ["docker", "  docker"], "what is the same")
        await ui.press("a")
        await ui.until(lambda: "executor" not in rows(ui), "what differs alone")
        table = ui.app.screen.query_one("#settings-table", RowTable)
        table.move_to("command")
        await ui.sees("B digits/7  python train.py --epochs 30 --lr 0.01 --resume")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")
        await ui.sees("✓ 2 marked")


async def test_metrics_are_told_with_the_best_of_all(tmp_path: Path) -> None:
    async with compared(tmp_path, "digits/7", "digits/6", "digits/4") as ui:
        await ui.press("M")
        await ui.until(lambda: rows(ui, "metrics-table"), "the metrics")
        shown = rows(ui, "metrics-table")
        assert shown["loss"] == ["0.1802 · 0.1677", "0.1672 · 0.1672 ★", "0.1700 · 0.1700"]
        assert sum("★" in cell for cell in shown["accuracy"]) == 1
        await ui.sees("↑ accuracy")
        await ui.sees("↓ less is better")


async def test_curves_of_all_are_in_one_chart_with_signs(tmp_path: Path) -> None:
    async with compared(tmp_path, "digits/7", "digits/6") as ui:
        await ui.press("V")
        await ui.until(lambda: any(chart.has_focus for chart in ui.app.screen.query(Chart)), "the curves")
        await ui.sees("A digits/6 0.1672")
        plot = "".join(ui.text.splitlines()[4:9])
        assert "A" in plot
        assert "B" in plot
        await ui.press("x")
        await ui.sees("over epoch")


async def test_code_and_requirements_are_told_apart(tmp_path: Path) -> None:
    async with compared(tmp_path, "digits/7", "digits/6", "digits/4") as ui:
        await ui.press("C")
        await ui.sees("The code of these two is the same.")
        await ui.press("greater_than_sign")
        await ui.sees("A digits/4  ⇄  C digits/7")
        await ui.sees("+numpy==2.1")
        await ui.press("down", "down")
        await ui.sees('+    options.add_argument("--epochs", type=int, default=60)')
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.focused, DiffView), "the diff to have the keys")
        await ui.press("j", "k", "right_square_bracket")
        await ui.sees("-pytorch-2.8")
        await ui.sees("+pytorch-2.9")
        await ui.press("less_than_sign")
        await ui.sees("Both need the same")
        await ui.press("left_square_bracket", "I")
        await ui.sees("--lr")


async def test_a_host_that_goes_is_told_and_leaves_what_is_known(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, links=hosts()) as ui:
        await ui.sees("protein-fold")
        for method in ("metrics", "files"):
            ui.host.fail(method, HostUnreachable("The line broke.", "Is it on?"), 2)
        await ui.press("asterisk", "c")
        await ui.sees("The line broke.")
        await ui.sees("--lr")


async def test_one_job_is_not_compared(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        await ui.press("c")
        await ui.sees("Mark two jobs or more with Space")


@pytest.mark.parametrize("key", ["I", "M", "V", "C", "E"])
async def test_no_two_keys_clash(tmp_path: Path, key: str) -> None:
    async with compared(tmp_path, "digits/7", "digits/6") as ui:
        await ui.press(key)
        await ui.pilot.pause()
        assert_no_clash(ui.app.screen)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    async with compared(tmp_path, "digits/7", "digits/6", "digits/4", size=size) as ui:
        await check_snapshot(ui.pilot, "compare")
        await ui.press("M")
        await ui.until(lambda: rows(ui, "metrics-table"), "the metrics")
        await check_snapshot(ui.pilot, "compare-metrics")
        await ui.press("V")
        await ui.until(lambda: any(chart.has_focus for chart in ui.app.screen.query(Chart)), "the curves")
        await check_snapshot(ui.pilot, "compare-curves")
        await ui.press("C", "greater_than_sign", "down", "down")
        await ui.sees("default=60")
        await check_snapshot(ui.pilot, "compare-code")
