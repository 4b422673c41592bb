"""Writing `.floydignore`: the line that names one path and nothing else, put at the end of the file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.ignore import IGNORE_FILE

# What means something else in a pattern; a line break can be matched, but not written.
_ESCAPED = str.maketrans({**{letter: f"\\{letter}" for letter in "\\*?["}, "\n": "?"})
# What is taken off a line's end.
_LOST = (" ", "\r")


def line_for(path: str) -> str:
    """The ignore line that leaves out `path` (from the root; a folder's ends in a slash), and only that."""
    name, slash = path.removesuffix("/"), "/" * path.endswith("/")
    line = "/" + name.translate(_ESCAPED)
    return (line[:-1] + "?" if line.endswith(_LOST) else line) + slash


def leave_out(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Add the lines for `paths` to the `.floydignore` of `root`, made where there is none; returns them.

    Raises `ProjectError` where the file cannot be read or written.
    """
    file = root / IGNORE_FILE
    try:
        old = file.read_bytes() if file.exists() else b""
        known = os.fsdecode(old).split("\n")
        lines = tuple(line for path in paths if (line := line_for(path)) not in known)
        missing = b"\n" if old and not old.endswith(b"\n") and lines else b""
        with file.open("ab") as stream:
            stream.write(missing + b"".join(os.fsencode(line) + b"\n" for line in lines))
    except OSError as error:
        raise ProjectError(f"{file} cannot be written: {error.strerror}.", "Make it writable.") from error
    return lines
