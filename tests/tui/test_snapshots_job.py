"""Pictures of one job's screens in its states, at the two sizes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.preview import PreviewScreen
from floyd_tui.widgets.chart import Chart
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.info_pane import InfoPane
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.note import Note
from tests.support.job_ui import JobUi, job_ui, use_shown
from tests.support.snapshots import SIZES, check_snapshot

pytestmark = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def _utc(home: Path) -> None:
    """Moments are shown in the reader's zone; `home` has set it."""
    time.tzset()


async def log_read(ui: JobUi) -> None:
    view = ui.screen.query_one(LogView)
    name = ui.screen.job.name
    await ui.until(lambda: view.buffer.size == len(ui.host.logs[name]) and not view._scheduled, "the log")
    await ui.until(lambda: view.scroll_offset.y == view.max_scroll_y, "its end")
    await use_shown(ui)


async def test_logs(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, size=size) as ui:
        await log_read(ui)
        await check_snapshot(ui.pilot, "job-logs")


async def test_search(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, size=size) as ui:
        await log_read(ui)
        await ui.press("T", "slash", *"gradient", "enter", "n")
        view = ui.screen.query_one(LogView)
        await ui.until(lambda: view.search and view.search.progress == 1 and view.current is not None, "the matches")
        await check_snapshot(ui.pilot, "job-search")


async def test_metrics(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, size=size) as ui:
        await ui.press("M")
        await ui.until(lambda: len(ui.screen.query(Chart)) == 3, "the charts")
        await ui.until(lambda: ui.screen.query(Chart).first().has_focus, "the focus")
        await ui.press("left", "left")
        await use_shown(ui)
        await check_snapshot(ui.pilot, "job-metrics")


async def test_one_chart_enlarged(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, size=size) as ui:
        await ui.press("M")
        await ui.until(lambda: ui.screen.query(Chart) and ui.screen.query(Chart).first().has_focus, "the focus")
        await ui.press("enter", "l")
        await use_shown(ui)
        await check_snapshot(ui.pilot, "job-chart")


async def test_files(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await ui.press("O")
        table = ui.screen.query_one(FileTree)
        await ui.until(lambda: table.known, "the files")
        await ui.press("enter", "j")
        await ui.until(lambda: table.cursor_key == "checkpoints/best.pt", "the folder's files")
        await check_snapshot(ui.pilot, "job-files")


async def test_info(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, size=size) as ui:
        await ui.press("I")
        await ui.until(lambda: ui.screen.query_one(InfoPane).code_known, "the code's files")
        await use_shown(ui)
        await check_snapshot(ui.pilot, "job-info")


async def test_preparing(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "whisper-nl/13", size) as ui:
        await ui.until(lambda: ui.screen.query(Note).first().has_class("-shown"), "the note")
        await check_snapshot(ui.pilot, "job-preparing")


async def test_failed(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/2", size) as ui:
        await log_read(ui)
        await ui.press("e")
        await ui.until(lambda: ui.screen.query_one(LogView).current is not None, "the error")
        await check_snapshot(ui.pilot, "job-failed")


async def test_download(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await log_read(ui)
        await ui.press("d")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, DownloadScreen), "the dialog")
        what = ui.pilot.app.screen.query_one("#what")
        await ui.until(lambda: "10 files" in str(what.render()), "how much")
        ui.pilot.app.screen.set_focus(None)  # a cursor blinks
        await check_snapshot(ui.pilot, "download")


async def test_preview(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await ui.press("O")
        await ui.until(lambda: ui.screen.query_one(FileTree).known, "the files")
        await ui.press("j", "j", "j", "j", "enter")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, PreviewScreen), "the preview")
        await ui.until(lambda: ui.pilot.app.screen.query("Sheet"), "the table")
        await check_snapshot(ui.pilot, "preview")
