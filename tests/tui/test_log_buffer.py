"""The log buffer against what `splitlines` says, whatever the pieces it arrives in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floyd_tui.widgets.log_buffer import MAX_LINE, STEP, LogBuffer


@pytest.fixture
def buffer() -> Iterator[LogBuffer]:
    made = LogBuffer()
    yield made
    made.close()


def lines_of(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return parts if parts[-1] else parts[:-1]


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.builds(lambda n: b"x" * n, st.integers(0, 3 * STEP)),
        st.builds(lambda n: b"line\n" * n, st.integers(0, 3000)),
    ),
    max_size=12,
)


@given(PIECES)
@settings(max_examples=60, deadline=None)
def test_lines_are_those_of_the_bytes_however_they_come(pieces: list[bytes]) -> None:
    buffer = LogBuffer()
    for piece in pieces:
        buffer.append(piece)
        if buffer.lines:
            buffer.line(buffer.lines - 1)  # what is read early must not be remembered once it grows
    expected = lines_of(b"".join(pieces))
    assert buffer.lines == len(expected)
    assert buffer.size == sum(map(len, pieces))
    for number in {0, 1, len(expected) // 2, len(expected) - 1} & set(range(len(expected))):
        line, whole = buffer.line(number), expected[number]
        assert len(line.data) <= MAX_LINE
        if len(whole) <= MAX_LINE:
            assert (line.data, line.hidden) == (whole, 0)
        elif b"\r" not in whole:
            assert whole.startswith(line.data)
            assert line.hidden == len(whole) - len(line.data)
        assert buffer.line_at(line.offset) == number
    buffer.close()


@given(PIECES, st.data())
@settings(max_examples=60, deadline=None)
def test_what_came_before_may_come_later(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = [0, *(at + 1 for at in range(len(whole)) if whole[at : at + 1] == b"\n")]
    cuts = sorted(data.draw(st.sets(st.sampled_from(cuts), max_size=4)))
    buffer, end = LogBuffer(), len(whole)
    first = cuts[-1] if cuts else 0
    buffer.begin_at(first)
    buffer.append(whole[first:end])
    for cut in reversed([0, *cuts[:-1]]):
        if buffer.lines:
            buffer.line(0)  # what is read early must not be remembered by its old number
        added = buffer.prepend(whole[cut : buffer.first])
        assert added == whole[cut:first].count(b"\n")
        first = cut
    expected = lines_of(whole)
    assert (buffer.first, buffer.size, buffer.lines) == (0, len(whole), len(expected))
    for number in {0, 1, len(expected) // 2, len(expected) - 1} & set(range(len(expected))):
        line = buffer.line(number)
        assert line.offset == sum(len(one) + 1 for one in expected[:number])
        assert expected[number].startswith(line.data) or b"\r" in expected[number]
        assert buffer.line_at(line.offset) == number
    buffer.close()


def test_times_of_what_came_before_stand_before(buffer: LogBuffer) -> None:
    buffer.begin_at(8)
    buffer.append(b"late\n")
    buffer.add_times([(8, 30.0)])
    buffer.prepend(b"first\nx\n"[:8], [(0, 10.0), (6, 20.0)])
    assert [buffer.time_at(at) for at in (0, 5, 6, 8, 12)] == [10.0, 10.0, 20.0, 30.0, 30.0]


def test_there_is_no_line_outside(buffer: LogBuffer) -> None:
    buffer.append(b"one\n")
    for number in (-1, 1):
        with pytest.raises(IndexError):
            buffer.line(number)


def test_a_progress_bar_of_megabytes_shows_its_last_state(buffer: LogBuffer) -> None:
    buffer.append(b"before\n" + b"".join(b"\r%6d/99999 it/s" % i for i in range(200_000)))
    assert buffer.line(1).data == b"199999/99999 it/s"
    assert buffer.line(1).hidden == 0


def test_times_are_found_by_offset_and_kept_once_a_second(buffer: LogBuffer) -> None:
    assert buffer.time_at(5) is None
    buffer.add_times([(0, 100.0), (10, 100.4), (20, 101.2), (30, 105.0)])
    assert [buffer.time_at(offset) for offset in (0, 15, 20, 29, 1000)] == [100.0, 100.0, 101.2, 101.2, 105.0]


def test_the_index_of_a_million_lines_is_small(buffer: LogBuffer) -> None:
    buffer.append(b"".join(b"%07d some words of a line\n" % i for i in range(1_000_000)))
    assert buffer.lines == 1_000_000
    assert buffer.line(777_777).data == b"0777777 some words of a line"
    assert buffer.line(999_999).data == b"0999999 some words of a line"
    assert len(buffer._starts) < buffer.size / STEP + 2


def test_a_saved_log_is_the_log_and_never_overwrites(buffer: LogBuffer, tmp_path: Path) -> None:
    buffer.append(b"\x1b[31mred\x1b[0m\nand more")
    buffer.save(tmp_path / "job.log")
    assert (tmp_path / "job.log").read_bytes() == b"\x1b[31mred\x1b[0m\nand more"
    with pytest.raises(FileExistsError):
        buffer.save(tmp_path / "job.log")
