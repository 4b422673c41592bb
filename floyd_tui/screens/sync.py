"""Syncing a job's output: where to, then how it stands, what is in the way, and the way to stop it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from floyd_tui.client.protocol import Link
from floyd_tui.client.syncs import Syncs, SyncState
from floyd_tui.screens.download import goes_up, suggested_folder
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.path_input import PathInput
from floyd_tui.widgets.progress_line import ProgressLine
from runner.models import Job

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

_NAMED = 4
_SECONDS = 0.5
_EXPLAINED = (
    "Each file comes when it is whole, and again when the job writes a newer version. What you change here is kept, "
    "and nothing here is deleted. It goes on while you look at other things."
)


class SyncDialog(ModalScreen[None]):
    """Begins the sync of a job's output, or shows how the one that there is stands."""

    CSS_PATH: ClassVar = ["dialog.tcss", "sync.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Close", id="sync.back", tooltip="Close this; a sync goes on"),
    ]

    def __init__(self, link: Link, job: Job) -> None:
        super().__init__()
        self.link, self.job = link, job

    @property
    def syncs(self) -> Syncs:
        """The program's syncs."""
        return cast("FloydApp", self.app).syncs

    @property
    def sync(self) -> SyncState | None:
        """This job's."""
        return self.syncs.of(self.link, self.job)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(f"Sync the output of {self.job.short}", id="question", markup=False)
            with Vertical(id="asking", classes="part"):
                yield Static("into the folder", classes="label")
                yield PathInput(suggested_folder(f"{self.job.name}/output"), placeholder="a folder here", id="to")
                yield Static(_EXPLAINED, classes="dim", markup=False)
                yield Static(id="hint", markup=False)
            with Vertical(id="standing", classes="part"):
                yield Static(id="words")
                yield ProgressLine(id="bar")
                yield Static(id="clashes")
            with Horizontal(id="answers"):
                yield Button("Replace them", id="replace", compact=True, variant="error")
                yield Button("Stop", id="stop", compact=True)
                yield Button("Close", id="close", compact=True, variant="primary")
            yield Static("Enter begins · Tab completes · Esc closes", id="keys")

    def on_mount(self) -> None:
        self._enter()
        self.set_interval(_SECONDS, self._draw)

    def _enter(self) -> None:
        """Show the question, or how it stands."""
        asking = self.sync is None
        self.query_one("#dialog").set_class(asking, "-asking")
        self.query_one("#to" if asking else "#close").focus()
        self._draw()

    def _draw(self) -> None:
        state = self.sync
        if state is None:
            return
        self.query_one("#words", Static).update(_told(state))
        bar = self.query_one(ProgressLine)
        bar.display = state.progress is not None
        if state.progress is not None:
            bar.share = state.progress.done_bytes / state.progress.total_bytes
        clashes = state.last.clashes
        self.query_one("#clashes").display = self.query_one("#replace").display = bool(clashes)
        self.query_one("#clashes", Static).update(_in_the_way(clashes))
        self.query_one("#stop", Button).label = "Forget" if state.over else "Stop"

    @on(Input.Changed, "#to")
    def _typed(self, event: Input.Changed) -> None:
        self._look_at(Path(event.value.strip()).expanduser())

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def _look_at(self, folder: Path) -> None:
        words = "It lies in a project's folder: name it in .floydignore, or it goes up with the next run."
        self.app.call_from_thread(self.query_one("#hint", Static).update, words if goes_up(folder) else "")

    @on(Input.Submitted, "#to")
    def _chosen(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.syncs.start(self.link, self.job, Path(event.value.strip()))
            self._enter()

    @on(Button.Pressed)
    async def _answered(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "replace":
            self.syncs.allow(self.link, self.job)
            self.query_one("#close").focus()
            return
        if event.button.id == "stop":
            await self.syncs.stop(self.link, self.job)
            self.notify("Stopped. What came stays, and the next sync goes on from there.")
        self.dismiss()

    def action_back(self) -> None:
        """Close this."""
        self.dismiss()


def _told(state: SyncState) -> Content:
    """How a sync stands, line by line."""
    now = state.last
    waits = ", ".join(map(fmt.plain, now.waiting[:_NAMED])) + (" …" if len(now.waiting) > _NAMED else "")
    lines = [
        Content.styled(fmt.plain(shown_path(state.to)), "$foreground"),
        Content.styled(headline(state), f"bold ${colour(state)}"),
        Content.styled(fmt.plain(state.error.message if state.error else ""), "$bad"),
        Content.styled(fmt.plain(state.error.hint if state.error else ""), "$dim"),
        Content.styled(f"being written: {waits}" if waits else "", "$dim"),
        Content.styled(f"{fmt.count(now.changed, 'file')} changed here, kept" if now.changed else "", "$dim"),
        Content.styled(f"{fmt.count(now.gone, 'file')} deleted here, not fetched again" if now.gone else "", "$dim"),
    ]
    return Content("\n").join(line for line in lines if line.plain)


def headline(state: SyncState) -> str:
    """How a sync stands, in one line: ``● 12 files, 3.4 MiB came``."""
    came = f"{fmt.count(state.files, 'file')}, {fmt.size(state.size)}"
    if state.error is not None:
        return f"✘ {state.error.title}"
    if state.over:
        return f"✔ all is here: {came} came" if not state.last.clashes else f"■ {came} came, not all of it"
    return f"● {came} came so far" if state.files else "● waiting for the first whole file"


def colour(state: SyncState) -> str:
    """The theme variable that a sync's state is drawn in."""
    if state.error is not None:
        return "bad"
    return "warn" if state.last.clashes else "good" if state.over else "running"


def tell(app: App[Any], before: SyncState, now: SyncState) -> None:
    """Say what a person should know who looks at something else: a file that is in the way, and the end."""
    title = f"Sync of {now.job.short}"
    new = set(now.last.clashes) - set(before.last.clashes)
    if now.error is not None:
        app.notify(str(now.error), title=title, severity="error", timeout=10, markup=False)
    elif new:
        words = f"{fmt.count(len(new), 'file')} changed here, and newer on the host. S on the job's files asks."
        app.notify(words, title=title, severity="warning", markup=False)
    elif now.over:
        app.notify(f"{headline(now)}\n{fmt.plain(shown_path(now.to))}", title=title, markup=False)


def _in_the_way(clashes: tuple[str, ...]) -> Content:
    more = f"\nand {len(clashes) - _NAMED:,} more" if len(clashes) > _NAMED else ""
    names = "\n".join(fmt.plain(shown_path(Path(clash))) for clash in clashes[:_NAMED])
    return Content.styled(f"Changed here, and newer on the host:\n{names}{more}", "$warn")
