"""The same for many jobs: asked once with their number, done with progress, and told in one summary what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from floyd_tui.client.protocol import LinkSet
from floyd_tui.client.transfer import Progress, download
from floyd_tui.errors import FloydError
from floyd_tui.project.tags import TagChange
from floyd_tui.screens.download import suggested_folder
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.standing import figures
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import HostJob
from floyd_tui.widgets.path_input import PathInput
from floyd_tui.widgets.progress_line import ProgressLine
from runner.models import BadName, JobChange

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

# So many requests are under way at once; of downloads one, which has all of the line to itself.
AT_ONCE = 8
STATES = ("asking", "working", "done")
Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is done with each job, `at_once` so many.

    `verb` and `past` name it ("Stop", "stopped"), `detail` says what it means. `field` asks for something first: a
    `folder`, with `value` in it, or words. `do` is called with a job, what was typed, and whom to tell of progress, and
    raises `FloydError`; what `undo` says can be undone, is. `check` raises `BadName` for what cannot be typed.
    """

    verb: str
    past: str
    detail: str
    do: Callable[[LinkSet, HostJob, str, Tell], Awaitable[object]]
    field: str = ""
    value: str = ""
    at_once: int = AT_ONCE
    check: Callable[[str], object] = str
    folder: bool = False
    undo: bool = False


async def _stop(links: LinkSet, one: HostJob, typed: str, tell: Tell) -> None:
    await links[one.host].client.stop(one.job.name)


async def _delete(links: LinkSet, one: HostJob, typed: str, tell: Tell) -> None:
    await links[one.host].client.delete_job(one.job.name)


async def _tag(links: LinkSet, one: HostJob, typed: str, tell: Tell) -> None:
    client = links[one.host].client
    now = await client.job(one.job.name)  # as it is by now: the list may be older
    await client.change_job(now.name, JobChange(tags=TagChange.parse(typed).applied(now.tags)))


async def _download(apart: bool, links: LinkSet, one: HostJob, typed: str, tell: Tell) -> None:
    source = f"{one.job.name}/output"
    folder = _folder(typed) / (one.host if apart else "")
    await download(links[one.host], source, "", folder / Path(suggested_folder(source)).name, progress=tell)


def _folder(typed: str) -> Path:
    return Path(typed).expanduser()


STOP = Task("Stop", "stopped", "They end now and cannot go on. What they wrote so far is kept.", _stop)
_GOES = "They go with logs, metrics and outputs into the trash: u brings them back until a collection (gc)."
DELETE = Task("Delete", "deleted", _GOES, _delete, undo=True)
TAG = Task("Tag", "tagged", "", _tag, "tags to give; -old takes one away", check=TagChange.parse)


def downloading(jobs: Sequence[HostJob]) -> Task:
    """The task for outputs: each has a folder of its own, below its host's where there are several hosts."""
    apart = len({one.host for one in jobs}) > 1
    what = "into the folder, one below it for each"
    return Task("Download", "here", "", partial(_download, apart), what, "outputs", at_once=1, folder=True)


