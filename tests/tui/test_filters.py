"""`/` on the lists: files at any depth, hosts, environments; Esc brings everything back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from floyd_tui.client.fake import FakeFile
from floyd_tui.screens import home as home_page
from floyd_tui.screens import home_follow, job_tree
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.widgets import file_tree
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.filter_bar import FilterInput
from floyd_tui.widgets.path_input import PathInput
from floyd_tui.widgets.row_table import RowTable
from tests.support.job_ui import job_ui
from tests.support.shell_ui import shell_ui


async def test_output_files_are_found_at_any_depth(tmp_path: Path) -> None:
    async with job_ui(tmp_path, "digits/6") as ui:
        await ui.press("O")
        tree = ui.screen.query_one(FileTree)
        await ui.until(lambda: tree.known, "the files")
        before = tree.row_count
        await ui.press("slash", *"best")
        await ui.until(lambda: tree.cursor_key == "checkpoints/best.pt" and tree.row_count == 1, "the one file")
        await ui.press("enter")
        await ui.until(lambda: tree.has_focus, "the list")
        assert tree.file is not None
        assert tree.file.path == "checkpoints/best.pt"
        await ui.press("escape")
        await ui.until(lambda: tree.row_count == before, "the tree")
        assert isinstance(ui.pilot.app.screen, JobScreen)
        await ui.press("escape")
        await ui.until(lambda: not isinstance(ui.pilot.app.screen, JobScreen), "the list of jobs")


async def test_what_a_running_job_writes_meanwhile_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_tree, "POLL_SECONDS", 0.05)
    async with job_ui(tmp_path, "digits/7") as ui:
        await ui.press("O")
        tree = ui.screen.query_one(FileTree)
        await ui.until(lambda: tree.known, "the files")
        await ui.press("slash", *"fresh")
        await ui.until(lambda: not tree.row_count, "nothing of that name")
        ui.host.sources["ada/projects/digits/7/output"].append(FakeFile("deep/down/fresh.pt", b"new"))
        await ui.until(lambda: tree.cursor_key == "deep/down/fresh.pt", "the new file")


async def test_files_of_a_dataset_are_found(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("2", "enter", "enter")
        await ui.sees("images.npy")
        await ui.press("slash")
        await ui.type("labels")
        await ui.misses("images.npy")
        await ui.sees("labels.npy")
        await ui.press("escape")
        await ui.sees("images.npy")


async def test_of_a_folder_of_very_many_files_the_first_are_drawn_and_the_others_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_tree, "MOST", 5)
    async with shell_ui(tmp_path) as ui:
        held = ui.host.hold("files")
        ui.host.sources["ada/datasets/digits/2"] += [FakeFile(f"scans/{at}.png", b"") for at in range(20)]
        await ui.press("2")
        await ui.sees("Files of digits/2 …")
        held.set()
        await ui.press("enter", "enter")
        tree = ui.app.screen.query_one(FileTree)
        await ui.until(lambda: tree.known, "the files")
        tree.move_to("scans")
        await ui.press("enter")
        await ui.sees("15 more: / finds them by words")
        tree.move_to("scans/")
        assert tree.file is None
        await ui.press("d", "enter", "slash")
        await ui.type("scans")
        await ui.sees("15 more: more words find fewer")
        await ui.type(" 19")
        await ui.until(lambda: tree.row_count == 1, "the one file")


async def test_jobs_that_are_older_than_those_listed_are_looked_for_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_follow, "LIMIT", 2)
    async with shell_ui(tmp_path) as ui:
        table = ui.app.screen.query_one(home_page.JobTable)
        await ui.until(lambda: table.row_count == 2, "the newest jobs")
        oldest = min(ui.host.jobs.values(), key=lambda job: job.created_at)
        await ui.press("slash")
        await ui.type(f"{oldest.short} state:{oldest.state}")
        await ui.until(lambda: table.cursor_key == ("gauss", oldest.name), "the oldest")
        await ui.press("escape")
        await ui.until(lambda: table.row_count >= 3, "what is known by now")


async def test_hosts_are_filtered_by_name(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("4")
        table = ui.app.screen.query_one("#hosts", RowTable)
        names = len(ui.links.names())
        await ui.until(lambda: table.row_count == names, "the hosts")
        await ui.press("slash")
        await ui.type("gauss")
        await ui.until(lambda: table.row_count == 1, "one host")
        await ui.type("zzz")
        await ui.sees("No host passes this filter")
        await ui.press("escape")
        await ui.until(lambda: table.row_count == names, "all hosts")


async def test_environments_come_back_from_the_list_too(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("3")
        await ui.sees("tensorflow-2.20")
        await ui.press("slash")
        await ui.type("pytorch")
        await ui.misses("tensorflow-2.20")
        await ui.press("enter", "escape")
        await ui.sees("tensorflow-2.20")


async def test_the_folder_of_a_dataset_is_completed(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    async with shell_ui(tmp_path) as ui:
        await ui.press("2", "u")
        field = ui.app.screen.query_one("#folder", PathInput)
        field.value = f"{tmp_path}/sc"
        field.cursor_position = len(field.value)
        await ui.until(lambda: field._suggestion, "the completion")
        await ui.press("tab")
        assert field.value == f"{tmp_path}/scans/"
        await ui.press("tab")
        await ui.until(lambda: isinstance(ui.app.focused, Input) and ui.app.focused.id == "name", "the next field")


async def test_a_chosen_project_shows_its_older_jobs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_follow, "LIMIT", 4)
    async with shell_ui(tmp_path) as ui:
        home = ui.app.screen
        assert isinstance(home, HomeScreen)
        table = home.query_one(home_page.JobTable)
        await ui.until(lambda: table.row_count == 4, "the newest of all")
        wanted = [job for job in ui.host.jobs.values() if job.project == "digits"]
        newest = sorted(ui.host.jobs.values(), key=lambda job: -job.created_at)[:4]
        assert len([job for job in newest if job.project == "digits"]) < 4
        await ui.press("p")
        home.query_one("#projects", RowTable).move_to("digits")
        await ui.until(lambda: home.crumbs() == ("digits",) and table.row_count == min(4, len(wanted)), "its own")


async def test_the_filter_of_jobs_completes_keys_and_values_and_says_what_there_is(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = ui.app.screen.query_one(home_page.JobTable)
        await ui.until(lambda: table.row_count == 12, "the jobs")
        await ui.press("slash")
        await ui.sees("Tab completes")
        typed = ui.app.screen.query_one(FilterInput)
        await ui.type("sta")
        await ui.until(lambda: typed._suggestion == "state:", "the key")
        await ui.press("tab")
        await ui.sees("state: queued  preparing  running")
        await ui.type("fa")
        await ui.until(lambda: typed._suggestion == "state:failed", "the value")
        await ui.press("right")
        await ui.until(lambda: table.row_count == 2, "the failed jobs")
        assert typed.value == "state:failed"
        await ui.type(" flavour:sour")
        await ui.sees("no key flavour: state, project, tag")
        assert typed.has_focus
        await ui.press(*["backspace"] * 13, "tab")
        await ui.until(lambda: table.has_focus, "the list, as nothing is to be completed")
        await ui.misses("state: failed")  # the line of help has gone, and the filter stays
        assert table.row_count == 2
        await ui.press("escape")
        await ui.until(lambda: table.row_count == 12, "all jobs")
