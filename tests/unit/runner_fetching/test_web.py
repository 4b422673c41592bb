"""What a web server says, read: where it leads, and which bytes it sends."""

from __future__ import annotations

import httpx
import pytest

from runner.errors import RunnerError
from runner.fetching.download import is_strong
from runner.fetching.web import TryAgain, read_answer, redirected


def answer(status: int, url: str = "https://h/x", **headers: str) -> httpx.Response:
    """An answer with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, request=httpx.Request("GET", url))


@pytest.mark.parametrize(
    ("url", "location", "leads"),
    [
        ("https://ann:pw@h/a/b", "c?x=1", "https://ann:pw@h/a/c?x=1"),
        ("https://ann:pw@h/a", "https://h/b", "https://ann:pw@h/b"),
        ("https://ann:pw@h/a", "https://other/b", "https://other/b"),
        ("https://ann:pw@h/a", "https://h:444/b", "https://h:444/b"),
        ("http://h/a", "https://eve:x@h/b#top", "https://h/b"),
        ("http://h/a", "//other/b", "http://other/b"),
    ],
)
def test_a_password_stays_with_its_server(url: str, location: str, leads: str) -> None:
    assert str(redirected(answer(302, url, Location=location))) == leads


@pytest.mark.parametrize("location", ["http://h/x", "ftp://h/x", "file:///etc/passwd", "javascript:alert(1)"])
def test_it_leads_nowhere_else(location: str) -> None:
    with pytest.raises(RunnerError) as told:
        redirected(answer(302, Location=location))
    assert told.value.hint


def test_which_bytes_come() -> None:
    whole = read_answer(answer(200, Content_Length="10", ETag='"a"'))
    assert (whole.start, whole.total, whole.etag) == (0, 10, '"a"')
    part = read_answer(answer(206, Content_Range="bytes 4-9/10", Content_Length="6", ETag='W/"a"'))
    assert (part.start, part.total, part.etag) == (4, 10, "")
    assert read_answer(answer(206, Content_Range="bytes 4-9/*")).total is None
    assert read_answer(answer(200, Content_Length="-3")).total is None
    for wrong in ("", "bytes", "lines 4-9/10", "bytes x-9/10"):
        with pytest.raises(TryAgain):
            read_answer(answer(206, Content_Range=wrong))


@pytest.mark.parametrize(
    ("modified", "strong"),
    [
        ("Mon, 23 Nov 2026 11:58:00 GMT", True),
        ("Mon, 23 Nov 2026 11:59:30 GMT", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_a_date_tells_a_file_only_where_it_is_old_enough(modified: str, strong: bool) -> None:
    assert is_strong(answer(200, Date="Mon, 23 Nov 2026 12:00:00 GMT", Last_Modified=modified)) is strong
