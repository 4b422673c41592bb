"""A host's gauges: processor, memory, disk, and each GPU's use, memory, temperature and power, with a short history."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from rich.console import Group
from rich.text import Text
from textual.widgets import Static

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint
from runner.models import GpuStats, HostStats, JobStats

HISTORY = 120
LABEL, VALUE = 8, 22
_BLOCKS = " ▁▂▃▄▅▆▇█"


class HostGauges(Static):
    """Draws the newest of the `HostStats` that `take` was given, and how they went."""

    DEFAULT_CSS = """
    HostGauges { height: auto; color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._history: deque[HostStats] = deque(maxlen=HISTORY)

    def forget(self) -> None:
        """Begin anew, for another host."""
        self._history.clear()
        self.update("")

    def take(self, stats: HostStats) -> None:
        """The gauges as they are now."""
        self._history.append(stats)
        self.draw()

    def on_resize(self) -> None:
        """Bars are as long as there is room."""
        self.draw()

    def draw(self) -> None:
        """Draw again, for another width or theme."""
        if self._history:
            self.update(gauges(self._history, max(20, self.size.width), Paint.of(self.app)))


def gauges(history: Sequence[HostStats], width: int, paint: Paint) -> Group:
    """All gauges of the last of `history`, `width` cells wide."""
    draw = _Drawer(history, width, paint)
    now = history[-1]
    lines = [*draw.host(), Text()]
    if not now.gpus:
        lines.append(paint(now.gpu_note or "No GPU here.", "dim"))
    for index, gpu in enumerate(now.gpus):
        lines += [*draw.gpu(gpu, index), Text()]
    if now.jobs:
        lines += [paint("Running jobs", style="bold"), *(draw.job(use) for use in now.jobs)]
    return Group(*lines)


class _Drawer:
    """Lines of gauges for one width and theme."""

    def __init__(self, history: Sequence[HostStats], width: int, paint: Paint) -> None:
        self._history, self._now, self._paint = history, history[-1], paint
        # Where there is no room for a history beside every bar, it goes where a short value leaves some.
        self._spark = 30 if width >= 100 else (16 if width >= 68 else 0)
        self._bar = max(6, min(60, width - LABEL - VALUE - self._spark - (2 if self._spark else 0)))

    def host(self) -> list[Text]:
        """Processor, memory, disk."""
        now = self._now
        cores = f"{fmt.percent(now.cpu_percent)} of {now.cpu_count} cores"
        lines = [
            self._line("CPU", now.cpu_percent, cores, lambda s: s.cpu_percent),
            self._line("Memory", *_share(now.memory_used, now.memory_total), _host_memory, full=90),
            self._line("Disk", *_share(now.disk_used, now.disk_total), None, full=-5 if now.disk_low else 90),
        ]
        if now.disk_low:
            kept = fmt.size(now.disk_reserve)
            lines.append(self._paint(f"Low: launches and uploads are refused until {kept} are free.", "bad"))
        return lines

    def gpu(self, gpu: GpuStats, index: int) -> list[Text]:
        """A GPU's name, who uses it, and its four gauges."""
        paint = self._paint
        title = Text.assemble(paint(f"GPU {gpu.index}", style="bold"), paint(f"  {gpu.name}", "dim"))
        users = "  ".join(job.partition("/projects/")[2] or job for job in gpu.jobs)
        title.append_text(paint(f"   ● {users}" if users else "   idle", "running" if users else "dim"))
        title.no_wrap, title.overflow = True, "ellipsis"
        memory = _share(gpu.memory_used, gpu.memory_total)
        heat = Text.assemble(
            paint("Heat".ljust(LABEL), "dim"),
            paint(fmt.DASH if gpu.temperature is None else f"{gpu.temperature:.0f} °C", _heat(gpu.temperature)),
            paint("    power ", "dim"), paint(_watts(gpu)),
        )  # fmt: skip
        return [
            title,
            self._line("Use", gpu.utilization, fmt.percent(gpu.utilization), _of(index, lambda g: g.utilization)),
            self._line("Memory", *memory, _of(index, _memory_percent), full=97),
            heat,
        ]

    def job(self, use: JobStats) -> Text:
        """What one job uses."""
        paint = self._paint
        name = use.job.partition("/projects/")[2] or use.job
        memory = _share(use.memory_used, use.memory_limit)[1] if use.memory_limit else fmt.size(use.memory_used)
        cpu = fmt.DASH if use.cpu_percent is None else f"{use.cpu_percent / 100:.1f} cores"
        line = Text.assemble(
            paint(f"● {name:14}", "running"), paint("  CPU ", "dim"), paint(cpu),
            paint("   "), paint(memory),
        )  # fmt: skip
        line.no_wrap, line.overflow = True, "ellipsis"
        return line

    def _line(
        self,
        label: str,
        percent: float | None,
        value: str,
        past: Callable[[HostStats], float | None] | None,
        full: float = 200,
    ) -> Text:
        paint, share = self._paint, percent or 0.0
        color = "bad" if share >= full + 5 else "warn" if share >= full else "running"
        filled = round(self._bar * min(100.0, share) / 100)
        line = Text.assemble(
            paint(label.ljust(LABEL), "dim"),
            paint("━" * filled, color), paint("━" * (self._bar - filled), "faint"),
            paint(" " + value),
        )  # fmt: skip
        room = VALUE - 1 - len(value)
        if past and self._spark:
            line.append(" " * room)
            line.append_text(paint(sparkline([past(s) for s in self._history], self._spark), "faint"))
        elif past and room > 12:
            line.append_text(paint(" " + sparkline([past(s) for s in self._history], room - 1), "faint"))
        return line


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values, 0 to 100, as blocks; what is not known is a gap."""
    last = list(values)[-width:]
    blocks = (" " if v is None else _BLOCKS[max(1, min(8, round(v / 100 * 8)))] for v in last)
    return "".join(blocks).rjust(width)


def _share(used: int | None, total: int | None) -> tuple[float | None, str]:
    if used is None or not total:
        return None, fmt.DASH
    return 100 * used / total, f"{fmt.size(used).removesuffix(fmt.size(total)[-4:])} of {fmt.size(total)}"


def _host_memory(stats: HostStats) -> float | None:
    return _share(stats.memory_used, stats.memory_total)[0]


def _memory_percent(gpu: GpuStats) -> float | None:
    return _share(gpu.memory_used, gpu.memory_total)[0]


def _of(index: int, read: Callable[[GpuStats], float | None]) -> Callable[[HostStats], float | None]:
    return lambda stats: read(stats.gpus[index]) if index < len(stats.gpus) else None


def _heat(celsius: float | None) -> str:
    return "bad" if (celsius or 0) >= 90 else "warn" if (celsius or 0) >= 83 else ""


def _watts(gpu: GpuStats) -> str:
    if gpu.power is None:
        return fmt.DASH
    limit = f" of {gpu.power_limit:.0f}" if gpu.power_limit else ""
    return f"{gpu.power:.0f}{limit} W"
