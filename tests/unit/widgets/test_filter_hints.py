"""Help while a filter is typed: how its last word goes on, and what the line below says."""

from __future__ import annotations

import pytest

from floyd_tui.widgets.filter_hints import complete, help_for

THERE = {
    "tag": ["sweep", "best", "Baseline"],
    "env": ["pytorch-2.8"],
    "host": ["gauss", "local"],
    "metric": ["loss", "accuracy"],
}


def known(key: str) -> list[str]:
    return THERE.get(key, [])


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("st", "state:"), ("resnet st", "resnet state:"), ("state:f", "state:failed"), ("tag:b", "tag:best"),
        ("tag:best,s", "tag:best,sweep"), ("TAG:ba", "TAG:baseline"), ("host:", "host:gauss"), ("lo", "loss<"),
        ("acc", "accuracy>"), ("du", "duration>"), ("after:2", "after:2d"), ("", None), ("state:failed ", None),
        ("state:failed", None), ("foo:b", None), ("loss<0", None), ("zebra", None), ("tag:zebra", None),
    ],
)  # fmt: skip
def test_a_word_goes_on_as_what_there_is(typed: str, completed: str | None) -> None:
    found = complete(typed, known)
    assert (found and found.lower()) == (completed and completed.lower())
    assert found is None or found.startswith(typed)  # what was typed stays as it is


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Tab completes · state: env: tag:"),
        ("state:", "state: queued  preparing  running"),
        ("state:f", "state: failed"),
        ("tag:best,", "tag: sweep  best  Baseline"),
        ("tag:zebra", "No tag zebra in this list; there is sweep  best"),
        ("dataset:x", "No dataset x in this list; there is none"),
        ("env:torch", "env: pytorch-2.8"),
        ("after:", "after:2d, 3h or 1w ago, or a day: after:2026-11-20"),
        ("los", "loss<"),
        ("loss<0.3", "loss: its last value is compared by < <= > >= ="),
        ("exit=1", "exit: its last value"),
        ("lozz<1", "No job in this list has a metric lozz; there is loss  accuracy  gpus"),
        ("cosine", "Looked for in names"),
    ],
)
def test_the_line_says_what_may_stand_there(typed: str, said: str) -> None:
    assert help_for(f"resnet {typed}", known).startswith(said)
