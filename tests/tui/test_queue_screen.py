"""The queue's own screen, and a waiting job's own: in its order, held, moved, stopped; of one host or of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.queue import QueueScreen
from floyd_tui.widgets.row_table import RowTable
from runner.models import JobState
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot
from tests.tui.test_queue import FIRST, SECOND

THIRD = "ada/projects/whisper-nl/16"


def rows(ui: ShellUi) -> list[str]:
    """The rows by what their keys end with."""
    return [row.key.rpartition("/")[2].rpartition("|")[2] for row in ui.app.screen.query_one(RowTable)._rows_shown]


def waiting(ui: ShellUi) -> list[str]:
    """The numbers of the project's jobs, in the queue's order."""
    return [number for number in rows(ui) if number in ("14", "15", "16")]


async def opened(ui: ShellUi) -> QueueScreen:
    """The queue of gauss: one job runs, two wait, with one of somebody else's between them, and one is held."""
    await ui.sees("whisper-nl/14")
    job = ui.host.find_job(FIRST)
    ui.host.update(replace(job, number=15, position=3, progress="waits for 1 GPU, 1 free but reserved", starts_by=None))
    ui.host.update(replace(job, number=16, position=None, held=True, progress="on hold", starts_by=None))
    await ui.press("Q")
    screen = ui.app.screen
    assert isinstance(screen, QueueScreen)
    await ui.until(lambda: waiting(ui) == ["14", "15", "16"], "the queue")
    return screen


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_runs_and_what_waits(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        screen = await opened(ui)
        await ui.sees("1 of others")
        screen.query_one(RowTable).move_to(f"gauss|{SECOND}")
        await ui.sees("K Sooner")
        await check_snapshot(ui.pilot, "queue")


async def test_keys_move_hold_stop_and_open(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        screen = await opened(ui)
        table = screen.query_one(RowTable)
        table.move_to(f"gauss|{SECOND}")
        await ui.until(lambda: screen.job and screen.job.name == SECOND, "the cursor on it")
        await ui.press("K")
        await ui.until(lambda: waiting(ui) == ["15", "14", "16"] and screen.job, "it to be first")
        assert screen.job
        assert screen.job.name == SECOND
        await ui.press("J")
        await ui.until(lambda: waiting(ui) == ["14", "15", "16"], "it to be second")
        await ui.press("G", "H")
        await ui.until(lambda: not ui.host.find_job(THIRD).held, "it to be released")
        await ui.press("s")
        await ui.press("y")
        await ui.until(lambda: ui.host.find_job(THIRD).state is JobState.STOPPED, "it to be stopped")
        await ui.until(lambda: waiting(ui) == ["14", "15"], "it to be out of the queue")
        table.move_to(f"gauss|{SECOND}")
        await ui.until(lambda: screen.job and screen.job.name == SECOND, "the cursor on it")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "its own screen")
        await ui.press("K")
        await ui.until(lambda: ui.host.find_job(SECOND).position == 1, "it to be first from there, too")
        await ui.press("J")
        await ui.until(lambda: ui.host.find_job(SECOND).position == 2, "it to be second")
        await ui.press("H")
        await ui.until(lambda: ui.host.find_job(SECOND).held, "it to be held")
        await ui.press("escape", "escape")
        await ui.until(lambda: not isinstance(ui.app.screen, QueueScreen), "the list again")


async def test_the_queues_of_all_hosts_and_one_that_is_away(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (40, 12)) as ui:
        await ui.sees("digits/7")
        await ui.press("4", "Q")
        await ui.until(lambda: isinstance(ui.app.screen, QueueScreen) and "14" in rows(ui), "the queue")
        await ui.press("a")
        await ui.sees("all hosts")
        await ui.until(lambda: "14" in rows(ui), "the same among all hosts'")
        ui.host.failures["jobs"].append(HostUnreachable("gauss went away.", "Wait a moment."))
        await ui.press("a")
        await ui.sees("gauss went away.")
        await ui.press("ctrl+r")
        await ui.until(lambda: "14" in rows(ui), "the queue again")
