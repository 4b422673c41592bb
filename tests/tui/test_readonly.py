"""The app with --readonly: it says so, and its keys change nothing."""

from __future__ import annotations

from pathlib import Path

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import NOW, FakeLinks
from floyd_tui.config import Config
from floyd_tui.screens.changing import CHANGING
from floyd_tui.screens.help import keys_of
from floyd_tui.screens.home import HomeScreen
from floyd_tui.widgets.key_row import KeyRow
from scripts.keys_doc import binding_classes, bindings_of
from tests.support.shell_ui import ShellUi


def test_every_changing_key_is_there() -> None:
    ids = {binding.id for kind in binding_classes().values() for binding in bindings_of(kind)}
    assert ids >= CHANGING


async def test_keys_that_change_something_are_grey_and_say_why(tmp_path: Path) -> None:
    links = FakeLinks.demo()
    app = FloydApp(links, Config(tmp_path, readonly=True), lambda: NOW, lambda: 0.0)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        ui = ShellUi(pilot, app, links)
        await ui.sees("protein-fold")
        await ui.sees("⊘ read-only")
        keys = {key.title: key.enabled for key in keys_of(app.screen)}
        assert not any(keys[title] for title in ("New", "Again", "Go on", "Delete", "Watch"))
        assert keys["Open"]
        row = app.screen.query_one(KeyRow).query("FooterKey.-disabled")
        assert "New" in {key.description for key in row}  # type: ignore[attr-defined]
        await ui.press("x")
        await ui.sees("Hosts are only looked at")
        assert isinstance(app.screen, HomeScreen)
        await ui.press("enter")
        await ui.until(lambda: not isinstance(app.screen, HomeScreen), "the job")
        await ui.sees("⊘ read-only")
