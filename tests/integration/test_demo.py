"""The demo and its example, as `make demo` runs them, but without Docker and in a folder of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "digits"


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the demo in `folder`, where no engine answers."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.demo", str(folder)],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_demo_runs_and_runs_again(tmp_path: Path) -> None:
    first = demo(tmp_path / "demo")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "jobs run by process: No Docker Engine answers at /nowhere" in first.stdout
    assert "Uploaded dataset digits/1" in first.stdout
    assert "Checked here: epochs 1 to 10 in two jobs" in first.stdout
    checkpoint = json.loads((tmp_path / "demo" / "downloads" / "digits-2" / "checkpoint.json").read_text())
    assert checkpoint["epoch"] == 10
    again = demo(tmp_path / "demo")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing was sent" in again.stdout
    assert (tmp_path / "demo" / "downloads" / "digits-4" / "checkpoint.json").exists()
    assert not list((Path.home()).iterdir()), "the demo touched the user's home"


def train(folder: Path, *epochs: int) -> bytes:
    """Train in `folder`, in as many parts as there are numbers of epochs; returns the last checkpoint."""
    folder.mkdir()
    program = [sys.executable, str(EXAMPLE / "project" / "train.py"), "--data", str(EXAMPLE / "data"), "--width", "4"]
    for number in epochs:
        going_on = ["--resume", "."] if (folder / "output").exists() else []
        subprocess.run([*program, "--epochs", str(number), *going_on], cwd=folder, check=True, capture_output=True)
    return (folder / "output" / "checkpoint.json").read_bytes()


def test_two_parts_train_what_one_does(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", 2)
    assert train(tmp_path / "parts", 1, 1) == whole
    assert json.loads(whole)["accuracy"] > 0.5


def test_a_checkpoint_that_is_not_there_is_said(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE / "project" / "train.py"), "--data", str(EXAMPLE / "data"), "--resume", "x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("train.py: no checkpoint in x; looked at x/output/checkpoint.json")
