"""The app around the pages: moving between them, hosts, themes, help, palette, leaving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import OptionList

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import FakeLinks
from floyd_tui.config import Config
from floyd_tui.screens.add_host import AddHostDialog
from floyd_tui.screens.confirm import Dialog
from floyd_tui.screens.datasets import DatasetsScreen
from floyd_tui.screens.environments import EnvironmentsScreen
from floyd_tui.screens.help import HelpScreen, keys_of
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.launch import LaunchScreen
from floyd_tui.screens.pickers import HostPicker, ThemePicker
from floyd_tui.screens.upload import UploadDialog
from floyd_tui.screens.watch import WatchScreen
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.row_table import RowTable
from tests.support.job_ui import floyd
from tests.support.shell_ui import ShellUi, shell_ui

PAGES = {"1": HomeScreen, "2": DatasetsScreen, "3": EnvironmentsScreen, "4": HostsScreen}
WITH_KEYS = (
    FloydApp, HomeScreen, DatasetsScreen, EnvironmentsScreen, HostsScreen, JobScreen, LaunchScreen, WatchScreen,
    Dialog, HostPicker, ThemePicker, HelpScreen, UploadDialog, AddHostDialog, RowTable, FilterBar,
)  # fmt: skip


@pytest.mark.parametrize(("key", "page"), PAGES.items())
async def test_a_number_goes_to_its_page(tmp_path: Path, key: str, page: type[Screen[None]]) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press(key)
        await ui.until(lambda: isinstance(ui.app.screen, page), page.__name__)


@pytest.mark.parametrize("key", PAGES)
@pytest.mark.parametrize("size", [(40, 12), (20, 5), (240, 70)])
async def test_every_page_stands_every_size(tmp_path: Path, key: str, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        await ui.press(key, "down", "question_mark", "escape")
        await ui.until(lambda: isinstance(ui.app.screen, PAGES[key]), "the page, with help closed again")


async def test_a_click_on_a_pages_name_goes_there(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.pilot.click(".page-name", offset=(2, 0))
        await ui.pilot.click(ui.app.screen.query(".page-name")[3])
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")


async def test_a_host_is_chosen_and_all_pages_show_it(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("whisper-nl")
        await ui.press("h", "down", "enter")
        await ui.sees("echo hello")
        assert ui.app.host == "local"
        await ui.misses("whisper-nl")
        await ui.press("3")
        await ui.sees("This machine's own Python")
        assert "start" in ui.links["local"].asked


async def test_a_theme_is_tried_and_given_up(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("t", "down")
        await ui.until(lambda: ui.app.theme == "floyd-light", "the theme under the cursor")
        await ui.press("escape")
        await ui.until(lambda: ui.app.theme == "floyd-dark", "the old theme")
        assert not (tmp_path / "config.yaml").exists()


async def test_a_theme_is_chosen_for_good(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("t", "down", "down", "enter")
        await ui.until(lambda: ui.app.theme == "colorblind-dark", "the chosen theme")
        await ui.until(lambda: Config.load(tmp_path).theme == "colorblind-dark", "it in the settings")


async def test_an_unknown_theme_is_said_and_the_house_theme_taken(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    app = FloydApp(links, replace(Config(tmp_path), theme="noord"))
    async with app.run_test(notifications=True) as pilot:
        ui = ShellUi(pilot, app, links)
        await ui.sees("There is no theme 'noord'")
        assert app.theme == "floyd-dark"


async def test_keys_are_the_users(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    app = FloydApp(links, replace(Config(tmp_path), keys={"page.hosts": "f4"}))
    async with app.run_test() as pilot:
        ui = ShellUi(pilot, app, links)
        await ui.press("4", "f4")
        await ui.until(lambda: isinstance(app.screen, HostsScreen), "the hosts by the user's key")


async def test_help_shows_every_key_of_the_screen(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("whisper-nl")
        expected = keys_of(ui.app.screen)
        await ui.press("question_mark")
        await ui.until(lambda: isinstance(ui.app.screen, HelpScreen), "help")
        assert {"n", "r", "o", "s", "d", "/", "?", "w", "1", "q", "t", "h"} <= {
            k for e in expected for k in e.keys.split()
        }
        for title in ("New", "Again", "Go on", "Stop", "Filter"):
            assert title in ui.text
        await ui.press("question_mark")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the page again")


async def test_help_dims_what_cannot_be_done_now(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("whisper-nl")
        keys = {key.title: key for key in keys_of(ui.app.screen)}
        # The cursor is on a queued job: it can be stopped, and has no output to go on from.
        assert keys["Stop"].enabled
        assert not keys["Go on"].enabled


@pytest.mark.parametrize("owner", WITH_KEYS, ids=lambda owner: owner.__name__)
def test_every_key_has_an_id_and_words(owner: type) -> None:
    own = [b for b in vars(owner)["BINDINGS"]] if "BINDINGS" in vars(owner) else []
    for binding in own:
        assert isinstance(binding, Binding)
        assert binding.id, binding
        assert binding.description, binding
        assert binding.tooltip, binding
    ids = [binding.id for binding in own]
    assert len(ids) == len(set(ids))
    keys = [key for binding in own for key in binding.key.split(",")]
    assert len(keys) == len(set(keys)), f"two keys of {owner.__name__} clash"


async def test_the_palette_runs_what_a_key_does(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("whisper-nl")
        await ui.press("ctrl+p")
        await ui.until(lambda: isinstance(ui.app.screen, CommandPalette), "the palette")
        await ui.type("host local")
        await ui.until(lambda: ui.app.screen.query(OptionList).first().option_count, "a hit")
        await ui.press("enter")
        await ui.until(lambda: ui.app.host == "local", "the other host")


async def test_leaving_says_that_jobs_go_on_and_closes_the_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    links = FakeLinks.demo()
    app = floyd(tmp_path, links)
    async with app.run_test() as pilot:
        await pilot.press("q")
    assert "Jobs go on without you." in "".join(capsys.readouterr())
    assert all("close" in link.asked for link in links.values())


async def test_without_any_host_the_way_to_one_is_shown(tmp_path: Path) -> None:
    links = FakeLinks()
    app = floyd(tmp_path, _NoHosts())
    async with app.run_test(size=(80, 24)) as pilot:
        ui = ShellUi(pilot, app, links)
        await ui.sees("No hosts yet")
        for key in ("1", "n", "w", "2", "u", "3", "4"):
            await ui.press(key)
        await ui.sees("Press a to add one.")


class _NoHosts(FakeLinks):
    """No hosts in the settings, as on a laptop that cannot be one itself."""

    @property
    def default(self) -> str:
        return ""
