"""Pictures as PNG, to look at: ``python -m scripts.png docs/images/home.svg …`` writes ``home.png`` beside each.

Needs `rsvg-convert` and a font (Debian: librsvg2-bin and fonts-dejavu-core).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import escape, unescape
from pathlib import Path

_TEXT = re.compile(r'<text class="([^"]*)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>([^<]*)</text>')


def on_grid(svg: str) -> str:
    """Each character at its own place: rsvg-convert knows no `textLength`, and fonts differ in width."""

    def place(match: re.Match[str]) -> str:
        style, x, y, length, rest, content = match.groups()
        text = unescape(content)
        step = float(length) / max(1, len(text))
        return "".join(
            f'<text class="{style}" x="{float(x) + i * step:.1f}" y="{y}"{rest}>{escape(char)}</text>'
            for i, char in enumerate(text)
            if not char.isspace()
        )

    return _TEXT.sub(place, svg)


def main() -> None:
    """Convert the files named on the command line."""
    converter = shutil.which("rsvg-convert")
    if not converter:
        raise SystemExit("rsvg-convert is not here (Debian: apt install librsvg2-bin fonts-dejavu-core).")
    for path in map(Path, sys.argv[1:]):
        command = [converter, "--zoom", "1.5", "--output", str(path.with_suffix(".png"))]
        subprocess.run(command, input=on_grid(path.read_text("utf-8")).encode(), check=True)
        print(path.with_suffix(".png"))


if __name__ == "__main__":
    main()
