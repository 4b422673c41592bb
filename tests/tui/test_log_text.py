"""What a job writes may colour its line and do nothing else to the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color

from floyd_tui.widgets.log_text import plain, shown, styled

ATTACKS = [
    b"\x1b]0;title\x07",
    b"\x1b]52;c;aGk=\x07",
    b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    b"\x1bP+q\x1b\\",
    b"\x1b[2J\x1b[H",
    b"\x1b[?1049h",
    b"\x1b[6n",
    b"\x1bc",
    b"\x9b31m",
    b"\x07\x08\x00",
    "\u202eevil".encode(),
    b"\x1b",
    b"\x1b[",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_control_character_is_left(attack: bytes) -> None:
    for text in (shown(b"a" + attack + b"z"), styled(b"a" + attack + b"z").plain):
        assert all(c.isprintable() for c in text), text
        assert text.startswith("a")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_bring_control_characters(data: bytes) -> None:
    line = data.replace(b"\n", b"")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown(line) + styled(line).plain)


@given(st.binary(max_size=200))
def test_cleaning_keeps_the_lines(data: bytes) -> None:
    assert plain(data).count("\n") == data.count(b"\n")


@given(st.text(alphabet=st.sampled_from("ab数é \t\r\x1b[31m0;"), max_size=40))
def test_drawn_and_copied_text_agree(text: str) -> None:
    raw = text.encode()
    assert styled(raw).plain == shown(raw)


def test_colours_stay() -> None:
    text = styled(b"\x1b[1;31mred\x1b[0m plain")
    assert text.plain == "red plain"
    style = text.spans[0].style
    assert not isinstance(style, str)
    assert (style.bold, style.color) == (True, Color.from_ansi(1))


def test_of_a_rewritten_line_the_last_state_counts() -> None:
    assert shown(b" 10%\r 50%\r100% done\r\n") == "100% done"
    assert shown(b"windows line\r") == "windows line"
    assert plain(b"a\rb\nc\rd\r\ne") == "b\nd\ne"


def test_links_keep_their_text() -> None:
    assert shown(b"see \x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\ now") == "see here now"
    assert not any(getattr(span.style, "link", None) for span in styled(b"\x1b]8;;http://x\x07here").spans)


def test_tabs_are_columns_of_eight() -> None:
    assert shown(b"a\tb") == "a       b"
    assert styled(b"\x1b[32ma\x1b[0m\tb").plain == "a       b"
