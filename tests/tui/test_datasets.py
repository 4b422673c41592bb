"""The page of datasets: versions, files, uploads with progress; and the page of environments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from floyd_tui.client.fake import FakeLinks
from floyd_tui.errors import HostUnreachable, RunnerProblem
from floyd_tui.screens.datasets import DatasetsScreen
from floyd_tui.screens.environments import EnvironmentsScreen
from floyd_tui.screens.upload import UploadDialog
from floyd_tui.widgets.file_tree import FileTree
from floyd_tui.widgets.row_table import RowTable
from runner.models import Event, NewVersion, Problem
from tests.support.shell_ui import ShellUi, shell_ui


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data."""
    data = tmp_path / "birds"
    data.mkdir()
    (data / "songs.csv").write_text("blackbird,1\nwren,2\n")
    (data / "README").write_text("Birds by song.\n")
    return data


async def opened(ui: ShellUi) -> RowTable:
    """Go to the datasets."""
    await ui.press("2")
    await ui.until(lambda: isinstance(ui.app.screen, DatasetsScreen), "the page")
    await ui.sees("digits-best")
    return ui.app.screen.query_one("#datasets", RowTable)


async def test_datasets_versions_and_files_are_one_below_the_other(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await opened(ui)
        await ui.sees("images.npy")
        for text in ("deskewed, 1797 scans", "as scanned", "public", "41.0 GiB", "Files of digits/2"):
            assert text in ui.text
        await ui.press("enter", "down")
        await ui.sees("Files of digits/1")
        await ui.misses("classes.json")
        await ui.press("escape", "down")
        await ui.sees("Files of digits-best/1")
        await ui.sees("digits/6")


async def test_folders_are_asked_for_when_they_open(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.sees("images.npy")
        await ui.press("enter", "enter")
        assert ui.app.screen.query_one(FileTree).has_focus
        await ui.press("enter")
        await ui.sees("classes.json")


async def test_answers_for_a_version_no_longer_looked_at_do_not_win(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    held = links["gauss"].host.hold("files")
    async with shell_ui(tmp_path, links=links) as ui:
        await opened(ui)
        await ui.press("down", "down")
        await ui.sees("Files of voices-nl/1")
        held.set()
        await ui.sees("transcripts.tsv")
        assert "images.npy" not in ui.text


async def test_a_new_version_appears_by_itself(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.link.client.add_version("digits", NewVersion(source="digits/6/output", message="from job 6"))
        await ui.sees("from job 6")
        await ui.sees("Files of digits/2")


async def test_a_removed_dataset_goes(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await opened(ui)
        ui.host.tell(Event(removed="ada/datasets/voices-nl"))
        await ui.until(lambda: table.row_count == 2, "it to go")


async def test_a_filter_and_none_found(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await opened(ui)
        await ui.press("slash")
        await ui.type("speech")
        await ui.until(lambda: table.row_count == 1, "the one of its description")
        await ui.type("x")
        await ui.sees("No dataset passes this filter")


async def test_a_folder_is_uploaded_as_a_dataset(tmp_path: Path, folder: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("u")
        await ui.until(lambda: isinstance(ui.app.screen, UploadDialog), "the form")
        await fill(ui, folder, "birds")
        await ui.press("ctrl+l")
        await ui.sees("birds/1 is there: 2 files.")
        assert {file.path for file in ui.host.sources["ada/datasets/birds/1"]} == {"README", "songs.csv"}
        await ui.press("u")
        await ui.until(lambda: isinstance(ui.app.screen, UploadDialog), "the form")
        await fill(ui, folder, "birds")
        await ui.press("ctrl+l")
        await ui.sees("Nothing is new: birds/1 has just these files.")


async def fill(ui: ShellUi, folder: Path | str, name: str) -> None:
    """Fill in the form."""
    ui.app.screen.query_one("#folder", Input).value = str(folder)
    ui.app.screen.query_one("#name", Input).value = name


@pytest.mark.parametrize(
    ("where", "name", "sentence"),
    [
        ("", "x", "Nothing is not a folder here."),
        ("/nowhere", "x", "/nowhere is not a folder"),
        (".", "a b", "cannot be"),
    ],
)
async def test_an_upload_that_cannot_be_says_why(tmp_path: Path, where: str, name: str, sentence: str) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("u")
        await ui.until(lambda: isinstance(ui.app.screen, UploadDialog), "the form")
        await fill(ui, where, name)
        await ui.press("ctrl+l")
        await ui.sees(sentence)
        assert "put_tree" not in ui.host.calls


async def test_an_upload_is_stopped_half_way(tmp_path: Path, folder: Path) -> None:
    links = FakeLinks.demo()
    links["gauss"].host.hold("send_blobs")
    async with shell_ui(tmp_path, links=links) as ui:
        await opened(ui)
        await ui.press("u")
        await ui.until(lambda: isinstance(ui.app.screen, UploadDialog), "the form")
        await fill(ui, folder, "birds")
        await ui.press("ctrl+l")
        await ui.sees("Sending what the host lacks")
        await ui.press("escape")
        await ui.sees("Stopped. What was sent is kept")
        assert "birds" not in ui.host.datasets
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, DatasetsScreen), "the page")


async def test_a_dataset_is_removed_after_its_jobs_were_shown(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await opened(ui)
        await ui.press("x")
        await ui.sees("Remove digits?")
        assert "digits/7, running" in ui.text
        await ui.press("n")
        assert "delete_dataset" not in ui.host.calls
        await ui.press("down", "x")
        await ui.sees("No job has used it.")
        await ui.press("y")
        await ui.sees("digits-best is removed. U undoes it.")
        await ui.until(lambda: table.row_count == 2, "it to go")
        await ui.press("U")
        await ui.sees("digits-best is there again.")
        await ui.until(lambda: table.row_count == 3, "it to come back")


async def test_one_version_is_removed_and_a_refusal_is_shown(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("enter", "down", "x")
        await ui.sees("Remove digits/1?")
        await ui.press("y")
        await ui.sees("digits/1 is removed.")
        assert [version.version for version in ui.host.datasets["digits"].versions] == [2]
        problem = Problem("conflict", "Not now", 409, "digits is in use by ada/projects/digits/7.", "Stop it.")
        ui.host.fail("delete_dataset", RunnerProblem(problem))
        await ui.press("x")
        await ui.sees("Remove digits/2?")
        await ui.press("y")
        await ui.sees("digits is in use by")
        assert ui.host.datasets["digits"].versions


async def test_a_dataset_is_renamed_described_and_shared(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("e")
        await ui.sees("Change a dataset")
        ui.app.screen.query_one("#name", Input).value = "scans"
        ui.app.screen.query_one("#says", Input).value = "Scanned digits"
        ui.app.screen.query_one("#seen", Select).value = "yes"
        await ui.press("ctrl+l")
        await ui.sees("scans  public")
        changed = ui.host.datasets["scans"]
        assert (changed.description, changed.public, len(changed.versions)) == ("Scanned digits", True, 2)
        assert "digits" not in ui.host.datasets


async def test_no_datasets_teaches_the_next_key(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("h", "down", "enter", "2")
        await ui.sees("Press u to upload a folder, a to have one fetched.")


async def test_environments_say_what_is_here_already(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await ui.press("3")
        await ui.until(lambda: isinstance(ui.app.screen, EnvironmentsScreen), "the page")
        await ui.sees("tensorflow-2.20")
        for text in ("2 of 4 here", "docker.io/library/python:3.12-slim", "is fetched when the first job needs it"):
            assert text in ui.text
        await ui.press("down")
        await ui.sees("is on the host")
        await ui.press("slash")
        await ui.type("keras")
        await ui.misses("docker.io/library/python:3.12-slim")


async def test_environments_of_a_host_that_does_not_answer(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    links["gauss"].host.failures["environments"] += [HostUnreachable("gauss went away.", "Wait a moment.")] * 3
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.press("3")
        await ui.sees("gauss went away.")
        await ui.sees("tensorflow-2.20")  # asked again by itself


async def test_an_empty_catalogue_is_said(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    links["gauss"].host.environments = []
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.press("3")
        await ui.sees("No environments here")


async def test_a_dataset_of_someone_else_bears_its_owner(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    host = links["gauss"].host
    theirs = replace(host.datasets["voices-nl"], owner="grace", versions=())
    host.datasets["theirs"] = replace(theirs, name="theirs")
    async with shell_ui(tmp_path, links=links) as ui:
        await opened(ui)
        await ui.sees("grace/theirs")
