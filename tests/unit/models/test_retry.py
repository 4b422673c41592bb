"""`retry`, as people write it and as it is read."""

from __future__ import annotations

import pytest

from runner.models import RETRY_ON, Retry


@pytest.mark.parametrize(
    ("text", "times", "on"),
    [
        ("3", 3, RETRY_ON),
        ("0", 0, RETRY_ON),
        (" 3 on [lost, oom, exit 75] ", 3, ("lost", "oom", "exit 75")),
        ("1 on lost", 1, ("lost",)),
        ("2  on exit  3,oom, oom", 2, ("exit 3", "oom")),
        ("100 on [exit 255]", 100, ("exit 255",)),
    ],
)
def test_what_is_written_is_read(text: str, times: int, on: tuple[str, ...]) -> None:
    assert Retry.parse(text) == Retry(times, on)
    assert Retry.parse(str(Retry(times, on))) == Retry(times, on)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("often", "'often' is not a retry; write 3, or such as 3 on"),
        ("-1", "is not a retry"),
        ("3 on", "is not a retry"),
        ("3 on []", "names the ends"),
        ("101", "0 to 100 times, not 101"),
        ("3 on [lost, failed]", "'failed' is no end to try again after; there are lost, oom and exit 1 to exit 255"),
        ("3 on exit 0", "'exit 0' is no end"),
        ("3 on exit 256", "'exit 256' is no end"),
    ],
)
def test_what_cannot_be_meant_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        Retry.parse(text)


def test_only_the_ends_named_are_tried_again_after() -> None:
    retry = Retry(1, ("oom", "exit 3"))
    assert retry.after(137, lost=False, oom=True)
    assert retry.after(3, lost=False, oom=False)
    assert not retry.after(137, lost=False, oom=False)
    assert not retry.after(None, lost=True, oom=False)
    assert not retry.after(3, lost=True, oom=False)
    assert Retry(1).after(143, lost=True, oom=False)
