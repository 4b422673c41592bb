"""Marks in the list of jobs, and what is done with all that are marked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from floyd_tui.screens import job_actions
from floyd_tui.screens.batch import DELETE, STOP, TAG, BatchDialog, Task, downloading
from floyd_tui.screens.home_jobs import JobKey
from floyd_tui.screens.home_keys import JobKeys
from floyd_tui.screens.undo import Undoing
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import HostJob

KEYS = (("s", "stop"), ("d", "download"), ("x", "delete"), ("T", "tag"), ("c", "compare"), ("Esc", "unmark"))


class JobMarks(JobKeys, Undoing):
    """Keys that mark jobs, and those that act on the marked ones; without any, on the job under the cursor.

    Who inherits has the jobs that are `shown`, and draws anew when `draw_list` is called.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", show=False, id="marks.mark", tooltip="Mark the job, or take that back"),
        Binding(
            "asterisk", "mark_all", "Mark all", show=False, key_display="*", id="marks.all",
            tooltip="Mark all that are shown, or none",
        ),
        Binding("x", "delete", "Delete", show=False, id="job.delete", tooltip="Delete the job, or all marked ones"),
        Binding("u", "undo", "Undo", show=False, id="job.undo", tooltip="Bring back what was deleted last"),
        Binding("T", "tag", "Tag", show=False, id="job.tag", tooltip="Tag the job, or all marked ones"),
        Binding("c", "compare", "Compare", show=False, id="job.compare", tooltip="Marked jobs side by side"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.marked: set[JobKey] = set()

    @property
    def shown(self) -> Sequence[HostJob]:
        """The jobs that are shown, from the top."""
        raise NotImplementedError

    def draw_list(self) -> None:
        """Draw the list anew."""

    def go_on(self) -> None:
        """The cursor goes on to the next job."""

    @property
    def chosen(self) -> list[HostJob]:
        """The marked jobs, oldest first, also those that a filter hides; without any the one under the cursor."""
        marked = [one for key in self.marked if (one := self.board.job(key))]
        marked.sort(key=lambda one: (one.job.created_at, one.key))
        return marked or ([self.current] if self.current else [])

    def draw_marks(self, line: Static) -> None:
        """Say how many are marked, and what can be done with them; forget those that are gone."""
        self.marked = {key for key in self.marked if self.board.job(key)}
        line.display = bool(self.marked)
        hidden = len(self.marked - {one.key for one in self.shown}) if self.marked else 0
        words = f"✓ {len(self.marked):,} marked" + (f", {hidden:,} not shown" if hidden else "")
        keys = [Content.assemble((f"  {key} ", "$key"), (name, "$dim")) for key, name in KEYS]
        line.update(Content.assemble((words, "bold $key"), " ", *keys))

    # Marking

    def action_mark(self) -> None:
        """Mark the job under the cursor, or take that back; the cursor goes on."""
        if self.current:
            self.marked ^= {self.current.key}
            self.draw_list()
            self.go_on()

    def action_mark_all(self) -> None:
        """Mark all that are shown; none where they are marked already."""
        keys = {one.key for one in self.shown}
        self.marked = self.marked - keys if keys <= self.marked else self.marked | keys
        self.draw_list()

    def unmark(self) -> bool:
        """Forget all marks; whether there were any."""
        had, self.marked = bool(self.marked), set()
        if had:
            self.draw_list()
        return had

    # Doing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """With marks, what acts on them can be done whatever the cursor is on."""
        if self.is_mounted and self.marked and action in ("stop", "download"):
            return True
        return super().check_action(action, parameters)

    def action_stop(self) -> None:
        """Stop the marked jobs, or the one under the cursor, once confirmed."""
        if self.marked:
            self._do(STOP, lambda one: not one.job.state.ended, "ended before")
        else:
            super().action_stop()

    def action_download(self) -> None:
        """Fetch the outputs of the marked jobs, or of the one under the cursor."""
        if self.marked:
            self._do(downloading(self.chosen), lambda one: job_actions.can_go_on_from(one.job), "left no output")
        else:
            super().action_download()

    def action_delete(self) -> None:
        """Delete the marked jobs, or the one under the cursor, once confirmed."""
        self._do(DELETE, lambda one: one.job.state.ended, "did not end yet: stop first what is to be deleted")

    def action_tag(self) -> None:
        """Tag the marked jobs, or the one under the cursor."""
        self._do(TAG, lambda one: True, "")

    def _do(self, task: Task, fits: Callable[[HostJob], bool], why_not: str) -> None:
        chosen = self.chosen
        able = [one for one in chosen if fits(one)]
        left_out = len(chosen) - len(able)
        said = f"Left out: {fmt.count(left_out, 'job')} that {why_not}." if left_out else ""
        if not able:
            self.notify(said or "There is no job here.", severity="warning")
            return

        def done(begun: bool | None) -> None:
            if begun:
                self.unmark()

        self.app.push_screen(BatchDialog(self.floyd.links, task, able, said), done)

    def action_compare(self) -> None:
        """The marked jobs side by side."""
        from floyd_tui.screens.compare import CompareScreen

        if len(self.marked) < 2:
            self.notify("Mark two jobs or more with Space, then press c.", timeout=4)
            return
        self.app.push_screen(CompareScreen(self.floyd.links, self.chosen))
