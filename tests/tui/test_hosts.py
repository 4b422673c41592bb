"""The page of hosts: connections, gauges, adding and forgetting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.fake_data import gpu_host
from floyd_tui.client.protocol import LinkState
from floyd_tui.config import Config
from floyd_tui.errors import HostKeyUnknown, HostUnreachable
from floyd_tui.screens.add_host import AddHostDialog
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.home import HomeScreen
from floyd_tui.screens.hostkey import HostKeyDialog
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.usage import sparkline
from floyd_tui.widgets.gauges import gauges
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import RowTable
from runner.models import HostStats
from tests.support.shell_ui import ShellUi, shell_ui


async def opened(ui: ShellUi) -> RowTable:
    """Go to the hosts."""
    await ui.press("4")
    await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the page")
    table = ui.app.screen.query_one("#hosts", RowTable)
    await ui.until(lambda: table.row_count, "the hosts")
    return table


async def test_gauges_of_each_gpu_with_who_uses_it(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        for text in ("GPU 0", "NVIDIA A100-SXM4-80GB", "● digits/7", "60.8 of 80.0 GiB", "66 °C", "302 of 400 W"):
            await ui.sees(text)
        assert "of 32 cores" in ui.text
        assert "Docker Engine 28.5" in ui.text


async def test_no_gpu_is_said_plainly(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("down")
        await ui.sees("No GPU here: the NVIDIA driver is not loaded.")
        assert "as plain processes" in ui.text
        assert "GPU 0" not in ui.text


async def test_every_host_is_started_and_its_state_is_live(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.until(lambda: all("start" in link.asked for link in ui.links.values()), "all links to begin")
        await ui.sees("2 of 3 live")
        ui.links["kepler"].set_status(LinkState.LIVE)
        await ui.sees("3 of 3 live")


async def test_a_host_that_does_not_answer_says_why_and_what_next(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("down", "down")
        await ui.sees("kepler.lab:22 does not answer")
        assert "Check that it is on" in ui.text
        await ui.press("ctrl+r")
        await ui.until(lambda: "retry" in ui.links["kepler"].asked, "the try")
        await ui.sees("GPU 1")


async def test_gauges_stop_when_nobody_looks(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.sees("GPU 0")
        await ui.press("1")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "the jobs")
        await ui.until(lambda: not [w for w in ui.app.workers if w.group == "gauges" and w.is_running], "silence")
        await ui.press("4")
        await ui.sees("GPU 0")


async def test_enter_works_on_the_host(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("down", "enter")
        await ui.until(lambda: isinstance(ui.app.screen, HomeScreen), "its jobs")
        assert ui.app.host == "local"


async def test_enter_on_a_host_with_an_unknown_key_asks(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        unknown = HostKeyUnknown("New.", "", "kepler.lab", 22, "ssh-ed25519 AAAA", "SHA256:kkk")
        ui.links["kepler"].set_status(LinkState.FAILED, unknown)
        await ui.press("down", "down", "enter")
        await ui.until(lambda: isinstance(ui.app.screen, HostKeyDialog), "the question")
        await ui.press("y")
        await ui.until(lambda: "trust_host_key" in ui.links["kepler"].asked, "the key to be trusted")


async def test_a_host_is_added_written_and_worked_on(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.app.screen, AddHostDialog), "the form")
        await ui.type("ada@cray.example.org:2222")
        await ui.press("enter", "enter")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the page")
        await ui.until(lambda: ui.app.host == "cray", "the new host to be worked on")
        host = Config.load(tmp_path).hosts["cray"]
        assert host.ssh == "ada@cray.example.org:2222"
        assert "start" in ui.links["cray"].asked


@pytest.mark.parametrize(
    ("ssh", "name", "sentence"),
    [
        ("", "x", "is not a place to reach by SSH"),
        ("ada@x:99999", "x", "is not a place to reach by SSH"),
        ("ada@x", "a b", "cannot be a host name"),
        ("ada@x", "local", "There is a host local already"),
    ],
)
async def test_a_host_that_cannot_be_is_not_written(tmp_path: Path, ssh: str, name: str, sentence: str) -> None:
    async with shell_ui(tmp_path) as ui:
        ui.app.config = Config.load(tmp_path)
        await opened(ui)
        await ui.press("a")
        await ui.until(lambda: isinstance(ui.app.screen, AddHostDialog), "the form")
        await ui.type(ssh)
        await ui.press("tab")  # what was suggested is selected, and typed over
        await ui.type(name)
        await ui.press("ctrl+l")
        await ui.sees(sentence)
        assert not (tmp_path / "config.yaml").exists()


async def test_a_host_is_forgotten_once_confirmed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("hosts:\n  gauss: {ssh: g}\n  kepler: {ssh: k}\ndefault_host: gauss\n")
    async with shell_ui(tmp_path) as ui:
        ui.app.config = Config.load(tmp_path)
        await opened(ui)
        await ui.press("down", "down", "x")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        await ui.press("y")
        await ui.until(lambda: "kepler" not in Config.load(tmp_path).hosts, "it to be gone")
        assert "gauss" in Config.load(tmp_path).hosts


def drawn(stats: HostStats, width: int) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(gauges([stats], width, Paint({})))
    return capture.get()


@pytest.mark.parametrize("width", [20, 40, 52, 80, 116, 200])
def test_gauges_fit_every_width_and_bear_what_is_not_known(width: int) -> None:
    stats = gpu_host().stats[-1]
    blind = replace(stats.gpus[0], utilization=None, memory_used=None, temperature=None, power=None, power_limit=None)
    for shown in (stats, replace(stats, gpus=(blind,), disk_total=0, memory_total=0)):
        lines = drawn(shown, width).splitlines()
        assert max(map(len, lines)) <= width
    assert "GPU 0" in drawn(stats, width)


def test_a_sparkline_shows_the_newest_and_gaps() -> None:
    assert sparkline([0, None, 50, 100], 6) == "  ▁ ▄█"
    assert sparkline([100] * 9, 3) == "███"


def test_a_lost_host_is_an_error_of_the_house() -> None:
    assert FakeLinks.demo()["kepler"].status.error.__class__ is HostUnreachable
