"""A bar over the width there is, and the percent: for transfers."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

_EIGHTHS = " ▏▎▍▌▋▊▉"


class ProgressLine(Widget):
    """One line; `share` is between 0 and 1, None while nobody can say."""

    DEFAULT_CSS = "ProgressLine { height: 1; width: 1fr; }"

    share: reactive[float | None] = reactive(None)

    def render(self) -> Content:
        """The bar, with the percent at its right."""
        words = "  …  " if self.share is None else f"{self.share:>4.0%} "
        room = max(1, self.size.width - len(words))
        eighths = round((self.share or 0.0) * room * 8)
        full, rest = divmod(eighths, 8)
        bar = "█" * full + (_EIGHTHS[rest] if rest else "")
        return Content.assemble((bar, "$accent"), ("─" * (room - len(bar)), "$faint"), words)
