"""The root of the command line: help, errors as sentences, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from floyd_tui.cli import main as module
from floyd_tui.cli.main import cli, outcome
from floyd_tui.errors import HostUnreachable, ProjectError
from runner.models import BadName


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the command line end with `error`."""

    def raise_it(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", raise_it)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ProjectError("It is so.", "Do that."), 1, "error: It is so.\n       Do that.\n"),
        (HostUnreachable("Nobody is there."), 3, "error: Nobody is there.\n"),
        (BadName("That is no name."), 1, "error: That is no name.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (click.Abort(), 130, "Interrupted.\n"),
        (ZeroDivisionError("x"), 1, "error: floyd-tui itself failed: ZeroDivisionError: x.\n"),
    ],
)
def test_every_error_is_a_sentence_and_a_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(error, monkeypatch)
    assert outcome([]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(said)
    assert "Traceback" not in printed.err


def test_the_traceback_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.DEBUG, "1")
    fail_with(ZeroDivisionError("x"), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        outcome([])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["satus"], "Did you mean 'status'?"),
        (["xyzzy"], "There are: init, run"),
        (["--host", "h", "status"], "floyd-tui status --host h"),
        (["run", "--gpus", "-1", "x"], "--gpus"),
        (["run", "--max-runtime", "soon", "x"], "is not a duration"),
        (["run", "--memory", "lots", "x"], "is not a size"),
        (["run", "-e", "A", "x"], "'A' is not NAME=VALUE"),
        (["run", "python train.py", "--gpu"], "Options stand before the command"),
        (["delete"], "Missing argument"),
        ([], "needs a terminal"),
    ],
)
def test_a_wrong_command_line_is_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(words) == 2
    assert said in capsys.readouterr().err


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of each command below `group`."""
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


@pytest.mark.parametrize("words", every_command(cli), ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"Usage: floyd-tui {' '.join(words)}" in said
    assert "[x>" not in said, "a bound is nothing to read about"


def test_the_table_says_what_the_commands_say() -> None:
    """The short help stands in the table, so that no module is imported for it; it must not drift."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        shown = cli._table[name][1].rstrip(".")
        first = (command.help or "").split("\n")[0]
        assert first.split()[0] == shown.split()[0], f"{name}: {first!r} and {shown!r}"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from floyd_tui.cli.main import outcome; outcome(['--help']); print('|', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("|")[2].split())
    assert not loaded & {"asyncio", "rich", "httpx", "yaml", "cattrs", "textual", "asyncssh", "floyd_tui.cli.run"}


def test_a_pipe_that_breaks_elsewhere_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def breaks(**_: object) -> None:
        raise BrokenPipeError("the host has gone")

    monkeypatch.setattr(cli, "main", breaks)
    assert outcome([]) == 1
    assert "the host has gone" in capfd.readouterr().err
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        assert outcome([]) == 1
    assert capfd.readouterr().err == ""


def test_shells_complete_commands_options_and_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("hosts: {gauss: {ssh: ada@gauss}}\n")
    environment = {"FLOYD_TUI_CONFIG": str(tmp_path), "_FLOYD_TUI_COMPLETE": "bash_complete"}

    def complete(line: str) -> list[str]:
        for key, value in {**environment, "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}.items():
            monkeypatch.setenv(key, value)
        command = [
            sys.executable,
            "-c",
            "import sys; from floyd_tui.__main__ import main; sys.argv[0] = 'floyd-tui'; main()",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [row.partition(",")[2] for row in done.stdout.split()]

    assert complete("floyd-tui st") == ["status", "stop"]
    assert "--max-runtime" in complete("floyd-tui run --ma")
    assert complete("floyd-tui logs --host g") == ["gauss"]


@pytest.mark.parametrize("group", ["data", "output", "host", "env"])
def test_no_line_of_a_group_s_help_is_cut_in_the_middle(group: str) -> None:
    said = CliRunner().invoke(cli, [group, "--help"]).output.partition("Commands:")[2]
    assert "..." not in said
    commands = cli.get_command(click.Context(cli), group)
    assert isinstance(commands, click.Group)
    assert all(f"  {name} " in said for name in commands.commands)
