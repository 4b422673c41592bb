"""What goes up, from the launch form and the upload dialog; and the question before much does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.app import FloydApp
from floyd_tui.screens.datasets import DatasetsScreen
from floyd_tui.screens.goes_up import GoesUpScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.large import LargeDialog
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.screens.upload import UploadDialog
from floyd_tui.screens.watch import WatchScreen
from floyd_tui.widgets.tick_list import TickList
from runner.models import Launch
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot

at_both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
FILES = {
    "train.py": 2_400,
    "src/net/model.py": 9_100,
    "src/net/blocks.py": 3_700,
    "checkpoints/epoch-1.pt": 62_000,
    "checkpoints/epoch-2.pt": 62_000,
    "notes/old.log": 1_200,
    ".git/objects/pack": 81_000,
    "__pycache__/train.pyc": 3_000,
}


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder one stands in, with a checkpoint or two."""
    folder = home / "net"
    for number, (name, size) in enumerate(FILES.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes([number]) * size)
    (folder / "floyd.yml").write_text("command: python train.py\n")
    (folder / "notes" / ".floydignore").write_text("*.log\n")
    monkeypatch.chdir(folder)
    return folder


async def shows(ui: ShellUi, kind: type) -> None:
    """Wait for a screen of `kind`."""
    await ui.until(lambda: isinstance(ui.app.screen, kind), kind.__name__)


async def open_list(ui: ShellUi, folder: Path) -> None:
    """The launch form of `folder`, and what goes up of it."""
    await ui.app.push_screen(LaunchScreen(ui.link, Launch("net", "python train.py"), folder))
    await ui.press("ctrl+g")
    await shows(ui, GoesUpScreen)
    await ui.sees("checkpoints/")


def ask_above(ui: ShellUi, size: int | None) -> None:
    """Set how much code is asked about."""
    ui.app.config = replace(ui.app.config, large_code=size)


@at_both_sizes
async def test_what_goes_up_looks_as_it_should(tmp_path: Path, project: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        await open_list(ui, project)
        await check_snapshot(ui.pilot, "goes-up")


async def test_one_goes_into_a_folder_and_leaves_out_what_is_there(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await open_list(ui, project)
        await ui.press("enter")
        await ui.sees("epoch-1.pt")
        await ui.press("x")
        await ui.until((project / ".floydignore").exists, "the line")
        assert (project / ".floydignore").read_text() == "/checkpoints/epoch-1.pt\n"
        await ui.sees(".floydignore:1")
        await ui.press("escape")
        await ui.sees("src/")
        await ui.press("escape")
        await shows(ui, LaunchScreen)
        # What the form says goes up is looked at again.
        await ui.sees("/checkpoints/epoch-1.pt")


async def test_what_stays_is_in_the_other_list_and_cannot_be_left_out(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await open_list(ui, project)
        assert "notes/.floydignore:1" in ui.text
        await ui.press("tab", "x")
        await ui.pilot.pause()
        assert not (project / ".floydignore").exists()


async def test_a_dataset_s_folder_has_its_own_rules(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("2")
        await shows(ui, DatasetsScreen)
        await ui.app.push_screen(UploadDialog(ui.link, "net", project))
        await ui.press("ctrl+g")
        await shows(ui, GoesUpScreen)
        await ui.sees("__pycache__/")
        await ui.press("escape")
        await shows(ui, UploadDialog)


@at_both_sizes
async def test_the_question_looks_as_it_should(tmp_path: Path, project: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        ask_above(ui, 100_000)
        await ui.app.push_screen(LaunchScreen(ui.link, Launch("net", "python train.py"), project))
        await ui.press("ctrl+l")
        await shows(ui, LargeDialog)
        await ui.press("space")
        await check_snapshot(ui.pilot, "large-code")


@pytest.mark.parametrize(
    ("keys", "ends", "code"),
    [
        (("escape",), LaunchScreen, None),
        (("y",), JobScreen, "checkpoints/epoch-1.pt"),
        (("x", "space", "x"), JobScreen, ".floydignore"),
    ],
    ids=["nothing", "all", "left out"],
)
async def test_each_answer_does_what_it_says(
    tmp_path: Path, project: Path, keys: tuple[str, ...], ends: type, code: str | None
) -> None:
    async with shell_ui(tmp_path) as ui:
        ask_above(ui, 100_000)
        before = set(ui.host.trees)
        await ui.app.push_screen(LaunchScreen(ui.link, Launch("net", "python train.py"), project), _job_opener(ui.app))
        await ui.press("ctrl+l")
        await shows(ui, LargeDialog)
        assert ui.app.screen.query_one(TickList).option_count == 3
        await ui.press(*keys)
        await shows(ui, ends)
        if code is None:
            await ui.sees("Nothing was launched.")
            return
        sent = ui.host.find_job("net/1").code
        assert sent
        assert sent not in before
        assert code in [entry.path for entry in ui.host.trees[sent]]


def _job_opener(app: FloydApp) -> Callable[[object], None]:
    """Open the job that the form was left with."""

    def opened(job: object) -> None:
        if job:
            app.push_screen(JobScreen(app.link, job))  # type: ignore[arg-type]

    return opened


async def test_one_file_is_and_two_are(tmp_path: Path) -> None:
    (folder := tmp_path / "one").mkdir()
    (folder / "model.pt").write_bytes(b"x" * 200)
    async with shell_ui(tmp_path) as ui:
        ask_above(ui, 100)
        await ui.app.push_screen(LaunchScreen(ui.link, Launch("net", "true"), folder))
        await ui.press("ctrl+l")
        await ui.sees("1 file of one is not on the host yet")


async def test_never_means_never(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ask_above(ui, None)
        await ui.press("n")
        await shows(ui, LaunchScreen)
        await ui.press("ctrl+l")
        await shows(ui, JobScreen)


async def test_watch_mode_asks_too_and_goes_on_watching_after_a_no(tmp_path: Path, project: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ask_above(ui, 100_000)
        await ui.sees("protein-fold")
        await ui.press("w")
        await shows(ui, WatchScreen)
        await ui.sees("Enter starts it")
        await ui.press("enter")
        await shows(ui, LargeDialog)
        await ui.press("escape")
        await shows(ui, WatchScreen)
        (project / ".floydignore").write_text("checkpoints\n")
        await ui.sees("net/1")
