"""Datasets from the net and from jobs, by keys: the forms, what is coming, breaking it off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from floyd_tui.client.fake import FakeFile, FakeHost, FakeLinks
from floyd_tui.client.fake_fetches import arrive, go_on
from floyd_tui.errors import RouteMissing, RunnerProblem
from floyd_tui.screens.datasets import DatasetsScreen
from floyd_tui.screens.fetch import FetchDialog, suggested_name
from floyd_tui.screens.fetches_pane import FetchesPane
from floyd_tui.screens.save_dataset import SaveDatasetDialog
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.row_table import RowTable
from runner.models import AddedVersion, Fetch, JobState, Problem
from tests.support.job_ui import job_ui
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot

URL = "https://data.example.org/birds/songs-2026.tar.gz"
GONE = Problem("refused", "Nothing could be fetched", 502, f"There is nothing at {URL} (404).", "Check the address.")


def coming(host: FakeHost) -> None:
    """Fetches in each state that is shown."""
    gib = 1 << 30
    base = Fetch("", host.info.owner, "", URL, "fetching", host.now)
    rows = (
        replace(base, id="1", dataset="bird-songs", done_bytes=gib, total_bytes=3 * gib, rate=112e6),
        replace(base, id="2", dataset="clips", state="unpacking", done_bytes=gib, total_bytes=gib * 2, files=8123),
        replace(base, id="3", dataset="slow", done_bytes=48 << 20, note="data.example.org fell silent; trying again"),
        replace(base, id="4", dataset="typo", state="failed", problem=GONE, ended_at=host.now),
    )
    host.fetches.update({fetch.id: fetch for fetch in rows})


async def opened(ui: ShellUi) -> FetchesPane:
    """Go to the datasets."""
    await ui.press("2")
    await ui.until(lambda: isinstance(ui.app.screen, DatasetsScreen), "the page")
    await ui.sees("digits-best")
    return ui.app.screen.query_one(FetchesPane)


async def fill(ui: ShellUi, **fields: str) -> None:
    """Fill in the form."""
    for key, value in fields.items():
        ui.app.screen.query_one(f"#{key}", Input).value = value
    await ui.pilot.pause()


async def test_a_version_from_the_net_is_asked_for_watched_and_comes(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        pane = await opened(ui)
        assert not pane.display
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.app.screen, FetchDialog), "the form")
        await fill(ui, name="", url=URL)
        await ui.until(lambda: ui.app.screen.query_one("#name", Input).value == "songs-2026", "a name suggested")
        ui.app.screen.query_one("#unpack", Select).value = "no"
        await ui.press("ctrl+l")
        await ui.sees("waits for its turn")
        (fetch,) = ui.host.fetches.values()
        fetch = go_on(ui.host, fetch, state="fetching", done_bytes=30 << 20, total_bytes=40 << 20, rate=5 << 20)
        await ui.sees("75%")
        assert "30.0 MiB of 40.0 MiB   5.0 MiB/s   2.0s left" in ui.text
        arrive(ui.host, fetch, [FakeFile("songs.csv", b"wren\n")])
        await ui.sees("songs-2026/1 is there: 1 file.")
        await ui.until(lambda: not pane.display, "it to go")
        ui.app.screen.query_one("#datasets", RowTable).move_to("ada/datasets/songs-2026")
        await ui.sees("Files of songs-2026/1 · from https://data.example.org/birds")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "example.org/x", "name": "x"}, "Write it in full"),
        ({"url": URL, "name": "a b"}, "cannot be a dataset name"),
        ({"url": URL, "name": "x", "sha256": "abc"}, "64 hexadecimal digits"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(tmp_path: Path, fields: dict[str, str], sentence: str) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.app.screen, FetchDialog), "the form")
        await fill(ui, **fields)
        await ui.press("ctrl+l")
        await ui.sees(sentence)
        assert "begin_fetch" not in ui.host.calls


async def test_one_is_broken_off_and_a_failed_one_tried_again_or_forgotten(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    coming(links["gauss"].host)
    async with shell_ui(tmp_path, (120, 40), links) as ui:
        pane = await opened(ui)
        await ui.sees("✘ There is nothing at")
        pane.focus()
        pane.move_to("3")
        await ui.press("x")
        await ui.sees("Break off what comes for slow?")
        await ui.press("y")
        await ui.until(lambda: pane.row_count == 3, "it to go")
        pane.move_to("4")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, FetchDialog), "the form again")
        assert ui.app.screen.query_one("#url", Input).value == URL
        await ui.press("escape")
        await ui.press("x")
        await ui.until(lambda: pane.row_count == 2, "it to be forgotten")
        await ui.press("escape")
        assert ui.app.screen.query_one("#datasets").has_focus


async def test_a_failure_says_why(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        fetch = Fetch("9", "ada", "birds", URL, "fetching", ui.host.now, 1000)
        go_on(ui.host, fetch)
        await ui.sees("1.0 KiB")
        go_on(ui.host, fetch, state="failed", problem=GONE, ended_at=ui.host.now)
        await ui.sees("Check the address.")


async def test_an_address_that_has_not_changed_is_said(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        name, dataset = next((name, one) for name, one in ui.host.datasets.items() if one.versions)
        fetch = go_on(ui.host, Fetch("9", "ada", name, URL, "fetching", ui.host.now))
        added = AddedVersion(dataset.versions[0], created=False)
        go_on(ui.host, fetch, state="done", added=added, unchanged=True, ended_at=ui.host.now)
        await ui.sees(f"Not changed there since {dataset.versions[0].short}")


async def test_a_runner_too_old_to_fetch_still_shows_its_datasets(tmp_path: Path) -> None:
    old = RouteMissing(Problem("bad_message", "Not understood", 502, "Too old.", "`floyd-tui host install gauss`"))
    links = FakeLinks.demo()
    links["gauss"].host.fail("fetches", old, times=9)
    async with shell_ui(tmp_path, (120, 40), links) as ui:
        pane = await opened(ui)
        await ui.sees("The runner on gauss fetches nothing from the net yet.")
        await ui.until(lambda: ui.app.screen.query_one("#versions", RowTable).row_count, "the versions")
        assert not pane.display
        assert "Not understood" not in ui.text


async def test_a_folder_of_an_output_is_kept_as_a_dataset(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6", (120, 40)) as ui:
        tree = ui.screen.query_one(FileTree)
        await ui.press("O")
        await ui.until(lambda: tree.row_count, "the files")
        tree.focus()
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, SaveDatasetDialog), "the form")
        ui.pilot.app.screen.query_one("#name", Input).value = "kept"
        await ui.press("ctrl+l")
        await ui.until(lambda: "kept" in ui.host.datasets, "the dataset")
        version = ui.host.datasets["kept"].versions[0]
        assert version.source == "ada/projects/digits/6/output/checkpoints"


async def test_what_the_host_refuses_is_said_in_the_form(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        await ui.press("O")
        tree = ui.screen.query_one(FileTree)
        await ui.until(lambda: tree.row_count, "the files")
        tree.focus()
        ui.host.fail("add_version", _refused("digits/6 may still change: its job has not ended."))
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, SaveDatasetDialog), "the form")
        await ui.press("enter", "enter")
        trouble = ui.pilot.app.screen.query_one("#trouble")
        await ui.until(lambda: trouble.has_class("-shown"), "what is wrong")
        assert ui.host.find_job("digits/6").state is JobState.SUCCEEDED


def _refused(detail: str) -> RunnerProblem:
    return RunnerProblem(Problem("conflict", "Not now", 409, detail))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "songs-2026"),
        ("https://h/train-images%20idx3.ubyte.gz?x=1", "train-images-idx3.ubyte"),
        ("https://h/", ""),
        ("https://[h", ""),
    ],
)
def test_a_name_is_suggested_by_the_address(url: str, name: str) -> None:
    assert suggested_name(url) == name


at_both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@at_both_sizes
async def test_pictures_of_what_is_coming(tmp_path: Path, size: tuple[int, int]) -> None:
    links = FakeLinks.demo()
    coming(links["gauss"].host)
    async with shell_ui(tmp_path, size, links) as ui:
        pane = await opened(ui)
        await ui.sees("images.npy")
        pane.focus()
        await check_snapshot(ui.pilot, "datasets-coming")


@at_both_sizes
async def test_pictures_of_the_form(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        await opened(ui)
        await ui.sees("images.npy")
        await ui.press("a")
        await ui.sees("Add a dataset from the net")
        await fill(ui, name="", url=URL)
        await check_snapshot(ui.pilot, "datasets-fetch")


@at_both_sizes
async def test_pictures_of_keeping_an_output(tmp_path: Path, size: tuple[int, int]) -> None:
    async with job_ui(tmp_path, "digits/6", size) as ui:
        await ui.press("O")
        tree = ui.screen.query_one(FileTree)
        await ui.until(lambda: tree.row_count, "the files")
        tree.focus()
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.pilot.app.screen, SaveDatasetDialog), "the form")
        await check_snapshot(ui.pilot, "job-keep")
