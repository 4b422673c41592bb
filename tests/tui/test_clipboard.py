"""What is copied reaches the machine's own clipboard, by the program that it has for that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COPY = "from floyd_tui.widgets.clipboard import to_system; to_system('gradient 14.2\\nünd mehr')"


def test_a_desktops_program_is_given_the_text(tmp_path: Path) -> None:
    program = tmp_path / "xclip"
    program.write_text(f"#!/bin/sh\nexec cat > {tmp_path}/copied\n")
    program.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DISPLAY": ":0", "LANG": "C.UTF-8"}
    subprocess.run([sys.executable, "-c", COPY], check=True, env=env, timeout=60)
    assert (tmp_path / "copied").read_text("utf-8") == "gradient 14.2\nünd mehr"


def test_a_machine_without_one_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", COPY], check=True, env={"PATH": ""}, timeout=60, capture_output=True)
    assert done.stdout == done.stderr == b""
