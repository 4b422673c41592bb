"""A host's secrets in the app: kept, replaced and forgotten by name; no value is ever on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from floyd_tui.client.fake import NOW
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.hosts import HostsScreen
from floyd_tui.screens.secrets import SecretDialog, SecretsScreen
from floyd_tui.widgets.row_table import RowTable
from runner.models import Secret
from tests.support.shell_ui import ShellUi, shell_ui
from tests.support.snapshots import SIZES, check_snapshot


async def opened(ui: ShellUi) -> None:
    """Go to the secrets of the first host."""
    await ui.press("4")
    await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")
    await ui.until(lambda: ui.app.screen.query_one("#hosts", RowTable).cursor_key, "a host")
    await ui.press("S")
    await ui.until(lambda: isinstance(ui.app.screen, SecretsScreen), "the secrets")


async def dialog(ui: ShellUi, key: str) -> None:
    """Open the form by `key`."""
    await ui.press(key)
    await ui.until(lambda: isinstance(ui.app.screen, SecretDialog), "the form")


async def test_one_is_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.sees("No secrets are kept here")
        await dialog(ui, "a")
        await ui.type("TOKEN")
        await ui.press("tab")
        await ui.type("hunter2hunter2")
        assert "hunter2" not in ui.text
        assert "••••" in ui.text
        await ui.press("ctrl+l")
        await ui.sees("all projects")
        assert ("TOKEN", None) in ui.host.secrets
        await dialog(ui, "e")
        await ui.type("another value")
        await ui.press("ctrl+l")
        await ui.until(lambda: ui.host.calls.count("set_secret") == 2, "the new value")
        await ui.press("x")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        await ui.press("n")
        assert ui.host.secrets
        await ui.press("x")
        await ui.until(lambda: isinstance(ui.app.screen, Confirm), "the question")
        await ui.press("y")
        await ui.sees("No secrets are kept here")
        await ui.press("escape")
        await ui.until(lambda: isinstance(ui.app.screen, HostsScreen), "the hosts")


async def test_what_cannot_be_is_said_at_its_field(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await opened(ui)
        await ui.sees("No secrets are kept here")
        await dialog(ui, "a")
        await ui.type("no name")
        await ui.press("ctrl+l")
        await ui.sees("cannot be the name of a secret")
        await ui.sees("one character or more")
        assert not ui.host.secrets


async def test_a_host_that_is_away_is_told(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        ui.host.fail("secrets", HostUnreachable("gpu1 does not answer.", "Trying again."))
        await opened(ui)
        await ui.sees("gpu1 does not answer.")


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shell_ui(tmp_path, size) as ui:
        for name, project in (("WANDB_API_KEY", None), ("HF_TOKEN", None), ("HF_TOKEN", "digits")):
            ui.host.secrets[name, project] = Secret(name, project, NOW - 86_400 * len(name))
        await opened(ui)
        await ui.sees("WANDB_API_KEY")
        await check_snapshot(ui.pilot, "secrets")
        await dialog(ui, "e")
        await check_snapshot(ui.pilot, "secrets-replace")
