"""Questions of the command line at a real terminal: before much goes up as code, and Ctrl-C at any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_cli_life import prompt
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell
from tests.support.terminal import AtTerminal

QUESTION = "or stop (n)? [n]:"


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    """A prompt in a project with a checkpoint, where more than 1 KiB of code is asked about."""
    shell = prompt(tmp_path, runner)
    with (shell.config / "config.yaml").open("a") as settings:
        settings.write("large_code: 1KiB\n")
    (shell.folder / "checkpoints").mkdir()
    (shell.folder / "checkpoints" / "best.pt").write_bytes(bytes(5000))
    (shell.folder / "main.sh").write_text("ls -d *\n")
    shell("init", "mnist")
    return shell


def test_much_code_is_asked_about_and_may_be_left_out(shell: Shell) -> None:
    run = AtTerminal(shell, "run", "bash main.sh")
    run.until(QUESTION)
    assert "1  checkpoints/  4.9 KiB  /checkpoints/" in run.said
    run.type("7\n")
    run.until("Please answer y, n, or numbers from 1 to 1.")
    run.type("1\n")
    assert run.end() == 0, run.said
    assert (shell.folder / ".floydignore").read_text() == "/checkpoints/\n"
    assert shell("logs", "-f", "mnist/1").stdout.split() == ["main.sh", "output"]


def test_no_sends_nothing_and_yes_all(shell: Shell) -> None:
    run = AtTerminal(shell, "run", "bash main.sh")
    run.until(QUESTION)
    run.type("\n")
    assert run.end() == 1, run.said
    assert "Nothing went up, and nothing was launched." in run.said
    run = AtTerminal(shell, "run", "--follow", "bash main.sh")
    run.until(QUESTION)
    run.type("y\n")
    assert run.end() == 0, run.said
    assert [job["number"] for job in shell.json("status")] == [1]
    # What the host has is not asked about again.
    assert AtTerminal(shell, "run", "bash main.sh").end() == 0


def test_in_a_script_it_is_said_and_with_yes_not_even_that(shell: Shell) -> None:
    loud = shell("run", "bash main.sh")
    assert "4.9 KiB in 2 files would go up as code" in loud.stderr
    assert loud.stdout == "mnist/1\n"
    (shell.folder / "checkpoints" / "best.pt").write_bytes(b"x" * 5000)
    assert "would go up" not in shell("run", "--yes", "bash main.sh").stderr


def test_ctrl_c_ends_a_question_at_once(shell: Shell) -> None:
    run = AtTerminal(shell, "run", "bash main.sh")
    run.until(QUESTION)
    run.type("\x03")
    assert run.end() == 130, run.said
    shell("run", "--yes", "--follow", "bash main.sh")
    delete = AtTerminal(shell, "delete", "1")
    delete.until("[y/N]:")
    delete.type("\x03")
    assert delete.end() == 130, delete.said
    assert [job["number"] for job in shell.json("status")] == [1]
