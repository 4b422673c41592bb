"""What goes up with a launch or a dataset: how much, what stays here by which rule, and how far the sending is."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from floyd_tui.project.run import Phase, Stage
from floyd_tui.project.snapshot import Snapshot
from floyd_tui.standing import figures
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.paint import Paint, Painted

_PHASES: dict[Phase, str] = {
    "scanning": "Looking through the files",
    "comparing": "Asking the host what it has already",
    "uploading": "Sending what the host lacks",
    "launching": "Launching",
}
RULES_SHOWN = 6


class UploadPanel(Painted, Static):
    """A summary of a snapshot, and a bar while it is made and sent."""

    DEFAULT_CSS = """
    UploadPanel { height: auto; color: $foreground; }
    """

    _shown: Callable[[Paint], RenderableType] | None = None

    def _show(self, shown: Callable[[Paint], RenderableType]) -> None:
        self._shown = shown
        self.draw()

    def draw(self) -> None:
        """Draw again what is shown, in the present theme."""
        if self._shown is not None:
            self.update(self._shown(Paint.of(self.app)))

    def show_code_of(self, job: str) -> None:
        """Nothing goes up: the code is an earlier job's."""
        self._show(
            lambda paint: Text.assemble(paint("Nothing goes up: "), paint("the code of ", "dim"), paint(job, "accent"))
        )

    def show_trouble(self, sentence: str) -> None:
        """The folder cannot be read."""
        self._show(lambda paint: paint(sentence, "bad"))

    def show_snapshot(self, snapshot: Snapshot, large: int | None = None) -> None:
        """What would go up; more than `large` bytes are worth a word."""
        self._show(lambda paint: summary(snapshot, paint, large))

    def show_stage(self, stage: Stage) -> None:
        """How far it is."""
        self._show(lambda paint: progress(stage, paint))


def summary(snapshot: Snapshot, paint: Paint, large: int | None = None) -> Group:
    """What of a folder goes up and what stays, a line a rule."""
    head = Text.assemble(
        paint(fmt.count(snapshot.files, "file"), style="bold"), paint(f", {fmt.size(snapshot.size)}, "),
        paint("of which only what the host lacks is sent", "dim"),
    )  # fmt: skip
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(overflow="ellipsis", no_wrap=True)
    for left in sorted(snapshot.left_out, key=lambda left: -left.files)[:RULES_SHOWN]:
        files = f"{left.files:,}{'+' if left.more else ''}"
        rule = Text.assemble(paint(left.rule.text), paint(f"  {left.rule.source}", "dim"))
        grid.add_row(paint(files, "dim"), paint(fmt.size(left.size), "dim"), rule)
    parts: list[Text | Table] = [head]
    if snapshot.left_out:
        parts += [paint("Stays here, by rule:", "dim"), grid]
    much = f"More than {fmt.size(large)}: ctrl+g shows what it is." if large and snapshot.size > large else ""
    parts += [paint(f"! {warning}", "warn") for warning in (much, *snapshot.warnings) if warning]
    return Group(*parts)


def progress(stage: Stage, paint: Paint) -> Group:
    """A phase with its bar, amounts, rate and what is left of the time."""
    by_bytes = stage.total_bytes > 0
    done, total = (stage.done_bytes, stage.total_bytes) if by_bytes else (stage.done_files, stage.total_files)
    bar = ProgressBar(
        total=total or None, completed=done, width=40, pulse=not total, animation_time=0,
        complete_style=paint.color("running"), finished_style=paint.color("good"), style=paint.color("faint"),
        pulse_style=paint.color("faint"),
    )  # fmt: skip
    # A bar ends no line, so it comes last.
    return Group(paint(_PHASES[stage.phase] + " …", style="bold"), paint("   ".join(figures(stage)), "dim"), bar)
