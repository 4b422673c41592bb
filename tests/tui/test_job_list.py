"""How the list of jobs is sorted, which columns it has, that both are remembered, and all of very many jobs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from floyd_tui.client.fake import NOW, FakeLinks
from floyd_tui.config import Config
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.screens.home_curves import AGAIN
from floyd_tui.screens.pickers import ColumnPicker, SortPicker
from tests.support.shell_ui import ShellUi, shell_ui


def shown(ui: ShellUi) -> list[int]:
    """The numbers of digits' jobs, from the top."""
    return [int(name.rpartition("/")[2]) for _, name in ui.app.screen.query_one(JobTable).keys if "digits" in name]


async def sorted_by(ui: ShellUi, *keys: str) -> None:
    """Choose an order by keys."""
    await ui.press("S")
    await ui.until(lambda: isinstance(ui.app.screen, SortPicker), "the orders")
    await ui.press(*keys)
    await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")


async def test_the_list_is_sorted_and_turned_round_and_stays_so(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        await sorted_by(ui, "down", "down", "down", "enter")  # duration
        jobs = [ui.host.find_job(f"digits/{number}") for number in shown(ui)]
        lasted = [(job.ended_at or NOW) - (job.started_at or NOW) for job in jobs]
        assert lasted == sorted(lasted, reverse=True)
        longest = shown(ui)
        await sorted_by(ui, "down", "down", "down", "enter")
        await ui.until(lambda: shown(ui) == longest[::-1], "the other way round")
        assert Config.load(tmp_path).jobs_sort == "-duration"
        await sorted_by(ui, "enter")
        await ui.until(lambda: shown(ui) == [7, 6, 5, 4, 3, 2, 1], "the newest first")
        await ui.pilot.click(JobTable, offset=(16, 0))  # the title of the names
        await ui.until(lambda: Config.load(tmp_path).jobs_sort == "name", "the order of names")


async def test_a_metric_sorts_the_best_first(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        await sorted_by(ui, *["down"] * 5, "enter")  # accuracy, the first metric by name
        assert Config.load(tmp_path).jobs_sort == "metric:accuracy"
        values = [
            job.metrics["accuracy"] for n in shown(ui) if "accuracy" in (job := ui.host.find_job(f"digits/{n}")).metrics
        ]
        assert values == sorted(values, reverse=True)


async def test_columns_are_chosen_and_remembered(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await ui.sees("Last metrics")
        await ui.press("C")
        await ui.until(lambda: isinstance(ui.app.screen, ColumnPicker), "the columns")
        await ui.press("enter", "down", "space")
        await ui.sees("[x] tags")
        await ui.press("escape")
        await ui.sees("Environment")
        assert "Last metrics" not in ui.text
        assert "sweep cosine" in ui.text
        assert Config.load(tmp_path).jobs_columns == "env,tags"
        await ui.press("C", "enter", "down", "space", "escape")
        await ui.sees("Last metrics")
        assert Config.load(tmp_path).jobs_columns == ""


async def test_ten_thousand_jobs_come_page_by_page_and_are_all_there(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    host = links["gauss"].host
    like = host.find_job("digits/6")
    jobs = [replace(like, project="many", number=n, created_at=like.created_at - 9e6 + n) for n in range(1, 3001)]
    host.jobs |= {job.name: job for job in jobs}
    host.add_job(jobs[-1])
    async with shell_ui(tmp_path, links=links) as ui:
        table = ui.app.screen.query_one(JobTable)
        await ui.until(lambda: table.row_count == 3012, "all of them")
        assert host.calls.count("jobs") <= 8  # seven pages, and those that go on, for the notices of their ends
        await ui.press("G")
        await ui.sees("many/1 ")
        await ui.press("slash")
        await ui.type("many/2999")
        await ui.sees("1 of 3,012")


async def test_the_last_metric_is_drawn_as_a_curve_asked_for_once_a_screenful(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await ui.until(lambda: ui.text.count("▁▁ loss 0.1") == 4, "the curves")
        home = ui.app.screen
        assert isinstance(home, HomeScreen)
        assert ui.host.calls.count("curves") <= 2  # requests for all rows together
        await sorted_by(ui, *["down"] * 5, "enter")
        await ui.sees("█ accuracy")  # what the list is sorted by is what it draws
        running = ui.host.find_job("digits/7")
        home.ask_curves()
        asked = ui.host.calls.count("curves")
        ui.host.update(replace(running, metrics={**running.metrics, "accuracy": 0.5}))
        await ui.sees("accuracy 0.5000")
        home.ask_curves()
        assert ui.host.calls.count("curves") == asked  # not before some seconds have passed
        ui.host.fail("curves", HostUnreachable("gauss does not answer.", "Is it on?"))
        ui.app.monotonic = lambda: 1e6 + AGAIN
        home.ask_curves()
        await ui.until(lambda: ui.host.calls.count("curves") == asked + 1, "the next request")
        await ui.sees("█ accuracy")  # what was known stays
