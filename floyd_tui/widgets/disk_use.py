"""What takes a disk: how full it is and by whom, and a line a kind with its share and what of it can go."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from textual.widgets import Static

from floyd_tui.disk_words import WHAT
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint, Painted
from runner.models import GcKind, GcReport

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WHAT, _COUNT, _SIZE, _GOES = 26, 9, 11, 11
# Below this width the bars of the kinds give way to their figures.
_BARS_SINCE = 70


class DiskUse(Painted, Static):
    """Draws the `GcReport` that `take` was given."""

    DEFAULT_CSS = "DiskUse { height: auto; color: $foreground; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._report: GcReport | None = None

    def take(self, report: GcReport) -> None:
        """The figures as they are now."""
        self._report = report
        self.draw()

    def on_resize(self) -> None:
        """Bars are as long as there is room."""
        self.draw()

    def draw(self) -> None:
        """Draw again, for another width or theme."""
        if self._report is not None:
            self.update(disk_use(self._report, max(40, self.size.width), Paint.of(self.app)))


def disk_use(report: GcReport, width: int, paint: Paint) -> Group:
    """The disk's bar and legend, then the kinds, `width` cells wide."""
    return Group(*_Drawer(report, width, paint).lines())


class _Drawer:
    """Lines for one width and theme."""

    def __init__(self, report: GcReport, width: int, paint: Paint) -> None:
        self._report, self._width, self._paint = report, width, paint
        self._kinds = [kind for kind in report.kinds if kind.count or kind.free_count]
        self._largest = max((kind.size for kind in self._kinds), default=0)
        self._bar = width - _WHAT - _COUNT - _SIZE - _GOES - 2 if width >= _BARS_SINCE else 0
        self._what = _WHAT if self._bar else width - _COUNT - _SIZE - _GOES

    def lines(self) -> list[Text]:
        """All of them."""
        lines = [self._disk(), self._legend(), Text(), self._head(), *map(self._line, self._kinds)]
        if not self._kinds:
            lines.append(self._paint("Nothing is stored here yet.", "dim"))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return lines

    @property
    def _used(self) -> int:
        return max(0, self._report.disk_total - self._report.disk_free)

    @property
    def _ours(self) -> int:
        return min(self._report.size, self._used)

    def _disk(self) -> Text:
        """How full the disk is: this runner's part, what others have there, what is free."""
        paint, total = self._paint, self._report.disk_total or 1
        ours = min(self._width, max(round(self._width * self._ours / total), 1 if self._ours else 0))
        others = max(0, min(self._width, round(self._width * self._used / total)) - ours)
        rest = self._width - ours - others
        return Text.assemble(paint("━" * ours, "running"), paint("━" * others, "dim"), paint("━" * rest, "faint"))

    def _legend(self) -> Text:
        paint, report = self._paint, self._report
        low = report.disk_free < report.disk_reserve
        return Text.assemble(
            paint("━━", "running"), f" floyd {fmt.size(self._ours)}   ",
            paint("━━", "dim"), f" everything else {fmt.size(self._used - self._ours)}   ",
            paint("━━", "faint"), " ", paint(f"free {fmt.size(report.disk_free)}", "bad" if low else "foreground"),
            " ", paint(f"of {fmt.size(report.disk_total)}", "dim"),
        )  # fmt: skip

    def _head(self) -> Text:
        goes = "Can go" if self._report.dry_run else "Went"
        return self._row("What", "Things", "Size", Text(" " * self._bar), goes, "dim", "dim")

    def _line(self, kind: GcKind) -> Text:
        goes = fmt.size(kind.free_size) if kind.free_count else ""
        color = "warn" if self._report.dry_run else "good"
        size = fmt.size(kind.size)
        return self._row(WHAT[kind.kind], f"{kind.count:,}", size, self._share(kind), goes, "foreground", color)

    def _row(self, what: str, count: str, size: str, bar: Text, goes: str, color: str, last: str) -> Text:
        row = Text.assemble(
            self._paint(fmt.clip(what, self._what), color), " " * (self._what - len(what)),
            *self._right(count, _COUNT, "dim"), *self._right(size, _SIZE, color),
        )  # fmt: skip
        if self._bar:
            row.append("  ").append_text(bar)
        return row.append_text(Text.assemble(*self._right(goes, _GOES, last)))

    def _right(self, text: str, width: int, color: str) -> tuple[str, Text]:
        return " " * (width - len(text)), self._paint(text, color)

    def _share(self, kind: GcKind) -> Text:
        """A kind beside the largest one, what of it can go at its end in another colour."""
        eighths = max(round(8 * self._bar * kind.size / (self._largest or 1)), 1 if kind.size else 0)
        whole, part = divmod(eighths, 8)
        text = "█" * whole + (_EIGHTHS[part] if part else "")
        goes = kind.free_size / kind.size if self._report.dry_run and kind.size else 0.0
        stays = round(len(text) * (1 - min(1.0, goes)))
        paint = self._paint
        return Text.assemble(
            paint(text[:stays], "running"), paint(text[stays:], "warn"), " " * (self._bar - len(text))
        )  # fmt: skip
