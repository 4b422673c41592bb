"""A host's GPUs as lines: five of each where there is room, two or one where there are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

from floyd_tui.usage import sparkline
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.gauge_line import LABEL, GaugeLine, share
from floyd_tui.widgets.paint import Paint
from runner.models import GpuStats, HostStats

# From these many cells on, two gauges stand side by side in a line.
_WIDE = 72
# Cells of a history within a line of words.
_SHORT = 8
_THROTTLES = {"sw_power_cap": "power cap", "hw_power_brake_slowdown": "power brake"}


def gpu_lines(history: Sequence[HostStats], draw: GaugeLine, paint: Paint, height: int | None) -> list[Text]:
    """Every GPU of the last of `history`, in at most `height` lines if that can be; None: there is room for all."""
    gpus = history[-1].gpus
    lines = _Lines(history, draw, paint)
    for form in (lines.full, lines.two):
        found = [line for index, gpu in enumerate(gpus) for line in form(gpu, index)]
        if height is None or len(found) <= height:
            return found
    return [lines.heading(), *(lines.one(gpu) for gpu in gpus)]


class _Lines:
    def __init__(self, history: Sequence[HostStats], draw: GaugeLine, paint: Paint) -> None:
        self._history, self._draw, self._paint = history, draw, paint

    def full(self, gpu: GpuStats, index: int) -> list[Text]:
        """Name and users, use, memory, and how hot, fast and hungry it is; an empty line below."""
        title = self._title(gpu)
        if gpu.lost:
            return [title, Text()]
        memory = self._draw.line("Memory", *share(gpu.memory_used, gpu.memory_total), _of(index, _memory), full=97)
        if gpu.divided:
            return [title, memory, self._state(gpu), Text()]
        use = self._draw.line("Use", gpu.utilization, fmt.percent(gpu.utilization), _of(index, _use))
        # The parts of a divided GPU have no sensors of their own.
        return [title, use, memory, *([] if gpu.part_of else [self._state(gpu)]), Text()]

    def two(self, gpu: GpuStats, index: int) -> list[Text]:
        """Name and users; below them two short gauges."""
        if gpu.lost:
            return [self._title(gpu)]
        heat = f"  {gpu.temperature:.0f} °C" if gpu.temperature is not None else ""
        past = 16 if self._draw.width >= _WIDE else 0
        room = self._draw.width - LABEL - len(heat) - past - (2 if past else 0)
        bar = max(4, (room - 30) // 2)
        used = share(gpu.memory_used, gpu.memory_total)
        below = Text.assemble(
            " " * LABEL,
            self._draw.bar(gpu.utilization, bar), f" {fmt.percent(gpu.utilization):>4}  ",
            self._draw.bar(used[0], bar, full=97), f" {used[1]:<19}",
            self._paint(heat, warmth(gpu.temperature)),
            self._paint("  " + sparkline([_of(index, _use)(s) for s in self._history], past) if past else "", "faint"),
        )  # fmt: skip
        below.no_wrap, below.overflow = True, "crop"
        return [self._title(gpu), below]

    def heading(self) -> Text:
        """What the bars of `one` mean."""
        return self._paint(" " * (LABEL - 1) + "use".ljust(self._half + 7) + "memory", "dim")

    @property
    def _half(self) -> int:
        return max(4, min(30, (self._draw.width - 38) // 2))

    def one(self, gpu: GpuStats) -> Text:
        """Number, use, memory, users."""
        paint = self._paint
        label = f"{'└ MIG' if gpu.part_of else f'GPU {gpu.index}'}".ljust(LABEL - 1)
        used = share(gpu.memory_used, gpu.memory_total)[0]
        bar = self._half
        line = Text.assemble(
            paint(label, style="bold"),
            self._draw.bar(gpu.utilization, bar), f" {fmt.percent(gpu.utilization):>4}  ",
            self._draw.bar(used, bar, full=97), f" {fmt.percent(used):>4}  ",
            *self._users(gpu),
        )  # fmt: skip
        if gpu.lost:
            line = Text.assemble(paint(label, style="bold"), *self._users(gpu))
        line.no_wrap, line.overflow = True, "ellipsis"
        return line

    def _title(self, gpu: GpuStats) -> Text:
        paint = self._paint
        number = "  └ MIG" if gpu.part_of else f"GPU {gpu.index}"
        name = gpu.name if self._draw.width >= _WIDE else gpu.name.removeprefix("NVIDIA ")
        if gpu.part_of:
            # The whole one's name stands above.
            name = name.partition(" MIG ")[2] or name
        title = Text.assemble(paint(number, style="bold"), paint(f"  {name}   ", "dim"), *self._users(gpu))
        title.no_wrap, title.overflow = True, "ellipsis"
        return title

    def _users(self, gpu: GpuStats) -> list[Text]:
        """Who has it: jobs, or programs that are of none; or why nobody can."""
        if gpu.lost:
            return [self._paint("✘ lost: off the bus", "bad")]
        if gpu.divided:
            return [self._paint("divided (MIG)", "dim")]
        if gpu.jobs:
            names = "  ".join(job.partition("/projects/")[2] or job for job in gpu.jobs)
            return [self._paint(f"● {names}", "running")]
        others = sum(not process.job and process.computes for process in gpu.processes or ())
        return [
            self._paint(f"● {fmt.count(others, 'other program')}", "warn") if others else self._paint("idle", "dim")
        ]

    def _past(self, gpu: GpuStats, read: Callable[[GpuStats], float | None]) -> Text:
        """How a value went, where there is room for that behind it."""
        if self._draw.width < _WIDE or len(self._history) < 2 or read(gpu) is None:
            return Text()
        of = {one.uuid: place for place, one in enumerate(self._history[-1].gpus)}
        past = [_of(of[gpu.uuid], read)(stats) for stats in self._history]
        return self._paint(f" {sparkline(past, _SHORT)}", "faint")

    def _state(self, gpu: GpuStats) -> Text:
        """Temperature, power and clock, and why it is slower than it could be."""
        paint = self._paint
        degrees = fmt.DASH if gpu.temperature is None else f"{gpu.temperature:.0f} °C"
        line = Text.assemble(
            paint("Heat".ljust(LABEL), "dim"), paint(degrees, warmth(gpu.temperature)), self._past(gpu, _heat),
            paint("    power ", "dim"), paint(_watts(gpu)), self._past(gpu, _power),
        )  # fmt: skip
        if gpu.clock is not None:
            line.append_text(paint("    clock ", "dim"))
            line.append_text(paint(f"{gpu.clock} MHz"))
        for reason in gpu.throttled or ():
            line.append_text(paint(f"    ▲ {_THROTTLES.get(reason, 'too hot')}", "warn"))
            break
        if gpu.ecc_uncorrected:
            line.append_text(paint(f"    ✘ {fmt.count(gpu.ecc_uncorrected, 'ECC error')}", "bad"))
        line.no_wrap, line.overflow = True, "ellipsis"
        return line


def _heat(gpu: GpuStats) -> float | None:
    return gpu.temperature


def _power(gpu: GpuStats) -> float | None:
    return None if gpu.power is None or not gpu.power_limit else 100 * gpu.power / gpu.power_limit


def _use(gpu: GpuStats) -> float | None:
    return gpu.utilization


def _memory(gpu: GpuStats) -> float | None:
    return share(gpu.memory_used, gpu.memory_total)[0]


def _of(index: int, read: Callable[[GpuStats], float | None]) -> Callable[[HostStats], float | None]:
    return lambda stats: read(stats.gpus[index]) if index < len(stats.gpus) else None


def warmth(celsius: float | None) -> str:
    """The theme variable of a GPU's temperature."""
    return "bad" if (celsius or 0) >= 90 else "warn" if (celsius or 0) >= 83 else ""


def _watts(gpu: GpuStats) -> str:
    if gpu.power is None:
        return fmt.DASH
    limit = f" of {gpu.power_limit:.0f}" if gpu.power_limit else ""
    return f"{gpu.power:.0f}{limit} W"
