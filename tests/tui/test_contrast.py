"""Every text on every screen is legible in every theme: 4.5 to 1 on the ground that it really stands on.

4.5 is what WCAG 2.2 asks of text (success criterion 1.4.3, level AA), by its definitions of contrast ratio and
relative luminance. Each screen is opened once and goes through the themes, dark and light by turns, as under the theme
picker: what stayed in the colours of the theme before is found, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color
from textual.pilot import Pilot

from floyd_tui.client.protocol import LinkState
from floyd_tui.config import Config
from floyd_tui.errors import HostUnreachable
from floyd_tui.screenshots import SCENES, Scene, Stage, frozen_app
from floyd_tui.screenshots.stage import set_up_project
from floyd_tui.themes import CONTRAST, load
from floyd_tui.widgets.row_table import RowTable
from tests.support.contrast import colors, words
from tests.support.snapshots import settle

SHIPPED = load().themes
BY_TURNS = [
    theme.name
    for theme in chain.from_iterable(
        zip_longest([t for t in SHIPPED if t.dark], [t for t in SHIPPED if not t.dark])
    )
    if theme
]  # fmt: skip


async def stale(stage: Stage) -> None:
    """A host that has gone: what is known of it is shown in one quiet colour."""
    await SCENES["datasets"](stage)
    stage.app.link.set_status(LinkState.RETRYING, HostUnreachable("gauss does not answer.", "Is it up?"), 4.0)  # type: ignore[attr-defined]
    stage.host.drop()
    await stage.until(lambda: stage.app.screen.query_one("#datasets", RowTable).has_class("-stale"), "the old rows")


async def toasts(stage: Stage) -> None:
    """Words of each kind."""
    await SCENES["home"](stage)
    for severity in ("information", "warning", "error"):
        stage.app.notify("What there is to say of it.", title=severity, severity=severity)
    await stage.until(lambda: len(stage.app.screen.query("Toast")) == 3, "the words")


async def form(stage: Stage) -> None:
    """Fields that are empty, wrong, or typed into."""
    await SCENES["home"](stage)
    await stage.press("n")
    await stage.sees("what is new in this one")
    await stage.press("ctrl+l")


async def filter_bar(stage: Stage) -> None:
    """A filter that nothing passes."""
    await SCENES["home"](stage)
    await stage.press("slash", *"zebra")
    await stage.sees("0 of")


async def selected(stage: Stage) -> None:
    """Text selected with the mouse."""
    await SCENES["home"](stage)
    stage.app.screen.query_one("#crumbs").text_select_all()


OTHERS: dict[str, Scene] = {
    "stale": stale, "toasts": toasts, "form": form, "filter": filter_bar, "selected": selected
}  # fmt: skip
# Between them they have every widget; the other screens go through the themes whose colours are closest.
MAIN = ("home", "job-logs", "job-metrics", "job-output", "launch", "watch", "datasets", "environments", "hosts")
CLOSEST = ("floyd-dark", "paper", "dusk")


async def unreadable(pilot: Pilot[None], themes: Sequence[str]) -> list[str]:
    """What on the present screen is paler than it may be, theme by theme."""
    found = []
    for name in themes:
        pilot.app.theme = name
        await settle(pilot)
        found += [
            f"{name}: {word.ratio:.2f} {word.text!r} {word.place}"
            for word in words(pilot.app.screen)
            if word.ratio < CONTRAST
        ]
    return found


def test_there_are_themes_for_all() -> None:
    assert len(SHIPPED) >= 8
    names = {theme.name for theme in SHIPPED}
    assert {"high-contrast", "high-contrast-light", "colorblind-dark", "colorblind-light"} <= names
    assert {theme.dark for theme in SHIPPED} == {True, False}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [*SCENES, *OTHERS])
async def test_all_text_is_legible_in_every_theme(
    tmp_path: Path, home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(set_up_project(home))
    async with frozen_app(Config(tmp_path)).run_test(size=(120, 36), notifications=True) as pilot:
        await {**SCENES, **OTHERS}[name](Stage(pilot))
        assert await unreadable(pilot, BY_TURNS if name in MAIN else CLOSEST) == []


async def test_what_is_pale_is_found(tmp_path: Path) -> None:
    app = frozen_app(Config(tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        stage = Stage(pilot)
        await SCENES["home"](stage)
        assert not [word for word in words(app.screen) if word.ratio < CONTRAST]
        app.screen.query_one("#crumbs").styles.color = Color.parse("#445566")
        app.screen.query_one("TopBar").styles.opacity = 0.4
        await settle(pilot)
        pale = [word for word in words(app.screen) if word.ratio < CONTRAST]
        assert pale
        assert all("line 1 of" in word.place for word in pale)


def test_colours_that_a_terminal_swaps_are_swapped() -> None:
    front, back = colors(Style(color="#ffffff", bgcolor="#000000", reverse=True))
    assert (front.hex, back.hex) == ("#000000", "#FFFFFF")
