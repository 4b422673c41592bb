"""Metrics in logs: whatever way the log comes in pieces, and whatever junk lies around them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from runner.metrics import MAX_LINE, MetricReader, parse_metric
from runner.models import Metric

LOG = (
    b"hello\n"
    b'{"metric": "loss", "value": 0.5, "step": 3, "epoch": 1}\n'
    b'12%|###\r  {"metric": "acc", "value": 1}\r\n'
    b'{"metric": "bad", "value": NaN}\n{"metric": "bad", "value": true}\n{"metric": 3, "value": 1}\n{"metric": "x"\n'
    b'["metric"]\n\xff\xfe{"metric"\n' + b'{"metric": "long", "value": 1, "pad": "' + b"x" * MAX_LINE + b'"}\n'
    b'{"metric": "text", "value": "1e3", "step": 2.0, "epoch": "x"}\n'
    b'{"metric": "last", "value": -0.0}'
)
EXPECTED = [
    Metric("loss", 0.5, 9.0, 3, 1),
    Metric("acc", 1.0, 9.0),
    Metric("text", 1000.0, 9.0, 2),
    Metric("last", -0.0, 9.0),
]


@given(st.lists(st.integers(0, len(LOG)), max_size=12))
def test_the_pieces_do_not_matter(cuts: list[int]) -> None:
    reader, found = MetricReader(), []
    places = [0, *sorted(cuts), len(LOG)]
    for start, end in itertools.pairwise(places):
        assert reader.position == start
        found += reader.feed(LOG[start:end], 9.0)
    found += reader.feed(b"", 9.0, last=True)
    assert found == EXPECTED
    assert reader.parsed == len(LOG)


@given(st.integers(0, len(LOG)), st.integers(0, len(LOG)))
def test_beginning_again_where_it_was_parsed_counts_nothing_twice(cut: int, more: int) -> None:
    first = MetricReader()
    found = first.feed(LOG[:cut], 9.0)
    second = MetricReader(first.parsed)
    found += second.feed(LOG[first.parsed : max(cut, more)], 9.0)
    found += second.feed(LOG[second.position :], 9.0)
    found += second.feed(b"", 9.0, last=True)
    assert found == EXPECTED


@given(st.binary())
def test_junk_is_never_an_error(line: bytes) -> None:
    parse_metric(line, 0.0)
    MetricReader().feed(line, 0.0, last=True)


def test_numbers_that_json_allows_and_a_float_does_not_hold() -> None:
    assert parse_metric(b'{"metric": "m", "value": 1' + b"0" * 400 + b"}", 0.0) is None
    assert parse_metric(b'{"metric": "m", "value": 1, "step": 1e300}', 0.0) == Metric("m", 1.0, 0.0)
    assert parse_metric(b"[" * 100_000, 0.0) is None
