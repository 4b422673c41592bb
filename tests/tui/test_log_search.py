"""Searching while the log grows finds what one search over all of it would."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floyd_tui.widgets import log_search
from floyd_tui.widgets.line_set import LineSet
from floyd_tui.widgets.log_buffer import LogBuffer
from floyd_tui.widgets.log_search import ERRORS, BadPattern, LogSearch, compile_pattern


@pytest.fixture
def buffer() -> Iterator[LogBuffer]:
    made = LogBuffer()
    yield made
    made.close()


def run(search: LogSearch, final: bool = False) -> list[int]:
    while search.advance(final):
        pass
    return list(search.lines)


LINES = st.lists(st.text(alphabet="abx \r", max_size=8).map(lambda s: s.rstrip("\r")), max_size=40)


@given(LINES, st.sampled_from(["a", "^a", "b$", "a.*b", "x|ab", "[^a]"]), st.booleans(), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_growing_and_whole_searches_agree(lines: list[str], pattern: str, inverse: bool, cut: int) -> None:
    data = "".join(line + "\n" for line in lines).encode()
    buffer = LogBuffer()
    search = LogSearch(buffer, compile_pattern(pattern), inverse)
    for start in range(0, len(data), cut):
        buffer.append(data[start : start + cut])
        run(search)
    found = run(search, final=True)
    last_states = [line.rpartition("\r")[2] for line in lines]
    matching = [bool(re.search(pattern.replace("[^a]", "[^a\n]"), state, re.IGNORECASE)) for state in last_states]
    if pattern != "[^a]":  # that one may match the newline itself, which is fine
        assert found == [i for i, hit in enumerate(matching) if hit is not inverse]
    buffer.close()


def test_slices_do_not_lose_or_shift_lines(buffer: LogBuffer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "SLICE", 100)
    buffer.append(b"".join(b"line %d\n" % i for i in range(1000)))
    assert run(LogSearch(buffer, compile_pattern("7$"))) == list(range(7, 1000, 10))


def test_a_line_longer_than_a_slice_is_found_once(buffer: LogBuffer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "SLICE", 100)
    buffer.append(b"first\n" + b"ab" * 500 + b"\nab last\n")
    assert run(LogSearch(buffer, compile_pattern("ab"))) == [1, 2]


def test_a_last_line_without_end_counts_once_the_log_has_ended(buffer: LogBuffer) -> None:
    buffer.append(b"no\nKilled")
    search = LogSearch(buffer, compile_pattern("killed"))
    assert run(search) == []
    assert run(search, final=True) == [1]


@pytest.mark.parametrize("inverse", [False, True])
def test_every_line_may_match(buffer: LogBuffer, inverse: bool) -> None:
    buffer.append(b"a line of several words\n" * 60_000)
    search = LogSearch(buffer, compile_pattern("zebra" if inverse else "[^\n]"), inverse)
    assert run(search) == list(range(60_000))
    assert search.progress == 1.0


def test_an_expression_without_end_is_given_up(buffer: LogBuffer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "LONGEST_MATCH", 0.05)
    buffer.append(b"first\n" + b"x" * 1000 + b"\n")
    search = LogSearch(buffer, compile_pattern("(x+x+)+y|z"))
    assert run(search) == []
    assert search.trouble.startswith("This expression takes too long near line 1:")


def test_a_megabyte_in_one_line_with_states_is_looked_at_quickly(buffer: LogBuffer) -> None:
    buffer.append(b"x" * 3_000_000 + b"\rlast state\nnext\n")
    assert run(LogSearch(buffer, compile_pattern("next"))) == [1]


@given(st.sets(st.integers(-40, 30_000), max_size=300).map(sorted), st.integers(1, 50))
@settings(deadline=None)
def test_a_set_of_lines_is_a_sorted_list(lines: list[int], at_once: int) -> None:
    found = LineSet()
    found.base = -40
    for start in range(0, len(lines), at_once):
        found.extend(lines[max(0, start - 3) : start + at_once])  # what is there already is not added again
    assert [found[place] for place in range(len(found))] == lines
    assert lines == [] or found[-1] == lines[-1]
    for line in (-50, -40, 0, 31_000, *lines, *(line + 1 for line in lines)):
        assert found.rank(line) == bisect_right(lines, line)
    with pytest.raises(IndexError):
        found[len(lines)]


def test_stepping_goes_around(buffer: LogBuffer) -> None:
    buffer.append(b"hit\n-\nhit\n-\nhit\n")
    search = LogSearch(buffer, compile_pattern("hit"))
    run(search)
    assert [search.after(line) for line in (-1, 0, 1, 4)] == [0, 2, 2, 0]
    assert [search.before(line) for line in (4, 3, 0)] == [2, 2, 4]
    assert search.position(2) == 2


def test_capitals_matter_only_where_there_are_some() -> None:
    assert compile_pattern("error").search("an ERROR")
    assert not compile_pattern("Error").search("an ERROR")
    assert compile_pattern(r"\Serror").search("xERROR")


@pytest.mark.parametrize("text", ["(", "[a", "*", "a{2,1}"])
def test_a_bad_expression_is_a_sentence(text: str) -> None:
    with pytest.raises(BadPattern, match=r"^Not a regular expression: .+\.$"):
        compile_pattern(text)


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ("Traceback (most recent call last):", True),
        ("torch.OutOfMemoryError: CUDA out of memory.", True),
        ("ERROR disk full", True),
        ("Segmentation fault (core dumped)", True),
        ("epoch 3 loss 0.2", False),
        ("mean squared errors: 0.3", False),
        ("terrors of the deep", False),
    ],
)
def test_what_looks_like_an_error(line: str, is_error: bool) -> None:
    assert bool(compile_pattern(ERRORS).search(line)) is is_error
