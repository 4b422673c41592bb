"""Sizes and durations, as typed and as shown."""

from __future__ import annotations

import pytest

from floyd_tui.sizes import human_count, human_duration, human_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GiB", 8 * 2**30), ("500 MB", 500 * 10**6), ("1.5g", 1_500_000_000), ("42", 42), ("64Ki", 65536)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "seconds"), [("3600", 3600), ("90m", 5400), ("2h 30m", 9000), ("1d", 86400)])
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1.5h", "8 GiBs"])
def test_nonsense_is_neither(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (102_300, "99.9 KiB"), (1_023_500, "1.0 MiB"), (2**60, "1024 PiB")],
)
def test_sizes_are_shown(size: int, text: str) -> None:
    assert human_size(size) == text


def test_counts_are_shown() -> None:
    shown = [human_count(count, "file") for count in (0, 1, 1234)]
    assert shown == ["0 files", "1 file", "1,234 files"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (59.4, "59s"), (59.9, "1m 00s"), (125, "2m 05s"), (11_520, "3h 12m"), (187_200, "2d 04h")],
)
def test_durations_are_shown(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text
