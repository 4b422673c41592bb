"""The Lineage tab by keys: the tree both ways, the walk to jobs and datasets and back, what is deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.datasets import DatasetsScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.lineage import LineageScreen
from floyd_tui.screens.lineage_pane import LineagePane
from floyd_tui.widgets.row_table import RowTable
from floyd_tui.widgets.tab_row import TabRow
from runner.models import Input
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot

NAME = "ada/projects/digits/7"


async def opened(ui: ShellUi) -> LineagePane:
    """The Lineage tab of digits/7, the newest job of the demo but one."""
    await ui.sees("digits/7")
    screen = JobScreen(ui.link, ui.host.find_job(NAME))
    await ui.app.push_screen(screen)
    await ui.press("A")
    pane = screen.query_one(LineagePane)
    await ui.until(lambda: pane.line and pane.line.node.name == NAME and pane.table.has_focus, "the lineage")
    return pane


def names(ui: ShellUi) -> list[str]:
    """The lines, each by its stem and name."""
    pane = ui.app.screen.query_one(LineagePane)
    return [f"{line.stem}{line.node.name.partition('/')[2]}" for line in pane._lines.values()]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_tree_both_ways(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        job = ui.host.find_job(NAME)
        given = Input(f"{job.name}/output/checkpoints", "model", "0" * 64)
        ui.host.update(replace(job, number=8, message="finer steps", inputs=(given,), relaunched_from=job.name))
        ui.host.update(replace(job, number=9, message="another seed", inputs=(), relaunched_from=job.name))
        await opened(ui)
        row = ui.app.screen.query_one(TabRow)
        await ui.until(lambda: "GPU 0 87%" in row.summary.plain, "what it uses")
        await check_snapshot(ui.pilot, "job-lineage")


async def test_one_walks_to_what_it_came_from_and_back(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await opened(ui)
        await ui.press("k", "k")
        await ui.until(lambda: "ada/projects/digits/6" in ui.text, "what is known of digits/6")
        await ui.press("y")
        await ui.until(lambda: ui.app.clipboard == "ada/projects/digits/6", "the name copied")
        await ui.press("enter")
        await ui.until(
            lambda: isinstance(ui.app.screen, JobScreen) and ui.app.screen.job.number == 6, "the job it came from"
        )
        await ui.until(lambda: ui.app.screen.query_one(LineagePane).line is not None, "its lineage")
        await ui.press("g", "enter")
        await ui.until(lambda: isinstance(ui.app.screen, LineageScreen), "the dataset's lineage")
        await ui.until(lambda: ui.app.screen.query_one(LineagePane).line is not None, "its users")
        assert any("digits/7" in name for name in names(ui))
        await ui.press("G", "m")
        line = ui.app.screen.query_one(LineagePane).line
        assert line
        assert line.node.kind == "dataset"
        await ui.press("f")
        await ui.until(lambda: isinstance(ui.app.screen, DatasetsScreen), "the page of datasets")
        versions = ui.app.screen.query_one("#versions", RowTable)
        await ui.until(lambda: versions.has_focus and versions.cursor_key == line.node.name, "its version")
        await ui.press("A")
        await ui.until(lambda: isinstance(ui.app.screen, LineageScreen), "the lineage from the page of datasets")
        await ui.press("escape", "1", "escape", "escape")
        await ui.until(
            lambda: isinstance(ui.app.screen, JobScreen) and ui.app.screen.job.number == 7, "the job one came from"
        )


async def test_what_is_new_appears_and_what_is_deleted_is_named_as_such(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        pane = await opened(ui)
        job = ui.host.find_job(NAME)
        ui.host.update(replace(job, number=8, inputs=(), relaunched_from=job.name))
        await ui.until(lambda: "└ projects/digits/8" in names(ui), "the new job")
        assert "↻ launched again" in ui.text
        await ui.link.client.delete_job("digits/6")
        await ui.sees("deleted, in the trash")
        while pane.line and pane.line.node.standing == "here":
            await ui.press("k")
        await ui.press("enter")
        await ui.sees("digits/6 is deleted, in the trash.")
        ui.host.failures["lineage"].append(HostUnreachable("gauss went away.", "Wait a moment."))
        ui.host.update(replace(job, number=8, message="other", inputs=(), relaunched_from=job.name))
        await ui.until(lambda: pane.table.has_class("-stale"), "that it is of a moment ago")


async def test_a_host_that_cannot_say_is_told_with_what_to_do(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (40, 12)) as ui:
        await ui.until(lambda: ui.host.calls, "the list")
        ui.host.failures["lineage"].append(HostUnreachable("gauss went away.", "Wait a moment."))
        await ui.app.push_screen(JobScreen(ui.link, ui.host.find_job("digits/7")))
        await ui.press("A")
        await ui.sees("gauss went away.")
        await ui.sees("digits/7")
