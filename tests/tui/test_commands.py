"""`:` and the palette: all that keys do, by name."""

from __future__ import annotations

from pathlib import Path

from textual.command import CommandPalette
from textual.widgets import Input, OptionList, Static

from floyd_tui.client.fake import FakeLinks
from floyd_tui.memory import Memory
from floyd_tui.screens.command_line import CommandLine
from floyd_tui.screens.commands import commands_of
from floyd_tui.screens.datasets import DatasetsScreen
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.screens.job import JobScreen
from floyd_tui.screens.palette import Commands
from tests.support.shell_ui import ShellUi, shell_ui


async def command(ui: ShellUi, text: str) -> None:
    """Type `text` after a colon, and Enter."""
    await ui.press("colon")
    await ui.until(lambda: isinstance(ui.app.screen, CommandLine), "the line")
    await ui.type(text)
    await ui.press("enter")
    await ui.pilot.pause()


def wrong(ui: ShellUi) -> str:
    """What the line has to say against what was typed."""
    return str(ui.app.screen.query_one("#wrong", Static).content)


def job(ui: ShellUi) -> str:
    """The job that is open."""
    screen = ui.app.screen
    return screen.job.short if isinstance(screen, JobScreen) else ""


async def test_commands_lead_to_pages_jobs_orders_and_colours(tmp_path: Path) -> None:
    async with shell_ui(tmp_path, (80, 24)) as ui:
        await ui.sees("protein-fold")
        await command(ui, "hosts")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")
        await command(ui, "page.datasets")
        await ui.until(lambda: isinstance(ui.app.screen, DatasetsScreen), "by id")
        await command(ui, "jobs")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the jobs")
        await command(ui, "sort loss")
        await ui.until(lambda: ui.app.config.jobs_sort == "metric:loss", "the order")
        await command(ui, "filter state:failed")
        await ui.misses("protein-fold")
        await ui.press("escape")
        await command(ui, "theme dracula")
        await ui.until(lambda: ui.app.theme == "dracula", "the theme")
        await command(ui, "/digits/6")
        await ui.until(lambda: isinstance(ui.app.screen, JobScreen), "the job")
        await command(ui, "metrics")
        await ui.until(lambda: ui.app.screen.query_one("#metrics").display, "its tab")
        await command(ui, "job 7")
        await ui.until(lambda: job(ui) == "digits/7", "another job of the project")
        await command(ui, "job digits/999")
        await ui.until(lambda: any("digits/999" in note.message for note in ui.app._notifications), "why not")
        await command(ui, "host local")
        await ui.until(lambda: ui.app.host == "local", "the host")
        assert Memory(tmp_path).commands[-2:] == ["job digits/999", "host local"]


async def test_what_is_unknown_or_impossible_is_said_and_the_line_completes_and_remembers(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[broken")
    Memory(tmp_path).add_command("theme dracula")
    async with shell_ui(tmp_path, (40, 12)) as ui:
        await ui.press("colon")
        field = ui.app.screen.query_one(Input)
        await ui.type("colums")
        await ui.press("enter")
        await ui.until(lambda: "no command 'colums' here. Do you mean 'columns'?" in wrong(ui), "the nearest")
        await ui.press("ctrl+u")
        await ui.type("theme fj")
        await ui.sees("theme fjord")
        await ui.press("tab")
        assert field.value == "theme fjord"
        await ui.press("tab", "shift+tab")
        assert field.value == "theme fjord"
        await ui.press("up")
        assert field.value == "theme dracula"
        await ui.press("down")
        assert field.value == ""
        await ui.type("unheard of")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the page again")
        await command(ui, "disk.free")
        assert "no command" in wrong(ui)
        await ui.press("ctrl+u")
        await ui.type("q")
        await ui.press("enter")
        await ui.until(lambda: ui.app._exit, "the end")


async def test_the_palette_lists_every_key_of_a_screen_and_finds_jobs(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    async with shell_ui(tmp_path, (80, 24), links) as ui:
        await ui.sees("protein-fold")
        for way in ("", "2", "3", "4", "1", "enter", "O"):
            await ui.press(*([way] if way else []))
            await ui.pilot.pause()
            screen = ui.app.screen
            bound = {b.id for _, each in screen._modal_binding_chain for _, b in each if b.id and b.description}
            assert {one.id for one in commands_of(screen)} >= bound
            assert {line[0] for line in Commands(screen).lines()} >= {one.title for one in commands_of(screen)}
        await ui.press("ctrl+p")
        await ui.until(lambda: isinstance(ui.app.screen, CommandPalette), "the palette")
        await ui.type("digits/4")
        options = ui.app.screen.query(OptionList).first()
        await ui.until(lambda: options.option_count, "a hit")
        await ui.press("enter")
        await ui.until(lambda: job(ui) == "digits/4", "the job")
