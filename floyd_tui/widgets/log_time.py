"""A time in a log as somebody types it: ``14:05``, ``2026-11-24 14:05``, ``-10m`` before its end, ``+1h`` on."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from runner.models.sizes import parse_duration

EXAMPLES = "14:05, 2026-11-24 14:05, -10m, +1h"


class BadTime(ValueError):
    """Not a time; the message is a sentence for the user."""


def moment(text: str, begin: float, end: float) -> float:
    """The time that `text` means, in epoch seconds, in a log written from `begin` to `end`; raises `BadTime`.

    A time of day is the last one that there was before the log's end, in the time zone here.
    """
    text = " ".join(text.replace("T", " ").split())
    if text[:1] in ("+", "-"):
        try:
            span = parse_duration(text[1:].strip())
        except ValueError as error:
            raise BadTime(f"Not a time: {text!r}. Write it like {EXAMPLES}.") from error
        return begin + span if text[0] == "+" else end - span
    try:
        if "-" in text:
            return datetime.fromisoformat(text).astimezone().timestamp()
        clock, last = time.fromisoformat(text.rjust(5, "0")), datetime.fromtimestamp(end).astimezone()
    except ValueError as error:
        raise BadTime(f"Not a time: {text!r}. Write it like {EXAMPLES}.") from error
    found = last.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
    return (found if found <= last else found - timedelta(days=1)).timestamp()
