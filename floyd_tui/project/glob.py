"""One component of an ignore pattern as a regular expression, by the rules of git's wildmatch.c.

pathspec's own way hands ``[…]`` to Python as it stands, where ``[b-a]`` is an error, ``[[:digit:]]`` something else,
and a backslash escapes nothing.
"""

from __future__ import annotations

import re
from typing import Literal

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

# Stands for nothing, and no name holds it: it keeps pathspec from cutting off what is before it.
END = "\0"
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:([^\]]*):\]")
_NEVER = "(?!)"


class Pattern(GitIgnoreSpecPattern):
    """One line of an ignore file; raises `ValueError` for one that git passes over, such as ``[a``."""

    __slots__ = ()

    @staticmethod
    def _translate_segment_glob(pattern: str, range_error: Literal["literal", "raise"]) -> str:
        return glob(pattern)


def glob(component: str) -> str:
    """The regular expression; raises `ValueError` for what git takes to match nothing."""
    parts, at = [], 0
    while at < len(component):
        char = component[at]
        at += 1
        if char == "*":
            parts.append("[^/]*")
        elif char == "?":
            parts.append("[^/]")
        elif char == END:
            continue
        elif char == "[":
            part, at = _bracket(component, at)
            parts.append(part)
        else:
            if char == "\\":
                char, at = _escaped(component, at)
            parts.append(re.escape(char))
    return "".join(parts)


def _bracket(text: str, at: int) -> tuple[str, int]:
    """The expression of the bracket whose inside begins at `at`, and the place behind it."""
    negated = text[at : at + 1] in ("!", "^")
    at += negated
    inside, last, first = "", "", True
    while first or text[at : at + 1] != "]":
        first = False
        if found := _CLASS.match(text, at):
            if found[1] not in _CLASSES:
                raise ValueError(text)
            inside, last, at = inside + _CLASSES[found[1]], "", found.end()
        elif last and text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("", "]"):
            end, at = _char(text, at + 1)
            inside += f"{re.escape(last)}-{re.escape(end)}" if last <= end else ""
            last = ""
        else:
            last, at = _char(text, at)
            inside += re.escape(last)
    if not inside:
        return ("[^/]" if negated else _NEVER), at + 1
    return (f"[^/{inside}]" if negated else f"(?!/)[{inside}]"), at + 1


def _char(text: str, at: int) -> tuple[str, int]:
    """The character at `at`, escaped or not, and the place behind it."""
    if at >= len(text):
        raise ValueError(text)
    return _escaped(text, at + 1) if text[at] == "\\" else (text[at], at + 1)


def _escaped(text: str, at: int) -> tuple[str, int]:
    if at >= len(text):
        raise ValueError(text)
    return text[at], at + 1