class BatchDialog(ModalScreen[bool]):
    """Does `task` with `jobs`; dismisses with whether anything was done. Esc cancels what is left."""

    CSS_PATH = ["dialog.tcss", "batch.tcss"]  # noqa: RUF012  (Textual declares it so)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Close", id="batch.back", tooltip="Leave; what is left is not done any more"),
        Binding("y", "answer(True)", "Yes", id="batch.yes", tooltip="Do it"),
        Binding("n", "answer(False)", "No", id="batch.no", tooltip="Leave everything as it is"),
    ]

    def __init__(self, links: LinkSet, task: Task, jobs: Sequence[HostJob], left_out: str = "") -> None:
        super().__init__()
        self._links, self._job_task, self._jobs, self._left_out = links, task, tuple(jobs), left_out
        self.state = "asking"
        self._begun = False
        self._ended = 0
        self._went: list[HostJob] = []
        self._failed: list[tuple[HostJob, FloydError]] = []

    def compose(self) -> ComposeResult:
        task = self._job_task
        with Vertical(id="dialog", classes="-asking"):
            yield Static(f"{task.verb} {fmt.count(len(self._jobs), 'job')}?", id="question", markup=False)
            yield Static(id="wrong", classes="wrong", markup=False)
            with Vertical(id="asking", classes="part"):
                yield Static(self._names(), classes="names", markup=False)
                if self._left_out:
                    yield Static(self._left_out, classes="dim", markup=False)
                if task.field:
                    yield Static(task.field, classes="label", markup=False)
                    yield (
                        PathInput(task.value, id="typed")
                        if task.folder
                        else Input(task.value, id="typed", compact=True)
                    )
                else:
                    yield Static(task.detail, id="detail", markup=False)
                    with Horizontal(id="answers"):
                        yield Button("No", id="no", compact=True)
                        yield Button(f"{task.verb} {len(self._jobs)}", id="yes", compact=True, variant="error")
            with Vertical(id="working", classes="part"):
                yield ProgressLine()
                yield Static(id="far")
            with Vertical(id="done", classes="part"), VerticalScroll(id="failures"):
                yield Static(id="outcome")
            yield Static(id="keys", classes="dim")

    def on_mount(self) -> None:
        self._enter("asking")
        self.query_one("#typed" if self._job_task.field else "#no").focus()

    def _names(self) -> str:
        names = [one.job.short for one in self._jobs]
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        return fmt.plain(", ".join(names[:6])) + more

    def _enter(self, state: str) -> None:
        self.state = state
        dialog = self.query_one("#dialog")
        for name in STATES:
            dialog.set_class(name == state, f"-{name}")
        asks = "Enter begins · Esc leaves" if self._job_task.field else "y does it · Esc leaves"
        keys = {"asking": asks, "working": "Esc: the rest is left as it is", "done": "Esc closes"}
        self.query_one("#keys", Static).update(keys[state])

    # What is asked

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Yes and No are for what is asked without a field."""
        return action != "answer" or (self.state == "asking" and not self._job_task.field)

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        if yes:
            self._work("")
        else:
            self.dismiss(False)

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_answer(event.button.id == "yes")

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        typed, wrong = event.value.strip(), self.query_one("#wrong", Static)
        try:
            if self._job_task.check(typed):
                self._work(typed)
        except BadName as error:
            wrong.update(str(error))
            wrong.add_class("-shown")

    # What is done

    @work(exclusive=True, group="batch", exit_on_error=False)
    async def _work(self, typed: str) -> None:
        self.query_one("#wrong").remove_class("-shown")
        self._begun = True
        self._enter("working")
        self.set_focus(None)
        self._tell(Progress())
        places = asyncio.Semaphore(self._job_task.at_once)

        async def one_after(one: HostJob) -> None:
            async with places:
                try:
                    await self._job_task.do(self._links, one, typed, self._tell)
                    self._went.append(one)
                except FloydError as error:
                    self._failed.append((one, error))
                self._ended += 1
                self._tell(Progress())

        await asyncio.gather(*map(one_after, self._jobs))
        self._over(typed)

    def _tell(self, progress: Progress) -> None:
        """How many are done; of a download also how far that is."""
        total = len(self._jobs)
        self.query_one(ProgressLine).share = self._ended / total
        words = [f"{self._ended} of {total}", *(figures(progress) if progress.total_bytes else ())]
        if self._failed:
            words.append(f"{len(self._failed)} failed")
        self.query_one("#far", Static).update("   ".join(words))

    def _remember(self) -> str:
        """Let what was done be undone, where it can be; how that is done, in words."""
        if not (self._job_task.undo and self._went):
            return ""
        cast("FloydApp", self.app).deletions.add([(one.host, one.job.name) for one in self._went])
        return " u undoes it."

    def _over(self, typed: str) -> None:
        went = len(self._went)
        said = f"{fmt.count(went, 'job')} {'is' if went == 1 else 'are'} {self._job_task.past}.{self._remember()}"
        if self._job_task.folder and went:
            said = (
                f"{fmt.count(went, 'output')} {'is' if went == 1 else 'are'} in {shown_path(Path(typed).expanduser())}."
            )
        if not self._failed:
            self.notify(said, markup=False)
            self.dismiss(True)
            return
        lines = [Content.styled(f"{said} {len(self._failed)} of {len(self._jobs)} failed:", "bold $bad")]
        for one, error in self._failed:
            lines.append(Content.assemble((f"{one.job.short}  ", "bold"), fmt.plain(error.message)))
            if error.hint:
                lines.append(Content.styled(f"  {fmt.plain(error.hint)}", "$dim"))
        self.query_one("#outcome", Static).update(Content("\n").join(lines))
        self._enter("done")
        self.query_one("#failures").focus()

    def action_back(self) -> None:
        """Leave; what is under way is ended, and what is left is not begun."""
        if self.state == "working":
            self.workers.cancel_group(self, "batch")
            left = len(self._jobs) - self._ended
            said = f"Left as they were: {fmt.count(left, 'job')}. {self._ended} done.{self._remember()}"
            self.notify(said, markup=False)
        self.dismiss(self._begun)
