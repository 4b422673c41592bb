"""Pictures of the pages and forms at 80x24 and 160x48."""

from __future__ import annotations

from pathlib import Path

import pytest

from floyd_tui.client.fake import FakeLinks
from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import HostKeyUnknown, LoginRefused
from floyd_tui.screens.launch import LaunchScreen
from runner.models import Launch, Mount
from tests.support.shell_ui import shell_ui
from tests.support.snapshots import SIZES, check_snapshot

at_both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")

# Name of the picture, keys to press, and the text that says that it is complete.
SCREENS = {
    "home": ((), "protein-fold"),
    "home-project": (("p", "down", "down", "enter"), "first light"),
    "home-filter": (("slash", *"state", "colon", *"failed"), "2 of 12"),
    "home-stop": (("down", "down", "s"), "Stop digits/7?"),
    "datasets": (("2", "enter", "enter"), "images.npy"),
    "datasets-upload": (("2", "u"), "Upload a folder"),
    "datasets-edit": (("2", "e"), "Change a dataset"),
    "datasets-remove": (("2", "x"), "Remove digits?"),
    "environments": (("3",), "tensorflow-2.20"),
    "hosts": (("4",), "GPU 1"),
    "hosts-no-gpu": (("4", "down"), "No GPU here"),
    "hosts-add": (("4", "a"), "Add a host"),
    "help": (("question_mark",), "Esc closes."),
    "themes": (("t", "down"), "Which colours?"),
    "host-picker": (("h",), "Work on which host?"),
}


@at_both_sizes
@pytest.mark.parametrize("name", SCREENS)
async def test_screen(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    keys, complete = SCREENS[name]
    async with shell_ui(tmp_path, size) as ui:
        await ui.until(lambda: ui.text.count("▁▁ loss") == 4, "the jobs, and then their curves")
        for key in keys:
            await ui.press(key)
        await ui.sees(complete)
        await check_snapshot(ui.pilot, name)


@at_both_sizes
async def test_launch(tmp_path: Path, size: tuple[int, int]) -> None:
    mounts = (Mount("digits/2", "digits"), Mount("ada/projects/digits/6/output", "previous"))
    draft = Launch(
        "digits", "python train.py --epochs 30", None, "ada/projects/digits/6", mounts, "pytorch-2.8", gpus=1
    )
    async with shell_ui(tmp_path, size) as ui:
        screen = LaunchScreen(ui.link, draft, None)
        await ui.app.push_screen(screen)
        await ui.sees("Nothing goes up:")
        await ui.until(lambda: not [w for w in screen.workers if w.group == "suggest" and w.is_running], "the host")
        await check_snapshot(ui.pilot, "launch")


@at_both_sizes
async def test_a_host_key_is_asked_for(tmp_path: Path, size: tuple[int, int]) -> None:
    links = FakeLinks.demo()
    key = "SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE"
    error = HostKeyUnknown("New.", "", "gauss.lab.example.org", 22, "ssh-ed25519 AAAA", key)
    links["gauss"].set_status(LinkState.FAILED, error)
    async with shell_ui(tmp_path, size, links) as ui:
        await ui.sees("SHA256:")
        await check_snapshot(ui.pilot, "host-key")


@at_both_sizes
async def test_a_refused_login(tmp_path: Path, size: tuple[int, int]) -> None:
    links = FakeLinks.demo()
    error = LoginRefused("gauss.lab accepts none of your 2 keys for ada.", "Try `ssh-copy-id ada@gauss.lab`.")
    links["gauss"].set_status(LinkState.FAILED, error)
    async with shell_ui(tmp_path, size, links) as ui:
        await ui.sees("ssh-copy-id")
        await check_snapshot(ui.pilot, "refused")
