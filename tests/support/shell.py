"""`floyd-tui` as a person or script runs it: real processes in a folder, with settings of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.wait import wait_for

PROGRAM = [sys.executable, "-m", "floyd_tui"]


class Shell:
    """A person at a prompt: a folder, settings of their own, and `floyd-tui`."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder = folder
        self.config = config

    @property
    def env(self) -> dict[str, str]:
        """What the programs see."""
        return {**os.environ, "FLOYD_TUI_CONFIG": str(self.config), "PYTHONPATH": str(Path.cwd())}

    def __call__(self, *words: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``floyd-tui WORDS`` without a terminal; fails the test unless it exits with `code`."""
        done = subprocess.run(
            [*PROGRAM, *words],
            cwd=cwd or self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *words: str) -> Any:
        """What ``floyd-tui WORDS --json`` prints."""
        return json.loads(self(*words, "--json").stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``floyd-tui WORDS`` in the background."""
        return subprocess.Popen(
            [*PROGRAM, *words],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def job_is(self, job: str, state: str) -> None:
        """Wait until `job` is there and in `state`."""

        def there() -> bool:
            return any(
                f"{one['project']}/{one['number']}" == job and one["state"] == state
                for one in self.json("status", "--all")
            )

        wait_for(there, f"{job} to be {state}", 60)
