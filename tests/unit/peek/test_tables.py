"""Tables: what separates the columns, which row names them, and parts that break off anywhere."""

from __future__ import annotations

import pytest

from floyd_tui.peek.code import coloured
from floyd_tui.peek.parts import Part, whole_rows
from floyd_tui.peek.tables import CELL, read_table


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.csv", 'epoch,name,loss\n1,"a, b",0.5\n20,c,12.25\n'),
        ("a.csv", "epoch;name;loss\n1;a, b;0.5\n20;c;12.25\n"),
        ("a.tsv", "epoch\tname\tloss\n1\ta, b\t0.5\n20\tc\t12.25\n"),
    ],
)
def test_what_separates_columns_is_found_out(path: str, text: str) -> None:
    table = read_table(path, text)
    assert table is not None
    assert table.names == ("epoch", "name", "loss")
    assert table.rows == (("1", "a, b", "0.5"), ("20", "c", "12.25"))
    assert table.numeric == (True, False, True)


def test_a_table_without_names_has_numbers() -> None:
    table = read_table("a.csv", "0,1.5\n1,2.5\n")
    assert table is not None
    assert table.names == ("1", "2")
    assert len(table.rows) == 2


def test_rows_of_different_lengths_and_long_cells_do_no_harm() -> None:
    table = read_table("a.csv", f"a,b\n1\n1,2,3\n{'x' * 100},2\n")
    assert table is not None
    assert table.names == ("a", "b", "3")
    assert table.rows[:2] == (("1", "", ""), ("1", "2", "3"))
    assert len(table.rows[2][0]) == CELL


@pytest.mark.parametrize("text", ["", "one column\nonly\n", "a\n"])
def test_what_is_no_table_is_none(text: str) -> None:
    assert read_table("a.csv", text) is None


def test_a_later_part_has_the_names_of_the_first() -> None:
    first = read_table("a.csv", "epoch,loss\n1,0.5\n")
    later = read_table("a.csv", "2,0.25\n3,0.125\n", first)
    assert later is not None
    assert (later.names, len(later.rows)) == (("epoch", "loss"), 2)


def test_a_part_ends_where_a_row_does_not_where_a_line_does() -> None:
    data = b'a,b\n1,"two\nlines"\n2,"not\n'
    assert whole_rows(Part(0, data, 1000)).data == b'a,b\n1,"two\nlines"\n'
    assert whole_rows(Part(0, data, len(data))).data == data, "the file's own end stays"


def test_code_and_json_lines_are_coloured_and_nothing_else() -> None:
    assert "\x1b[" in coloured("train.py", "import os\n")
    assert "\x1b[" in coloured("log.jsonl", '{"a": 1}')
    for path in ("train.log", "notes.txt", "no-language"):
        assert coloured(path, "import os 3\n") == "import os 3\n"
