"""Hints as lines: what is so in the colour of its level, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from floyd_tui.widgets import format as fmt
from runner.models import Hint

COLORS = {"info": "key", "warning": "warn", "critical": "bad"}
_ORDER = ("critical", "warning", "info")


def worst_first(hints: Sequence[Hint]) -> list[Hint]:
    """The gravest first."""
    return sorted(hints, key=lambda hint: _ORDER.index(hint.level))


def hint_line(hint: Hint) -> Content:
    """A hint in one line."""
    text = Content.styled(f"▲ {fmt.plain(hint.text)}", f"${COLORS[hint.level]}")
    return Content.assemble(text, ("  " + fmt.plain(hint.advice), "$dim"))


class HintLines(Static):
    """The hints that `show` was given, the gravest first; no room is taken where there are none."""

    DEFAULT_CSS = """
    HintLines { height: auto; padding: 0 1; display: none; }
    HintLines.-shown { display: block; }
    """

    def show(self, hints: Sequence[Hint]) -> None:
        """Show these from now on."""
        self.set_class(bool(hints), "-shown")
        self.update(Content("\n").join(map(hint_line, worst_first(hints))))
