"""Files as text to read: laid out where that helps, as they are where it cannot be done."""

from __future__ import annotations

import pytest

from floyd_tui.widgets.file_text import TABLE_ROWS, is_binary, readable
from floyd_tui.widgets.log_text import plain


def read(path: str, data: bytes, whole: bool = True) -> str:
    return plain(readable(path, data, whole))


def test_json_is_laid_out() -> None:
    assert read("a.json", b'{"lr":0.05,"on":true,"to":["x"]}') == (
        '{\n  "lr": 0.05,\n  "on": true,\n  "to": [\n    "x"\n  ]\n}'
    )


@pytest.mark.parametrize("data", [b'{"broken', b"", b"[" * 100_000])
def test_what_is_not_json_is_shown_as_it_is(data: bytes) -> None:
    assert readable("a.json", data, True) == data


def test_a_table_has_its_columns_in_line() -> None:
    assert read("a.csv", b'epoch,name,loss\n1,"a, b",0.5\n20,c,12.25\n') == (
        "epoch  name   loss\n    1  a, b    0.5\n   20  c     12.25"
    )


def test_a_row_cut_off_is_left_out() -> None:
    assert "2" not in read("a.tsv", b"a\tb\n1\t1\n2\t", whole=False)


def test_a_long_table_says_that_it_is_cut() -> None:
    data = b"a,b\n" + b"1,2\n" * (TABLE_ROWS + 10)
    assert read("a.csv", data).splitlines()[-1] == f"… only the first {TABLE_ROWS:,} rows"


def test_rows_of_different_lengths_do_no_harm() -> None:
    assert read("a.csv", b"a,b\n1\n1,2,3\n").splitlines() == ["a  b", "1", "1  2  3"]


@pytest.mark.parametrize(
    ("data", "binary"),
    [(b"plain", False), ("größer".encode(), False), (b"\x89PNG\r\n\x1a\n\0\0", True), (bytes(range(128, 256)), True)],
)
def test_what_is_binary(data: bytes, binary: bool) -> None:
    assert is_binary(data) is binary
