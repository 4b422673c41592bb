"""Themes: legible, validated, and the user's own."""

from __future__ import annotations

from itertools import combinations
from math import dist
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from floyd_tui import themes
from floyd_tui.errors import ConfigError
from floyd_tui.themes import CONTRAST, contrast, load, meanings, parse
from tests.support.contrast import BLINDNESS, seen_with
from tests.support.shell_ui import shell_ui

SHIPPED = load().themes
TEXT = ("dim", "running", "busy", "good", "warn", "bad", "key")


def test_the_promised_themes_are_there() -> None:
    found = load()
    assert {"floyd-dark", "floyd-light", "high-contrast"} <= {theme.name for theme in found.themes}
    assert not found.problems


@pytest.mark.parametrize(
    "theme", [*SHIPPED, *(t for t in BUILTIN_THEMES.values() if not t.ansi)], ids=lambda theme: theme.name
)
def test_all_text_is_legible_on_all_grounds(theme: Theme) -> None:
    colors = {**meanings(theme), **theme.to_color_system().generate()}
    front = Color.parse(colors["foreground"])
    grounds = [Color.parse(colors[name]) for name in ("background", "surface", "panel", "cursor-row")]
    best = min(contrast(front, ground) for ground in grounds)
    for name in TEXT:
        color = Color.parse(meanings(theme)[name])
        for ground in grounds:
            # A theme whose own foreground is paler than the bar cannot be mended by moving towards it.
            assert contrast(color, ground) >= min(CONTRAST, best) - 0.01, name


@pytest.mark.parametrize("theme", SHIPPED, ids=lambda theme: theme.name)
def test_shipped_themes_read_at_least_4_5_to_1(theme: Theme) -> None:
    colors = {**meanings(theme), **theme.to_color_system().generate()}
    for ground in ("background", "surface", "panel", "cursor-row"):
        for text in ("foreground", "accent", *TEXT):
            assert contrast(Color.parse(colors[text]), Color.parse(colors[ground])) >= CONTRAST, (text, ground)


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("theme", ["colorblind-dark", "colorblind-light"])
def test_states_are_told_apart_without_one_kind_of_cones(theme: str, blindness: str) -> None:
    colors = meanings(next(each for each in SHIPPED if each.name == theme))
    seen = {
        name: seen_with(blindness, Color.parse(colors[name])) for name in ("running", "busy", "good", "warn", "bad")
    }
    for one, other in combinations(seen, 2):
        # A distance of 2.3 is just noticeable side by side; these are small signs in a list.
        assert dist(seen[one], seen[other]) > 20, (one, other)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(Color.parse("#fff"), Color.parse("#000")) == pytest.approx(21)
    assert contrast(Color.parse("#777"), Color.parse("#fff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: [", "mine.yaml is not YAML"),
        ("- a", "lacks `name` or `primary`"),
        ("name: x", "lacks `name` or `primary`"),
        ("name: x\nprimary: red\nprimery: blue", "unknown key `primery`"),
        ("name: x\nprimary: '#12345'", "`primary` of the theme mine.yaml is no colour: '#12345'"),
        ("name: x\nprimary: red\nvariables: {running: nope}", "`running` of the theme mine.yaml is no colour"),
        ("name: x\nprimary: red\nvariables: []\ndark: 3", "`dark` of the theme mine.yaml must be true or false"),
        ("name: x\nprimary: red\nvariables: [1]", "`variables` of the theme mine.yaml must be a mapping"),
    ],
)
def test_a_bad_theme_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "mine.yaml")
    assert sentence in caught.value.message


def test_the_users_themes_win_and_their_mistakes_are_gathered(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: floyd-dark\nprimary: '#ff0000'\n")
    (tmp_path / "bad.yml").write_text("name: bad\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    found = load(tmp_path)
    assert next(theme for theme in found.themes if theme.name == "floyd-dark").primary == "#ff0000"
    assert len(found.problems) == 2


async def test_a_users_theme_is_in_the_app_and_a_bad_one_in_a_toast(tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "rust.yaml").write_text("name: rust\nprimary: '#ff8855'\n")
    (tmp_path / "themes" / "bad.yaml").write_text("name: bad\n")
    async with shell_ui(tmp_path) as ui:
        await ui.sees("The theme bad.yaml lacks")
        ui.app.theme = "rust"
        await ui.until(lambda: ui.app.current_theme.primary == "#ff8855", "its colours")
        assert "whisper-nl" in ui.text


async def test_every_theme_draws(tmp_path: Path) -> None:
    async with shell_ui(tmp_path) as ui:
        await ui.sees("whisper-nl")
        for name in ui.app.available_themes:
            ui.app.theme = name
            await ui.pilot.pause()
            assert "whisper-nl" in ui.text


def test_the_default_is_shipped() -> None:
    assert themes.DEFAULT in {theme.name for theme in SHIPPED}
