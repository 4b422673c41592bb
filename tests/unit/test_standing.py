"""How far something is, in words, and as many of them as there is room for."""

from __future__ import annotations

from floyd_tui.client.progress import Progress
from floyd_tui.standing import figures, fitted, share

HALF = Progress(2 << 30, 4 << 30, 300, 1204, 84 << 20, 33.0, there_bytes=1 << 30)


def test_what_matters_most_comes_first() -> None:
    assert figures(HALF) == [
        "2.0 GiB of 4.0 GiB",
        "33s left",
        "84.0 MiB/s",
        "300 of 1,204 files",
        "1.0 GiB there already",
    ]
    assert share(HALF) == 0.5


def test_what_nobody_knows_is_left_out() -> None:
    assert figures(Progress()) == []
    assert figures(Progress(done_files=1)) == ["1 file"]
    assert figures(Progress(5 << 10, comparing=True)) == ["5.0 KiB"]
    assert share(Progress(5 << 10)) is None


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    parts = figures(HALF)
    assert fitted(parts, 1000) == " · ".join(parts)
    assert fitted(parts, 30) == "2.0 GiB of 4.0 GiB · 33s left"
    assert fitted(parts, 29) == "2.0 GiB of 4.0 GiB · 33s left"
    assert fitted(parts, 28) == "2.0 GiB of 4.0 GiB"
    assert fitted(parts, 3) == ""
