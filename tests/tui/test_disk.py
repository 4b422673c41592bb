"""The page of a host's disk: a look first, then freeing once confirmed, checking, stopping; and its pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from floyd_tui.client.fake import FakeLinks
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.disk import DiskScreen
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.widgets.disk_use import disk_use
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import RowTable
from runner.models import Damage, GcKind, GcReport
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot

GIB = 1 << 30
DAMAGE = (
    Damage("5faad966fc8e" + "0" * 52, "damaged", ("ada/datasets/faces/2", "ada/projects/digits/6")),
    Damage("b1946ac92492" + "0" * 52, "missing", (), "manifest", 3),
    Damage("d7d4735e3a26" + "0" * 52, "repaired", ("ada/datasets/digits/1",)),
)


async def opened(ui: ShellUi) -> DiskScreen:
    """Go to the disk of the first host."""
    await ui.press("4")
    await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")
    await ui.until(lambda: ui.app.screen.query_one("#hosts", RowTable).cursor_key, "a host")
    await ui.press("d")
    await ui.until(lambda: isinstance(ui.app.screen, DiskScreen), "the disk")
    assert isinstance(ui.app.screen, DiskScreen)
    return ui.app.screen


async def asked(ui: ShellUi) -> None:
    """Ask for what can go to be freed."""
    await ui.sees("can go: nothing refers to it")
    await ui.press("f")
    await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")


async def test_it_looks_first_and_frees_once_confirmed(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await asked(ui)
        await ui.press("n")
        assert "gc" not in ui.host.calls, "nothing was freed"
        await asked(ui)
        await ui.press("y")
        await ui.sees("✔ 6.1 GiB freed; 689 GiB of the disk are free.")
        assert "Went" in ui.text
        await ui.press("f")
        assert isinstance(ui.app.screen, DiskScreen), "there is nothing left to be freed"
        await ui.press("ctrl+r")
        await ui.sees("Nothing can go")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")


async def test_esc_stops_what_goes_on_and_leaves_when_nothing_does(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ui.host.hold("gc")
        ui.host.hold("fsck")
        screen = await opened(ui)
        await ui.sees("can go")
        await ui.press("c")
        await ui.sees("20,401 of 61,204 files   24.0 GiB of 96.0 GiB")
        await ui.press("escape")
        await ui.sees("Nothing that was not read is judged")
        await ui.press("ctrl+r")
        await asked(ui)
        await ui.press("y")
        await ui.sees("Removing files …   2.0 GiB freed")
        await ui.press("escape")
        await ui.sees("Stopped: 6.1 GiB freed")
        assert screen.doing == ""
        assert "cancel_gc" in ui.host.calls
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")


async def test_why_more_stays_than_would_have_to_is_said(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ui.host.unread = ("5faad966fc8e" + "0" * 52,)
        await opened(ui)
        await ui.sees("! The manifest 5faad966fc8e is damaged: what their owners stored all stays.")
        await asked(ui)
        await ui.press("y")
        await ui.sees("✔ 6.1 GiB freed")
        await ui.sees("! The manifest 5faad966fc8e is damaged")


async def test_a_check_names_what_is_damaged(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ui.host.damage = DAMAGE
        await opened(ui)
        await ui.sees("can go")
        await ui.press("c")
        await ui.sees("it touches ada/datasets/faces/2, ada/projects/digits/6.")
        assert "manifest b1946ac92492 is missing; it touches 3 things of other people." in ui.text
        assert "is repaired from a good copy" in ui.text
        assert "Upload the same content again" in ui.text
        ui.host.damage = ()
        await ui.press("c")
        await ui.sees("✔ 61,204 files, 96.0 GiB read, none is damaged.")
        assert "faces" not in ui.text


async def test_a_host_that_fails_meanwhile_is_said_with_the_next_step(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        for call in ("survey", "gc", "fsck"):
            ui.host.fail(call, HostUnreachable(f"The {call} broke.", "Try again; what runs there goes on."))
        await opened(ui)
        await ui.sees("✘ The survey broke.")
        assert "Try again" in ui.text
        await ui.press("ctrl+r")
        await asked(ui)
        await ui.press("y")
        await ui.sees("✘ The gc broke.")
        await ui.press("c")
        await ui.sees("✘ The fsck broke.")


async def test_a_low_disk_warns_on_the_page_and_beside_the_gauges(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    host = links["gauss"].host
    host.stats = [replace(stats, disk_used=stats.disk_total - GIB // 2) for stats in host.stats]
    async with shell_ui(tmp_path, links=links) as ui:
        await ui.press("4")
        await ui.sees("Low: launches and uploads are refused until 1.0 GiB are free.")
        await opened(ui)
        await ui.sees("512 MiB of 1.8 TiB are free, and 1.0 GiB should be: launches and uploads are refused.")


async def test_the_palette_leads_there_from_any_page(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.press("ctrl+p")
        await ui.type("disk of local")
        await ui.sees("What takes it, and what can go")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, DiskScreen), "the disk")
        assert "local" in ui.text.splitlines()[0]


@pytest.mark.parametrize("width", [40, 56, 76, 80, 116, 200])
@pytest.mark.parametrize("dry_run", [True, False])
def test_figures_fit_every_width(width: int, dry_run: bool) -> None:
    kinds = (
        GcKind("datasets", 1_234_567, 900 << 40),
        GcKind("unused", 3, 10, 3, 10),
        GcKind("trash", 0, 0, 1, 5 * GIB),
        GcKind("code"),
    )
    for report in (
        GcReport(dry_run, kinds, 10 * GIB, 1 << 50, GIB),
        GcReport(dry_run, (), 0),
    ):
        console = Console(width=width, color_system=None)
        with console.capture() as capture:
            console.print(disk_use(report, width, Paint({})))
        assert max(map(len, capture.get().splitlines())) <= width


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        ui.host.damage = DAMAGE
        await opened(ui)
        await ui.sees("can go: nothing refers to it")
        await check_snapshot(ui.pilot, "disk")
        ui.host.hold("gc")
        await asked(ui)
        await ui.press("y")
        await ui.sees("2.0 GiB freed")
        await check_snapshot(ui.pilot, "disk-freeing")
        ui.host.gates.pop("gc").set()
        await ui.sees("✔ 6.1 GiB freed")
        await ui.press("c")
        await ui.sees("Upload the same content again")
        await check_snapshot(ui.pilot, "disk-damage")
