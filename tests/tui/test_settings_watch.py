"""Settings that are changed while the app is open."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.shell_ui import ShellUi, shell_ui


def write(path: Path, text: str) -> None:
    """Write a file as editors do: whole, under another name first."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


async def seen(ui: ShellUi, path: Path, text: str, color: str) -> None:
    """Write `text` until the app takes it up: nobody says when watching has begun."""
    for _ in range(20):
        write(path, text)
        for _ in range(100):
            await ui.pilot.pause(0.01)
            if ui.app.current_theme.primary == color:
                return
    raise AssertionError(f"the app did not take up {color}")


async def said(ui: ShellUi, words: str) -> None:
    """Wait for a toast with these words, which it may break into lines."""
    await ui.until(lambda: any(words in note.message for note in ui.app._notifications), repr(words))


async def test_themes_keys_and_mistakes_count_at_once(tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    theme, config = tmp_path / "themes" / "rust.yaml", tmp_path / "config.yaml"
    config.write_text("theme: floyd-dark\n")
    async with shell_ui(tmp_path) as ui:
        await ui.sees("protein-fold")
        theme.write_text("name: rust\nprimary: '#ff8855'\n")
        await seen(ui, config, "theme: rust\nkeys:\n  page.datasets: f9\n", "#ff8855")
        await seen(ui, theme, "name: rust\nprimary: '#55ff88'\n", "#55ff88")
        assert ui.app.theme_variables["primary"].lower() == "#55ff88"
        await ui.press("f9")
        await ui.sees("deskewed")
        write(theme, "name: rust\nprimary: nocolour\n")
        await said(ui, "is no colour: 'nocolour'")
        write(config, "theme: [\n")
        await said(ui, "is not YAML")
        assert ui.app.current_theme.primary == "#55ff88", "what was right stays"
        write(config, "theme: floyd-light\nkeyes: {}\n")
        await said(ui, "there is no setting keyes")
        write(config, "theme: floyd-light\n")
        await ui.until(lambda: ui.app.theme == "floyd-light", "the theme")
        await ui.press("1")
        await ui.sees("protein-fold")
        await ui.press("2")
        await ui.sees("deskewed")
