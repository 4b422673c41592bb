"""Text in colours: code by its language, JSON by its values; with SGR codes, which every view of text here reads."""

from __future__ import annotations

import re

# More than this is shown without colours: finding them would take longer than reading.
MOST = 512 << 10
_KEY, _STRING, _WORD, _NUMBER, _END = "\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[33m", "\x1b[0m"
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')
_JSON = (".json", ".jsonl", ".ndjson", ".ipynb", ".geojson")
# What is no language of a program: coloured, it would only be harder to read.
_PLAIN = (".txt", ".log", ".out", ".err")


def coloured(path: str, text: str) -> str:
    """`text` of the file `path` in the colours of its language; unchanged where there is none."""
    if len(text) > MOST or path.lower().endswith(_PLAIN):
        return text
    if path.lower().endswith(_JSON):
        return _TOKEN.sub(_colour, text)
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(path.rpartition("/")[2], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return text
    shown: str = highlight(text, lexer, TerminalFormatter())
    return shown


def _colour(match: re.Match[str]) -> str:
    string, colon, word, number = match.groups()
    if string is not None:
        return f"{_KEY}{string}{_END}{colon}" if colon else f"{_STRING}{string}{_END}"
    return f"{_WORD}{word}{_END}" if word else f"{_NUMBER}{number}{_END}"
