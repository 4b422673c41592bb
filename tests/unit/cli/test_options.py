"""Jobs as people type them, and what is printed of what others wrote."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from floyd_tui.cli.follow import exit_code
from floyd_tui.cli.options import job_reference
from floyd_tui.cli.show import ending, printable, show_table
from floyd_tui.errors import ProjectError
from floyd_tui.project.link import write_link
from runner.models import BadName, Job, JobState


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (None, "projects/mnist"),
        ("3", "projects/mnist/3"),
        ("/3/", "projects/mnist/3"),
        ("other", "projects/other"),
        ("other/2", "projects/other/2"),
        ("ada/projects/other/2", "ada/projects/other/2"),
        ("other/2/output/a/b", "projects/other/2/output/a/b"),
    ],
)
def test_a_folder_fills_in_what_was_left_out(
    text: str | None, reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_link(tmp_path, "mnist")
    monkeypatch.chdir(tmp_path)
    assert job_reference(text) == reference


def test_without_a_folder_a_number_means_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert job_reference("mnist/3") == "projects/mnist/3"
    for text in (None, "3"):
        with pytest.raises(ProjectError, match="open which job is meant"):
            job_reference(text)
    for text in ("a b", "", "mnist/x/y"):
        with pytest.raises(BadName):
            job_reference(text)
    with pytest.raises(BadName, match="a dataset, not a job"):
        job_reference("ada/datasets/mnist/3")


@pytest.mark.parametrize(
    ("state", "code", "shell"),
    [
        (JobState.SUCCEEDED, 0, 0),
        (JobState.FAILED, 3, 3),
        (JobState.FAILED, None, 1),
        (JobState.FAILED, -9, 1),
        (JobState.FAILED, 0, 1),
        (JobState.FAILED, 256, 1),
        (JobState.STOPPED, 137, 143),
        (JobState.TIMED_OUT, 137, 124),
        (JobState.LOST, None, 1),
    ],
)
def test_a_script_sees_how_the_job_ended(state: JobState, code: int | None, shell: int) -> None:
    assert exit_code(state, code) == shell


def test_an_ending_in_words() -> None:
    job = Job("a", "p", 1, JobState.FAILED, "x", 0.0, exit_code=137, reason="It ran out of memory.")
    assert ending(job) == "failed with exit code 137: It ran out of memory."
    assert ending(Job("a", "p", 1, JobState.TIMED_OUT, "x", 0.0, exit_code=143)) == "timed out"


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("a\x1b[31mb\nc\udc80") == "a�[31mb c�"
    show_table(("A", "B"), [("[bold]x", "\x1b]0;t\a"), ("é", "")])
    assert capsys.readouterr().out.splitlines()[1].split() == ["[bold]x", "�]0;t�"]


def test_a_table_into_a_pipe_is_neither_wrapped_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("A", "B"), [("x" * 300, "y" * 300)])
    assert "x" * 300 + "  " + "y" * 300 in capsys.readouterr().out
    show_table(("A",), [], empty="None here.")
    assert capsys.readouterr().err == "None here.\n"


def test_lines_into_a_pipe_end_where_their_words_do(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("SIZE", "FILE", "WHO"), [("1 B", "日本", ""), ("10 B", "x" * 9, "ada")], right=("SIZE",))
    assert capsys.readouterr().out == f"SIZE  FILE       WHO\n 1 B  日本\n10 B  {'x' * 9}  ada\n"


def test_a_table_of_very_many_rows_is_one_table_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    rows = [(f"{at} B", f"{'deep/' * (at % 9)}{at}", "") for at in range(2_500)]
    show_table(("SIZE", "FILE", "NONE"), rows, right=("SIZE",), cut=("FILE",))
    head, *lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert head.split() == ["SIZE", "FILE"]
    assert len(lines) == len(rows)
    assert {line.index(" B  ") for line in lines} == {4}
    assert all(len(line) <= 40 for line in lines)
    assert lines[8].endswith("…")


def test_a_narrow_terminal_cuts_only_what_may_be_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    show_table(("JOB", "NONE", "WHAT", "N"), [("mnist/12", "", "word " * 30, "7")], right=("N",), cut=("WHAT",))
    head, row = click.unstyle(capsys.readouterr().out).splitlines()
    assert head.split() == ["JOB", "WHAT", "N"]
    assert row.startswith("mnist/12  word word")
    assert row.rstrip().endswith("…  7")
    assert len(row) <= 40
