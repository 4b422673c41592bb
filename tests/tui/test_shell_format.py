"""How values read on screen; filters; connection states; columns that share a width."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from floyd_tui.client.protocol import LinkState, LinkStatus
from floyd_tui.errors import HostUnreachable
from floyd_tui.screens.help import GROUPS
from floyd_tui.screens.home_rows import job_columns
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.link_status import describe
from floyd_tui.widgets.row_table import Column, share
from runner.models import JobState


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "—"),
        (0, "0 B"),
        (999, "999 B"),
        (1023, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10**12, "931 GiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_sizes(count: int | None, text: str) -> None:
    assert fmt.size(count) == text


@given(st.integers(0, 2**50))
def test_a_size_never_has_more_than_three_digits_or_four_signs(count: int) -> None:
    number, _, unit = fmt.size(count).partition(" ")
    assert len(number) <= 4
    assert sum(c.isdigit() for c in number) <= 3
    factor = 1024 ** ("B", "KiB", "MiB", "GiB", "TiB", "PiB").index(unit)
    assert float(number) * factor == pytest.approx(count, rel=0.06, abs=1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "now"), (1.9, "now"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (86400, "1d"),
     (14 * 86400, "2w"), (729 * 86400, "104w"), (731 * 86400, "2y"), (-5, "now")],
)  # fmt: skip
def test_ages(seconds: float, text: str) -> None:
    assert fmt.age(1000.0, 1000.0 + seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (0.44, "0.4s"), (9.94, "9.9s"), (9.96, "10s"), (59.6, "1m 00s"), (3599.7, "1h 00m"),
     (86399.9, "1d 00h"), (90000, "1d 01h")],
)  # fmt: skip
def test_durations(seconds: float | None, text: str) -> None:
    assert fmt.duration(seconds) == text


@given(st.floats(0, 900 * 86400))
def test_a_duration_fits_its_column(seconds: float) -> None:
    assert len(fmt.duration(seconds)) <= 8


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.21456, "0.2146"), (1.23456, "1.235"), (123.456, "123.5"), (3.0, "3"), (1e-5, "1.00e-05"), (1e9, "1.00e+09"),
     (math.nan, "nan"), (math.inf, "∞"), (-0.5, "-0.5000"), (0, "0")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert fmt.number(value) == text


@given(st.floats())
def test_any_float_is_a_short_number(value: float) -> None:
    assert 0 < len(fmt.number(value)) <= 10


@given(st.text())
def test_nothing_plain_can_steer_a_terminal(text: str) -> None:
    plain = fmt.plain(text)
    assert len(plain) == len(text)
    assert all(letter.isprintable() for letter in plain)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", plain)


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_a_sign_of_one_cell_of_its_own(state: JobState) -> None:
    assert cell_len(fmt.sign(state)) == 1
    assert [fmt.sign(other) for other in JobState].count(fmt.sign(state)) == 1
    assert fmt.color(state)


GONE = HostUnreachable("cray.lab does not answer after ten seconds of waiting.", "Wait.")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (LinkStatus(LinkState.LIVE, 0), "● live"),
        (LinkStatus(LinkState.LIVE, 0, latency=0.0124), "● live 12 ms"),
        (LinkStatus(LinkState.LIVE, 0, latency=0.0004), "● live <1 ms"),
        (LinkStatus(LinkState.CONNECTING, 0), "◐ connecting"),
        (LinkStatus(LinkState.RETRYING, 0, GONE, 14.2), "↻ retry in 4 s"),
        (LinkStatus(LinkState.RETRYING, 0, GONE, 3.0), "↻ retry in 0 s"),
        (LinkStatus(LinkState.RETRYING, 0, GONE), "↻ trying again"),
        (LinkStatus(LinkState.FAILED, 0, GONE), "✘ cray.lab does not answer after ten seconds of…"),
        (LinkStatus(LinkState.CLOSED, 0), "○ closed"),
    ],
)
def test_connections(status: LinkStatus, text: str) -> None:
    assert describe(status, 10.0, 48)[0] == text


def test_a_failure_is_short_where_there_is_no_room() -> None:
    assert describe(LinkStatus(LinkState.FAILED, 0, GONE), 0.0, 20)[0] == "✘ No connection"


@given(st.integers(1, 300), st.booleans())
def test_columns_fill_the_width_and_never_more_than_their_least_allows(width: int, everything: bool) -> None:
    columns = job_columns(everything)
    layout = dict(share(columns, width))
    used = sum(cells + 2 for cells in layout.values())
    least = sum(c.width + 2 for c in columns if c.key in layout)
    assert used == max(width, least)
    if width >= 40:
        assert used == width


def test_columns_give_way() -> None:
    columns = (Column("a", "A", 4, flex=1), Column("b", "B", 4, since=20), Column("c", "C", 1, until=20))
    assert dict(share(columns, 30)) == {"a": 22, "b": 4}
    assert dict(share(columns, 12)) == {"a": 7, "c": 1}
    assert share(columns, 0) == ()


def test_help_has_a_group_for_the_common_prefixes() -> None:
    assert {"job", "list", "table", "page", "app"} <= set(GROUPS)


@pytest.mark.parametrize(("then", "text"), [(None, "—"), (99.0, "now"), (40.0, "1m ago"), (60.0, "40s ago")])
def test_how_long_ago_reads_as_words(then: float | None, text: str) -> None:
    assert fmt.ago(then, 100.0) == text
