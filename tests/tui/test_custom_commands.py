"""A person's own commands, pressed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from floyd_tui.screens.command_output import CommandOutput
from floyd_tui.screens.help import keys_of
from floyd_tui.screens.home import HomeScreen
from tests.support.shell_ui import ShellUi, shell_ui

FILE = """\
- {name: Say, key: f6, where: job, command: 'echo about {job} of {host}; exit 3'}
- {name: Touch, key: f7, where: job, command: 'echo made; touch made-{number}', run: background}
- {name: Wait, where: anywhere, command: 'echo begun as $$; sleep 300', reads_only: true}
- {name: Set, key: f8, where: dataset, command: 'echo set {dataset}'}
- {name: Edit, where: anywhere, command: vi, run: suspend}
- {name: Wrong, command: 'echo {jop}'}
"""


async def said(ui: ShellUi, words: str) -> None:
    """Wait for a toast."""
    await ui.until(lambda: any(words in note.message for note in ui.app._notifications), words)


async def test_they_run_about_what_is_under_the_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "commands.yaml").write_text(FILE)
    async with shell_ui(tmp_path, (100, 30)) as ui:
        await ui.sees("protein-fold")
        await said(ui, "command 6: {jop} is not known anywhere")
        enabled = {key.title: key.enabled for key in keys_of(ui.app.screen)}
        assert enabled["Say"]
        assert "Set" not in enabled
        await ui.press("f6")
        await ui.sees("about whisper-nl/14 of gauss")
        await ui.sees("✘ it ended with 3 · Esc closes")
        await ui.press("escape", "f7")
        await said(ui, "Touch is done. made")
        (tmp_path / "made-14").unlink()
        await ui.press("colon")
        await ui.type("edit")
        await ui.press("enter")
        await said(ui, "Edit wants the terminal")
        await ui.press("2", "f8")
        await ui.sees("set ")
        await ui.press("escape", "1")
        # With --readonly those run that say that they change nothing; Esc ends one with what it started.
        ui.app.config = replace(ui.app.config, readonly=True)
        await ui.press("f7", "colon")
        await ui.type("wait")
        await ui.press("enter")
        await ui.until(lambda: isinstance(ui.app.screen, CommandOutput), "its output")
        await ui.until(lambda: re.search(r"begun as (\d+)", ui.text), "what it prints")
        number = re.findall(r"begun as (\d+)", ui.text)[0]
        await ui.press("escape")
        await ui.until(lambda: not Path(f"/proc/{number}").exists(), "its end")
        assert isinstance(ui.app.screen, HomeScreen)
        assert not (tmp_path / "made-14").exists(), "what changes something ran all the same"


async def test_they_are_read_again_when_they_change(tmp_path: Path) -> None:
    path = tmp_path / "commands.yaml"
    path.write_text("- {name: Before, key: f6, command: 'true'}\n")
    async with shell_ui(tmp_path) as ui:
        await ui.sees("Before")
        for _ in range(100):  # nobody says when watching has begun
            path.write_text("- {name: After, key: f7, command: 'true'}\n")
            await ui.pilot.pause(0.2)
            if "After" in ui.text:
                break
        assert "After" in ui.text
        assert "Before" not in ui.text
