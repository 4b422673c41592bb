"""What a job colours can be read in every theme, on the log's ground and on that of the current line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from floyd_tui.themes import CONTRAST, contrast, load, meanings
from floyd_tui.widgets.log_colors import LogColors
from floyd_tui.widgets.log_text import styled

SHIPPED = load().themes
CODES = st.one_of(
    st.sampled_from(["", "2", "1", "7", "39", "49", *map(str, [*range(30, 38), *range(40, 48), *range(90, 108)])]),
    st.builds("{};5;{}".format, st.sampled_from([38, 48]), st.integers(0, 255)),
    st.builds("{};2;{};{};{}".format, st.sampled_from([38, 48]), *[st.integers(0, 255)] * 3),
)


def variables(theme: Theme) -> dict[str, str]:
    return {**theme.to_color_system().generate(), **meanings(theme)}


def spans(theme: Theme, raw: bytes) -> list[Style]:
    text = LogColors(variables(theme)).paint(styled(raw))
    return [span.style for span in text.spans if not isinstance(span.style, str)]


@pytest.mark.parametrize("theme", SHIPPED, ids=lambda theme: theme.name)
@given(codes=st.lists(CODES, max_size=3))
@settings(max_examples=40, deadline=None)
def test_every_colour_can_be_read_in_every_theme(theme: Theme, codes: list[str]) -> None:
    known = variables(theme)
    for style in spans(theme, f"\x1b[{';'.join(codes)}mwords".encode()):
        front = Color.from_rich_color(style.color) if style.color else Color.parse(known["foreground"])
        grounds = [Color.from_rich_color(style.bgcolor)] if style.bgcolor else []
        for ground in grounds or [Color.parse(known[name]) for name in ("background", "cursor-row")]:
            assert contrast(front, ground) >= CONTRAST
        assert not style.dim


def test_a_red_word_is_the_themes_red_and_stays_bold() -> None:
    style = spans(SHIPPED[0], b"\x1b[1;31mred\x1b[0m plain")[0]
    assert style.color is not None
    assert Color.from_rich_color(style.color) == Color.parse(variables(SHIPPED[0])["bad"])
    assert style.bold
