"""Times in a log, as they are typed."""

from __future__ import annotations

from datetime import datetime

import pytest

from floyd_tui.widgets.log_time import BadTime, moment

BEGIN = datetime(2026, 11, 23, 22, 0).astimezone().timestamp()
END = datetime(2026, 11, 24, 14, 5, 30).astimezone().timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:05", "2026-11-24 14:05:00"),
        ("9:30", "2026-11-24 09:30:00"),
        ("22:10:05", "2026-11-23 22:10:05"),
        ("2026-11-23 23:59", "2026-11-23 23:59:00"),
        ("2026-11-24T01:00", "2026-11-24 01:00:00"),
        ("2026-11-24", "2026-11-24 00:00:00"),
        ("-10m", "2026-11-24 13:55:30"),
        (" + 1h30m ", "2026-11-23 23:30:00"),
    ],
)
def test_times_that_people_write(text: str, expected: str) -> None:
    assert moment(text, BEGIN, END) == datetime.fromisoformat(expected).astimezone().timestamp()


@pytest.mark.parametrize("text", ["noon", "25:00", "2026-13-01", "-", "+soon", "99", "14:5x"])
def test_anything_else_is_a_sentence(text: str) -> None:
    with pytest.raises(BadTime, match=r"^Not a time: .+\. Write it like 14:05, 2026-11-24 14:05, -10m, \+1h\.$"):
        moment(text, BEGIN, END)
