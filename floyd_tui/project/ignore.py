"""What of a folder goes up: `.floydignore`, read exactly as git reads `.gitignore`.

Rules come from three places, later ones winning: the built-in list, the folder's own ``.floydignore``, and those of
its subfolders (each for what lies below it). ``!`` takes a rule back, also a built-in one; a file below a folder that
is left out stays out, as in git. FloydHub's built-in list also had ``lib``, ``lib64``, ``parts``, ``var``, ``sdist``
and ``eggs``; people lost files of their own to those, so they are not in ours.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from floyd_tui.errors import ProjectError
from floyd_tui.project.glob import ANYWHERE, bytewise, glob

IGNORE_FILE = ".floydignore"
BUILT_IN = "built in"

# Version control, caches that Python makes again, virtual environments (of this machine's architecture), editor and
# desktop litter, and this folder's own link files: nothing a job could need.
CODE_DEFAULTS = (
    ".git",
    ".hg",
    ".svn",
    "__pycache__/",
    "*.pyc",
    ".ipynb_checkpoints/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".eggs/",
    ".venv/",
    "venv/",
    "*.swp",
    ".DS_Store",
    ".floydexpt",
    ".floyddata",
)
# A dataset is taken as it is: only what is never data stays behind.
DATA_DEFAULTS = (".git", ".DS_Store", ".floyddata")

# Blanks at a line's end are nothing, but for one behind a backslash.
_TRAILING_SPACES = re.compile(r"^((?:\\.|[^\\])*?) *$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of an ignore file. `source` says where it stands: ``built in`` or ``.floydignore:3``.

    `pattern` is of whole paths relative to the ignore file's folder, as `bytewise` makes them.
    """

    text: str
    source: str
    negated: bool = field(compare=False)
    folders_only: bool = field(compare=False)
    pattern: re.Pattern[str] = field(compare=False, repr=False)

    def matches(self, path: str, is_dir: bool) -> bool:
        """Whether this line names `path` itself (relative to the ignore file's folder), not only a parent of it."""
        return (is_dir or not self.folders_only) and self.pattern.fullmatch(bytewise(path)) is not None

    def __str__(self) -> str:
        return f"{self.text} ({self.source})"


def parse_rule(line: str, source: str) -> Rule | None:
    """Read one line; None for a comment, a blank, or what git itself passes over."""
    text = line.removesuffix("\r")
    body = _TRAILING_SPACES.sub(r"\1", text.removeprefix("!"))
    folders_only = body.endswith("/")
    body = body.removesuffix("/")
    if not body or text.startswith("#"):
        return None
    try:
        pattern = re.compile(glob(bytewise(body)), re.DOTALL)
    except ValueError:  # a bracket that is not closed, a backslash at the end: git passes it over
        return None
    return Rule(text.strip(), source, text.startswith("!"), folders_only, pattern)


def read_rules(path: Path, shown: str) -> tuple[Rule, ...]:
    """The rules of an ignore file, none where there is no such file; `shown` names it in messages."""
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise ProjectError(f"{shown} cannot be read: {error.strerror}.", "Make it readable, or remove it.") from error
    rules = (parse_rule(line, f"{shown}:{number}") for number, line in enumerate(text.split("\n"), 1))
    return tuple(rule for rule in rules if rule)


@functools.lru_cache(maxsize=64)
def _any_of(rules: tuple[Rule, ...]) -> re.Pattern[str]:
    """What finds a line of a text that one of `rules` could match."""
    anywhere: list[str] = []
    others: list[str] = []
    for rule in rules:
        text = rule.pattern.pattern.replace("[^/", "[^/\n")
        (anywhere if text.startswith(ANYWHERE) else others).append(text.removeprefix(ANYWHERE))
    if anywhere:
        others.append(f"{ANYWHERE}(?:{'|'.join(anywhere)})")
    return re.compile(f"^(?:{'|'.join(others)})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules in force in one folder of a tree; `enter` gives those of a subfolder.

    `levels` are pairs of a prefix (``""``, ``"src/"``) and the rules that hold below it, outermost first.
    """

    root: Path
    levels: tuple[tuple[str, tuple[Rule, ...]], ...]

    @classmethod
    def load(cls, root: Path, defaults: tuple[str, ...] = CODE_DEFAULTS) -> IgnoreRules:
        """The rules at the top of `root`."""
        built_in = tuple(rule for text in defaults if (rule := parse_rule(text, BUILT_IN)))
        own = read_rules(root / IGNORE_FILE, IGNORE_FILE)
        return cls(root, (("", built_in), ("", own)))

    def enter(self, path: str) -> IgnoreRules:
        """The rules inside the subfolder `path` (from the root, with ``/``)."""
        shown = f"{path}/{IGNORE_FILE}"
        rules = read_rules(self.root / shown, shown)
        return IgnoreRules(self.root, (*self.levels, (path + "/", rules))) if rules else self

    def match(self, path: str, is_dir: bool) -> Rule | None:
        """The rule that leaves out `path`, an entry of this very folder; None where it goes up."""
        for prefix, rules in reversed(self.levels):
            below = path[len(prefix) :]
            for rule in reversed(rules):
                if rule.matches(below, is_dir):
                    return None if rule.negated else rule
        return None

    def may_match(self, folder: str, names: Iterable[str]) -> bool:
        """Whether any line could name one of `names`, entries of `folder`; hardly a cost for each where none does."""
        names = list(names)
        for prefix, rules in self.levels:
            if not rules:
                continue
            inside = f"{folder}/"[len(prefix) :] if folder else ""
            text = "\n".join(inside + name for name in names)
            # A name that holds a line break would not be seen whole.
            if text.count("\n") != len(names) - 1 or _any_of(rules).search(bytewise(text)):
                return bool(names)
        return False

    def key(self) -> bytes:
        """The same for the same lines in force."""
        lines = "\n".join(f"{prefix}\0{rule.text}" for prefix, rules in self.levels for rule in rules)
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).digest()

    def explain(self, path: str) -> Rule | None:
        """The rule that leaves out `path`, however deep it lies, itself or by a parent; None where it goes up."""
        rules, done = self, ""
        parts = path.split("/")
        for number, part in enumerate(parts, 1):
            done = f"{done}/{part}" if done else part
            is_dir = number < len(parts) or (os.path.isdir(self.root / done) and not os.path.islink(self.root / done))
            if rule := rules.match(done, is_dir):
                return rule
            if is_dir:
                rules = rules.enter(done)
        return None
