"""Programs that ours are compared with, from PyPI, each in a virtual environment below ``.cache`` that is kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PLACE = Path(__file__).parents[1] / ".cache" / "peers"
PINS = {
    "harlequin": ("harlequin==2.17.0",),
    # A newer tree-sitter ends Python in the Textual that this one pins.
    "posting": ("posting==2.11.1", "tree-sitter==0.25.2"),
}


def peer(name: str) -> Path:
    """The program `name`, installed the first time that it is asked for."""
    wanted, folder = "\n".join(PINS[name]), PLACE / name
    mark = folder / "pins"
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *PINS[name]]
        subprocess.run(install, check=True)
        mark.write_text(wanted)
    return folder / "bin" / name
