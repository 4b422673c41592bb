"""Pictures of what one meets less often, at both sizes: nothing there yet, a host gone, fields that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostUnreachable, RunnerMissing
from floyd_tui.screens.download import DownloadScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.widgets.file_tree import FileTree
from runner.models import JobState
from tests.support.job_ui import JobUi, job_ui
from tests.support.shell_ui import shell_ui
from tests.support.snapshots import SIZES, check_snapshot

pytestmark = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that reads ``~/net``, and to stand in."""
    folder = home / "net"
    folder.mkdir()
    (folder / "train.py").write_text("print('one')\n")
    (folder / "floyd.yml").write_text("command: python train.py\ngpus: 1\n")
    monkeypatch.chdir(folder)
    return folder


def empty(links: FakeLinks) -> None:
    """A host on which nothing was ever done."""
    host = links["gauss"].host
    for known in (host.jobs, host.projects, host.datasets):
        known.clear()


@pytest.mark.parametrize(
    ("name", "keys", "text"),
    [("empty-jobs", (), "No jobs here yet"), ("empty-datasets", ("2",), "No datasets here yet")],
)
async def test_nothing_there_yet(
    tmp_path: Path, size: tuple[int, int], name: str, keys: tuple[str, ...], text: str
) -> None:
    links = FakeLinks.demo()
    empty(links)
    async with shell_ui(tmp_path, size, links) as ui:
        await ui.press(*keys)
        await ui.sees(text)
        await ui.sees("● live")
        await check_snapshot(ui.pilot, name)


async def test_a_host_that_has_gone(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        await ui.until(lambda: ui.text.count("▁▁ loss") == 4, "the curves")
        ui.link.set_status(LinkState.RETRYING, HostUnreachable("gauss does not answer.", "Is it up?"), 4.0)
        ui.host.drop()
        await ui.sees("↻")
        table = ui.app.screen.query_one("#jobs")
        await ui.until(lambda: table.has_class("-stale"), "the old jobs, dimmed")
        await check_snapshot(ui.pilot, "stale")


async def test_the_runner_is_offered(tmp_path: Path, size: tuple[int, int]) -> None:
    links = FakeLinks.demo()
    error = RunnerMissing("gauss answers, but no runner is there.", "Install it.")
    links["gauss"].set_status(LinkState.FAILED, error)
    async with shell_ui(tmp_path, size, links) as ui:
        await ui.sees("Put the runner on gauss?")
        await check_snapshot(ui.pilot, "install")


async def test_watching(tmp_path: Path, size: tuple[int, int], project: Path) -> None:
    async with shell_ui(tmp_path, size) as ui:
        await ui.press("w")
        await ui.sees("Enter starts it")
        await check_snapshot(ui.pilot, "watch-before")
        await ui.press("enter")
        await ui.sees("◌ net/1 queued")
        ui.host.write_log("net/1", b"epoch 1: loss 0.41\nepoch 2: loss 0.22\n")
        ui.host.finish("net/1", JobState.SUCCEEDED)
        await ui.sees("✔ net/1 succeeded")
        await ui.sees("epoch 2: loss 0.22")
        await check_snapshot(ui.pilot, "watch")


async def test_a_launch_that_cannot_be(tmp_path: Path, size: tuple[int, int], project: Path) -> None:
    async with shell_ui(tmp_path, size) as ui:
        await ui.press("n")
        await ui.until(lambda: isinstance(ui.app.screen, LaunchScreen), "the form")
        form = ui.app.screen
        await ui.until(lambda: not [w for w in form.workers if w.group == "suggest" and w.is_running], "the host")
        await ui.sees("2 files")
        wrong = {"project": "my net", "gpus": "all", "memory": "much", "variables": "SEED"}
        for field, text in wrong.items():
            form.query_one(f"#{field}", Input).value = text
        await ui.press("ctrl+l")
        await ui.sees("is not a number of GPUs")
        form.set_focus(None)  # a cursor blinks
        await check_snapshot(ui.pilot, "launch-wrong")


async def test_files_found(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await ui.press("O")
        tree = ui.screen.query_one(FileTree)
        await ui.until(lambda: tree.known, "the files")
        await ui.press("slash", *"pt")
        await ui.until(lambda: tree.cursor_key == "checkpoints/best.pt", "those with pt")
        await ui.press("enter")
        await check_snapshot(ui.pilot, "job-files-found")


async def fetched(ui: JobUi, to: Path, done: Callable[[DownloadScreen], bool]) -> DownloadScreen:
    """The download dialog of the job's output into `to`, once `done`."""
    await ui.press("d")
    await ui.until(lambda: isinstance(ui.pilot.app.screen, DownloadScreen), "the dialog")
    screen = ui.pilot.app.screen
    assert isinstance(screen, DownloadScreen)
    screen.query_one("#to", Input).value = str(to)
    await ui.press("enter")
    await ui.until(lambda: done(screen), "the end")
    return screen


async def test_downloads(tmp_path: Path, size: tuple[int, int], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await fetched(ui, Path("got"), lambda screen: screen.state == "done")
        sign = ui.screen.query_one("#syncs", Static)
        await ui.until(lambda: "down" not in str(sign.render()), "the end of the sign above")
        await check_snapshot(ui.pilot, "download-done")
        await ui.press("escape")
        clash = next(path for path in (home / "got").rglob("*") if path.is_file())
        clash.write_text("mine")
        await fetched(ui, Path("got"), lambda screen: screen.state == "clash")
        await check_snapshot(ui.pilot, "download-clash")


async def test_long_and_wide_names(tmp_path: Path, size: tuple[int, int]) -> None:
    links = FakeLinks.demo()
    host = links["gauss"].host
    message = "学習率を下げて再開する 🚀 " + "and a very long message that goes on and on " * 4
    host.update(replace(host.find_job("digits/6"), message=message, tags=("初めて",)))
    host.update(replace(host.find_job("digits/5"), message="a" * 300))
    async with shell_ui(tmp_path, size, links) as ui:
        await ui.sees("学習率")
        await ui.until(lambda: ui.text.count("▁▁ loss") == 4, "the curves")
        await check_snapshot(ui.pilot, "home-wide-names")
