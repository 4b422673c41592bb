"""The list of jobs of all hosts at once: each job its host's, hosts that are away said and waited for by nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.home import HomeScreen, JobTable
from floyd_tui.screens.job import JobScreen
from runner.models import JobState
from tests.support.shell_ui import ShellUi, shell_ui


def home(ui: ShellUi) -> HomeScreen:
    """The page of jobs."""
    assert isinstance(ui.app.screen, HomeScreen)
    return ui.app.screen


async def everywhere(ui: ShellUi) -> JobTable:
    """Choose all hosts by keys, and wait for the jobs of the two that answer."""
    await ui.sees("protein-fold")
    await ui.press("h", "up", "enter")
    await ui.until(lambda: isinstance(ui.app.screen, HomeScreen) and home(ui).everywhere, "all hosts")
    table = home(ui).query_one(JobTable)
    await ui.until(lambda: table.row_count == 13, "both hosts' jobs")
    return table


async def test_jobs_of_all_hosts_are_one_list_with_one_that_is_away(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        table = await everywhere(ui)
        assert {host for host, _ in table.keys} == {"gauss", "local"}
        await ui.sees("2 of 3 live")
        await ui.sees("all hosts")
        await ui.sees("kepler ↻ trying again · kepler.lab:22 does not answer")
        ui.links["kepler"].set_status(LinkState.LIVE)
        await ui.until(lambda: table.row_count == 25, "the third host's jobs, once it is there")
        await ui.misses("does not answer")


async def test_jobs_of_one_name_on_two_hosts_are_two(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await everywhere(ui)
        ui.links["kepler"].set_status(LinkState.LIVE)
        await ui.until(lambda: table.row_count == 25, "all three")
        ui.links["kepler"].host.finish("digits/7", JobState.FAILED, 1)
        name = "ada/projects/digits/7"

        def states() -> list[JobState | None]:
            found = [home(ui).board.job((host, name)) for host in ("gauss", "kepler")]
            return [one.job.state if one else None for one in found]

        await ui.until(lambda: states() == [JobState.RUNNING, JobState.FAILED], "one of them to have failed")


async def test_keys_act_on_the_jobs_own_host(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await everywhere(ui)
        there = ui.links["local"].host
        there.update(replace(there.find_job("hello/1"), state=JobState.RUNNING, ended_at=None))
        table.move_to(("local", "ada/projects/hello/1"))
        await ui.until(lambda: (job := home(ui).job) and job.project == "hello", "the job on the other host")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "its screen")
        screen = ui.app.screen
        assert isinstance(screen, JobScreen)
        assert screen.link is ui.links["local"]
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the list")
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        await ui.press("y")
        await ui.until(lambda: there.find_job("hello/1").state is JobState.STOPPED, "it to be stopped there")


async def test_a_host_that_goes_leaves_the_others_live(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await everywhere(ui)
        gone = HostUnreachable("gauss does not answer.", "Is it on?")
        ui.host.fail("events", gone, 9)
        ui.link.set_status(LinkState.RETRYING, gone, 4.0)
        ui.host.drop()
        await ui.sees("gauss ↻ retry in 4 s")
        assert table.row_count == 13
        assert not table.has_class("-stale")
        local = ui.links["local"].host
        local.update(replace(local.find_job("hello/1"), number=2))
        await ui.until(lambda: table.row_count == 14, "news of the host that is there")


async def test_back_to_one_host(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        table = await everywhere(ui)
        await ui.press("h", "down", "down", "enter")
        await ui.until(lambda: [host for host, _ in table.keys] == ["local"], "that host's jobs alone")
        assert ui.app.host == "local"


async def test_one_host_alone_offers_no_choice_of_all(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    async with shell_ui(tmp_path, links=FakeLinks(links["gauss"])) as ui:
        await ui.press("h")
        await ui.sees("Work on which host?")
        assert "all hosts" not in ui.text


async def test_all_hosts_are_there_again_the_next_time(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await everywhere(ui)
    async with shell_ui(tmp_path) as ui:
        table = home(ui).query_one(JobTable)
        await ui.until(lambda: home(ui).everywhere and table.row_count == 13, "both hosts' jobs at once")
    async with shell_ui(tmp_path, resume=False) as ui:
        await ui.sees("protein-fold")
        assert not home(ui).everywhere, "who names a host means that one"
    async with shell_ui(tmp_path) as ui:
        await ui.until(lambda: home(ui).everywhere, "all hosts still")
        await ui.press("h", "down", "enter")
        await ui.until(lambda: not home(ui).everywhere, "one host")
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        assert not home(ui).everywhere
