"""Keras' lines of progress in logs: of every version, however drawn and cut into pieces; and all else passed by."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.keras import KerasLines, reads_keras
from runner.metrics import MAX_LINE, MetricReader
from runner.models import Metric

# As Keras 2.15 prints to a file: backspaces, carriage returns, an ETA until the last step.
KERAS_2 = (
    b"Epoch 1/2\n\n"
    b"  1/782 [..............................] - ETA: 5:12 - loss: 2.3026 - accuracy: 0.0938"
    + b"\b" * 82 + b"\r782/782 [==============================] - ETA: 0s - loss: 1.5131 - accuracy: 0.4512"
    + b"\b" * 81 + b"\r782/782 [==============================] - 5s 6ms/step - loss: 1.5131 - accuracy: 0.4512"
    b" - val_loss: 1.2e+00 - val_accuracy: 0.5603   \n"
    b"Epoch 2/2\n"
    b"782/782 - 4s - loss: nan - accuracy: 0.5512 - lr: 1.0000e-04 - 4s/epoch - 5ms/step\r\n"
    b"313/313 [==============================] - 1s 2ms/step - loss: 9.9 - accuracy: 0.1\n"
)  # fmt: skip
# As Keras 3 does: bars in colours.
KERAS_3 = (
    b"Epoch 3/10\n"
    b"\x1b[1m  1/782\x1b[0m \x1b[37m" + "━".encode() * 20 + b"\x1b[0m \x1b[1m1:32\x1b[0m 118ms/step"
    b" - accuracy: 0.0938 - loss: 2.3"
    + b"\x08" * 70
    + b"\r\x1b[1m782/782\x1b[0m \x1b[32m"
    + "━".encode() * 20
    + b"\x1b[0m\x1b[37m\x1b[0m \x1b[1m5s\x1b[0m 6ms/step - accuracy: 0.9101 - loss: 0.3012 - val_loss: -0.5\n"
    b'{"metric": "own", "value": 1}\n'
    b"Epoch 4/10\n782/782 - 5s - 6ms/step - accuracy: 0.92 - top 5 accuracy: 1 - loss: 0.25\n"
)
LOG = KERAS_2 + b"1/1 - loss: 3\n" + KERAS_3


def told(epoch: int, **values: float) -> list[Metric]:
    return [Metric(name.replace("__", " "), value, 9.0, None, epoch) for name, value in values.items()]


EXPECTED = [
    *told(1, loss=1.5131, accuracy=0.4512, val_loss=1.2, val_accuracy=0.5603),
    *told(2, accuracy=0.5512, lr=1e-4),
    *told(3, accuracy=0.9101, loss=0.3012, val_loss=-0.5),
    *told(4, accuracy=0.92, top__5__accuracy=1.0, loss=0.25),
]


def points(reader: MetricReader, *pieces: bytes) -> list[Metric]:
    """What Keras' lines in `pieces` tell."""
    found = [point for piece in pieces for point in reader.feed(piece, 9.0)] + reader.feed(b"", 9.0, last=True)
    return [point for point in found if point.name != "own"]


@given(st.lists(st.integers(0, len(LOG)), max_size=12))
def test_each_epoch_is_one_point_whatever_the_pieces(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(LOG)]
    pieces = [LOG[start:end] for start, end in itertools.pairwise(places)]
    assert points(MetricReader(0, KerasLines()), *pieces) == EXPECTED


def test_without_it_they_are_text() -> None:
    assert points(MetricReader(), LOG) == []
    for env, wanted in (({}, True), ({"FLOYD_KERAS": "off"}, False), ({"FLOYD_KERAS": " No"}, False)):
        assert reads_keras(env) is wanted
    assert reads_keras({"FLOYD_KERAS": "1"})


def test_a_bar_drawn_longer_than_any_line_is_read_at_its_end() -> None:
    bar = b"".join(b"\r%d/9000 [===>....] - ETA: 0s - loss: 0.5" % step for step in range(1, 9000))
    end = b"\r9000/9000 [====] - 5s 6ms/step - loss: 0.5\n"
    reader = MetricReader(0, KerasLines())
    pieces = [bar[at : at + 5000] for at in range(0, len(bar), 5000)]
    assert len(bar) > 5 * MAX_LINE
    assert points(reader, b"Epoch 7/8\n", *pieces, end) == told(7, loss=0.5)
    assert reader.parsed == len(bar) + len(end) + 10


@given(st.lists(st.sampled_from([
    b"Epoch 1/3\n", b"Epoch ", b"1/1 ", b"782/782", b" - loss: 0.5", b": ", b"\r", b"\x08\x08", b"\x1b[1m", b"\n",
    b" - a b c: 1e999", b" - ", b"ETA: ", b"9" * 30, b" ", b"\xff",
]), max_size=40))  # fmt: skip
def test_no_text_is_an_error_and_what_is_told_is_finite(parts: list[bytes]) -> None:
    reader = MetricReader(0, KerasLines())
    for point in points(reader, b"".join(parts)):
        assert point.name
        assert abs(point.value) < float("inf")


@given(st.binary())
def test_junk_is_passed_over(text: bytes) -> None:
    assert points(MetricReader(0, KerasLines(1)), text.replace(b"/", b"")) == []


@pytest.mark.parametrize("text", [b"1/1 - a: 1 - b: 2 - c" * 40_000, b"\r1/1 x\x081/1 - " * 40_000,
                                  b"1/1 " + b" - a a a a a: " * 30_000, b" \t" * 300_000])  # fmt: skip
def test_what_is_made_to_be_slow_is_read_once(text: bytes) -> None:
    # Half a megabyte that one step back for each byte would take hours with.
    assert points(MetricReader(0, KerasLines(1)), b"Epoch 1/9\n", text, b"\n") == []


def test_a_restart_takes_up_the_epoch_that_was_open() -> None:
    cut = LOG.index(b"\x1b[1m  1/782")
    lines = KerasLines()
    lines.look_back(LOG[:cut])
    assert lines.epoch == 3
    assert points(MetricReader(cut, lines), LOG[cut:]) == EXPECTED[6:]
