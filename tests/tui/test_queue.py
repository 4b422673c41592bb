"""The queue in the jobs list: what waits, why, and the keys that hold and move it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from floyd_tui.screens.home import HomeScreen, JobTable
from tests.support.shell_ui import ShellUi, shell_ui

FIRST, SECOND = "ada/projects/whisper-nl/14", "ada/projects/whisper-nl/15"


def names(ui: ShellUi) -> list[str]:
    """The jobs at the top of the list."""
    return [name for _, name in ui.app.screen.query_one(JobTable).keys][:2]


async def two_waiting(ui: ShellUi) -> None:
    """A second job waits behind the demo's, and the cursor is on it."""
    await ui.sees("whisper-nl/14")
    job = ui.host.find_job(FIRST)
    ui.host.update(replace(job, number=15, position=2, progress="waits for 1 GPU, 1 free but reserved", starts_by=None))
    await ui.sees("whisper-nl/15")
    ui.app.screen.query_one(JobTable).move_to(("gauss", SECOND))
    screen = ui.app.screen
    assert isinstance(screen, HomeScreen)
    await ui.until(lambda: screen.job and screen.job.name == SECOND, "the cursor on it")


async def test_what_waits_is_on_top_in_its_order_and_says_why(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await two_waiting(ui)
        assert names(ui) == [FIRST, SECOND]
        await ui.sees("#1 2 GPUs, 1 free")
        await ui.sees("#2 waits for 1 GPU, 1 free but reserved")


async def test_keys_move_it_sooner_and_later_and_hold_it(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await two_waiting(ui)
        await ui.press("K")
        await ui.until(lambda: names(ui) == [SECOND, FIRST], "it to be the first")
        await ui.press("K")
        await ui.sees("whisper-nl/15 is the first of yours in line.")
        await ui.press("J")
        await ui.until(lambda: names(ui) == [FIRST, SECOND], "it to be the second again")
        await ui.press("H")
        await ui.sees("◌ held")
        assert ui.host.find_job(SECOND).position is None
        await ui.press("H")
        await ui.misses("◌ held")
        assert not ui.host.find_job(SECOND).held


async def test_keys_that_a_job_could_not_do_with_take_no_room(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await two_waiting(ui)
        await ui.sees("K Sooner")
        assert "o Go on" not in ui.text
        assert "? Help" in ui.text
        ui.app.screen.query_one(JobTable).move_to(("gauss", "ada/projects/digits/7"))
        await ui.sees("o Go on")
        assert "K Sooner" not in ui.text
