"""A line of an ignore file as a regular expression, by the rules of git's wildmatch.c.

git reads bytes: ``?`` is one of them, and so two of these are an ``é``. The expressions are for text in which each
character stands for a byte, as `bytewise` makes it. pathspec, which reads such files too, goes by characters, takes a
slash for the end of a bracket, and hands what is in one to Python as it stands.
"""

from __future__ import annotations

import re

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
    "space": "\\t\\n\\r ",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:([^\]]*):\]")
_NEVER = "(?!)"
# A path of any depth, with its last slash; or nothing.
ANYWHERE = "(?:.+/)?"
_SPECIAL = "*?[\\"


def bytewise(text: str) -> str:
    """`text`, a path or a pattern, with a character for each of its bytes."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def glob(pattern: str) -> str:
    """The expression of a whole path that `pattern`, bytewise and without the slash at its end, stands for.

    One without a slash is the name of something at any depth, and its expression begins with `ANYWHERE`. Raises
    `ValueError` for what git takes to match nothing, such as ``[a``.
    """
    if "/" not in pattern:
        return ANYWHERE + _expression(pattern)
    return _expression(pattern.removeprefix("/"))


def _expression(pattern: str) -> str:
    # What comes before it git compares by itself, and then reads the rest as a pattern of its own.
    begin = next((at for at, char in enumerate(pattern) if char in _SPECIAL), len(pattern))
    parts, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            part, at = _stars(pattern, at, at - 1 == begin or pattern[at - 2] == "/")
        elif char == "?":
            part = "[^/]"
        elif char == "[":
            part, at = _bracket(pattern, at)
        else:
            if char == "\\":
                char, at = _escaped(pattern, at)
            part = re.escape(char)
        parts.append(part)
    return "".join(parts)


def _stars(text: str, at: int, begins: bool) -> tuple[str, int]:
    """The expression of the stars of which the second may be at `at`; `begins` says that a component begins there."""
    end = at
    while text[end : end + 1] == "*":
        end += 1
    if end == at or not begins or not (end == len(text) or text.startswith(("/", "\\/"), end)):
        return "[^/]*", end
    # Folders, as many as there are; with the slash behind them none, too.
    return ("(?:.*/)?", end + 1) if text[end : end + 1] == "/" else (".*", end)


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
