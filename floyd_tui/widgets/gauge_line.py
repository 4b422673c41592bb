"""One gauge as a line: a label, a bar, its value, and how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

from floyd_tui.usage import sparkline
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint
from runner.models import HostStats

LABEL, VALUE = 8, 22


class GaugeLine:
    """Draws gauges `width` cells wide, with the past of each by `history`."""

    def __init__(self, history: Sequence[HostStats], width: int, paint: Paint) -> None:
        self._history, self._paint, self.width = history, paint, width
        # Where there is no room for a history beside every bar, it goes where a short value leaves some.
        self._spark = 30 if width >= 100 else (16 if width >= 68 else 0)
        self._bar = max(6, min(60, width - LABEL - VALUE - self._spark - (2 if self._spark else 0)))

    def line(
        self,
        label: str,
        percent: float | None,
        value: str,
        past: Callable[[HostStats], float | None] | None,
        full: float = 200,
    ) -> Text:
        """A gauge at `percent`; from `full` on it warns. `past` reads it off what was before."""
        bar = self.bar(percent, self._bar, full)
        line = Text.assemble(self._paint(label.ljust(LABEL), "dim"), bar, self._paint(" " + value))
        room = VALUE - 1 - len(value)
        if past and self._spark:
            line.append(" " * room)
            line.append_text(self._paint(sparkline([past(s) for s in self._history], self._spark), "faint"))
        elif past and room > 12:
            line.append_text(self._paint(" " + sparkline([past(s) for s in self._history], room - 1), "faint"))
        return line

    def bar(self, percent: float | None, cells: int, full: float = 200) -> Text:
        """The bar alone, of so many cells."""
        known = percent or 0.0
        color = "bad" if known >= full + 5 else "warn" if known >= full else "running"
        filled = round(cells * min(100.0, known) / 100)
        return Text.assemble(self._paint("━" * filled, color), self._paint("━" * (cells - filled), "faint"))


def share(used: int | None, total: int | None) -> tuple[float | None, str]:
    """How much of `total` is used, in percent, and in words."""
    if used is None or not total:
        return None, fmt.DASH
    return 100 * used / total, f"{fmt.size(used).removesuffix(fmt.size(total)[-4:])} of {fmt.size(total)}"
