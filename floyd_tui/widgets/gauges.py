"""A host's gauges: processor, memory, disk, network, each GPU, running jobs, and hints; with a short history."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Group
from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.gauge_line import GaugeLine, share
from floyd_tui.widgets.gpu_lines import gpu_lines
from floyd_tui.widgets.hint_lines import COLORS, worst_first
from floyd_tui.widgets.host_history import HostHistory
from floyd_tui.widgets.paint import Fades, Paint, Painted
from runner.models import Hint, HostStats, JobStats


class HostGauges(Fades, Painted, Static):
    """Draws the newest of the `HostStats` that `take` was given, and how they went."""

    DEFAULT_CSS = """
    HostGauges { height: auto; color: $foreground; }
    HostGauges.-stale { color: $dim; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._history = HostHistory()

    def show(self, history: HostHistory) -> None:
        """Show what is known of another host from now on."""
        self._history = history
        self.update("")
        self.draw()

    def take(self, stats: HostStats) -> None:
        """The gauges as they are now."""
        self._history.add(stats)
        self.draw()

    def on_resize(self) -> None:
        """Bars are as long as there is room."""
        self.draw()

    def draw(self) -> None:
        """Draw again, for another width or theme."""
        if self._history:
            self.update(gauges(self._history, max(20, self.size.width), Paint.of(self.app), self._room()))

    def _room(self) -> int | None:
        """How many lines there are on the page below what stands above; None before it is laid out."""
        page = self.parent
        if not isinstance(page, Widget) or not page.size.height:
            return None
        above = self.region.y - page.content_region.y + page.scroll_offset.y
        return page.size.height - above


def gauges(history: Sequence[HostStats], width: int, paint: Paint, height: int | None = None) -> Group:
    """All gauges of the last of `history`, `width` cells wide; in `height` lines, if they can be."""
    draw, now = GaugeLine(history, width, paint), history[-1]
    host, below = _host(now, draw, paint), _jobs(now, paint)
    if not now.gpus:
        note = paint(now.gpu_note or "No GPU here.", "dim")
        return Group(*host, *_hints(now.hints, width, paint), Text(), note, Text(), *below)
    room = None if height is None else height - len(host) - len(below) - 1
    hints = _hints(now.hints, width, paint)
    if room is not None and len(hints) + len(now.gpus) + 1 > room:
        hints = _gravest(now.hints, width, paint)
    gpus = gpu_lines(history, draw, paint, None if room is None else room - len(hints))
    between = [] if not gpus[-1] else [Text()]
    return Group(*host, *hints, Text(), *gpus, *between, *below)


def _host(now: HostStats, draw: GaugeLine, paint: Paint) -> list[Text]:
    """Processor, memory, disk, and what goes over disks and network."""
    cores = f"{fmt.percent(now.cpu_percent)} of {now.cpu_count} cores"
    lines = [
        draw.line("CPU", now.cpu_percent, cores, lambda s: s.cpu_percent),
        draw.line("Memory", *share(now.memory_used, now.memory_total), _memory, full=90),
        draw.line("Disk", *share(now.disk_used, now.disk_total), None, full=-5 if now.disk_low else 90),
    ]
    if now.received is not None:
        lines.append(_traffic(now, paint))
    if now.disk_low:
        kept = fmt.size(now.disk_reserve)
        lines.append(paint(f"Low: launches and uploads are refused until {kept} are free.", "bad"))
    return lines


def _traffic(now: HostStats, paint: Paint) -> Text:
    parts = (("Net", f"↓ {fmt.rate(now.received)}  ↑ {fmt.rate(now.sent)}"),
             ("disk", f"read {fmt.rate(now.disk_read)}  write {fmt.rate(now.disk_written)}"))  # fmt: skip
    line = Text("    ").join(Text.assemble(paint(label.ljust(8 if not i else 5), "dim"), paint(words))
                             for i, (label, words) in enumerate(parts))  # fmt: skip
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _hints(hints: Sequence[Hint], width: int, paint: Paint) -> list[Text]:
    """All hints with what to do, the gravest first, below an empty line."""
    lines = [Text()] if hints else []
    for hint in worst_first(hints):
        lines += _hanging("▲ ", _about(hint), width, paint, COLORS[hint.level])
        lines += _hanging("  ", hint.advice, width, paint, "dim")
    return lines


def _gravest(hints: Sequence[Hint], width: int, paint: Paint) -> list[Text]:
    """Where there is no room for more: the gravest hint, and how many more there are."""
    if not hints:
        return []
    gravest = worst_first(hints)[0]
    more = f"  (and {len(hints) - 1} more)" if len(hints) > 1 else ""
    return [Text(), paint(f"▲ {fmt.clip(_about(gravest), width - 2 - len(more))}{more}", COLORS[gravest.level])]


def _about(hint: Hint) -> str:
    return f"{hint.job.partition('/projects/')[2]}: {hint.text}" if hint.job else hint.text


def _hanging(begin: str, text: str, width: int, paint: Paint, color: str) -> list[Text]:
    lines = textwrap.wrap(fmt.plain(text), max(10, width - len(begin))) or [""]
    return [paint((" " * len(begin) if i else begin) + line, color) for i, line in enumerate(lines)]


def _jobs(now: HostStats, paint: Paint) -> list[Text]:
    return [paint("Running jobs", style="bold"), *(_job(use, paint) for use in now.jobs)] if now.jobs else []


def _job(use: JobStats, paint: Paint) -> Text:
    """What one job uses."""
    name = use.job.partition("/projects/")[2] or use.job
    memory = share(use.memory_used, use.memory_limit)[1] if use.memory_limit else fmt.size(use.memory_used)
    cpu = fmt.DASH if use.cpu_percent is None else f"{use.cpu_percent / 100:.1f} cores"
    line = Text.assemble(
        paint(f"● {name:14}", "running"), paint("  CPU ", "dim"), paint(cpu), paint("   "), paint(memory)
    )
    if use.disk_read is not None:
        line.append_text(paint("   disk ", "dim"))
        line.append_text(paint(f"{fmt.rate(use.disk_read)}, {fmt.rate(use.disk_written)}"))
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _memory(stats: HostStats) -> float | None:
    return share(stats.memory_used, stats.memory_total)[0]
