"""Choosing one of a project's jobs."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from floyd_tui.screens.pickers import Picker
from floyd_tui.widgets import format as fmt
from runner.models import Job


class JobPicker(Picker[Job]):
    """One of `jobs`, a line each: its name, its state, its age and what was said of it."""

    def __init__(self, question: str, jobs: Sequence[Job]) -> None:
        super().__init__()
        self._question = question
        self._jobs = {job.name: job for job in jobs}

    def on_mount(self) -> None:
        self.query_one("#question", Static).update(fmt.plain(self._question))

    def options(self) -> list[Option]:
        """One line a job."""
        width = max(len(job.short) for job in self._jobs.values())
        return [Option(self._line(job, width), id=name) for name, job in self._jobs.items()]

    def _line(self, job: Job, width: int) -> Content:
        return Content.assemble(
            (f"{fmt.sign(job.state)} ", f"${fmt.color(job.state)}"),
            f"{fmt.plain(job.short):{width}}  ",
            (f"{fmt.age(job.created_at, fmt.now(self)):>4}  {fmt.plain(job.message or job.command)}", "$dim"),
        )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._jobs[event.option.id or ""])
