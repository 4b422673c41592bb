"""Fetching files: where to, how far it is, what to do with files that are in the way, what came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from floyd_tui.client.protocol import Link
from floyd_tui.client.transfer import Downloaded
from floyd_tui.client.transfers import Transfer, Transfers
from floyd_tui.errors import FilesInTheWay, FloydError, ProjectError
from floyd_tui.project.ignore import IgnoreRules
from floyd_tui.project.link import find_link
from floyd_tui.screens.launch_form import shown_path
from floyd_tui.standing import share
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.path_input import PathInput
from floyd_tui.widgets.progress_line import ProgressLine
from floyd_tui.widgets.transfer_table import standing
from runner.models import Ref

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

STYLES: list[str | PurePath] = ["dialog.tcss", "download.tcss"]
STATES = ("asking", "fetching", "clash", "done")
KEYS = {
    "asking": "Enter fetches · Tab completes · Esc closes",
    "fetching": "Esc: goes on in the background · p pauses · x cancels",
    "clash": "Esc: back to the folder",
    "done": "y copies the path · Esc closes",
}


def suggested_folder(source: str) -> str:
    """Where the files of `source` go unless told otherwise: ``outputs/digits-7`` below the current folder."""
    ref = Ref.parse(source)
    name = f"{ref.name}-{ref.number}" if ref.number else ref.name
    return f"{'code' if ref.area == 'code' else 'data' if ref.kind == 'datasets' else 'outputs'}/{name}"


class DownloadScreen(ModalScreen[Path | None]):
    """Fetches `paths` of `source` (an empty path is all of it); dismisses with where they are, or None."""

    CSS_PATH = STYLES
    AUTO_FOCUS = "#to"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Close", id="download.back", tooltip="Let it go on in the background, or close"),
        Binding("p", "pause", "Pause", show=False, id="download.pause", tooltip="Stop it for now, or let it go on"),
        Binding(
            "x", "cancel", "Cancel", show=False, id="download.cancel", tooltip="End it; whole files that came stay"
        ),
        Binding("y", "copy_path", "Copy path", show=False, id="download.copy", tooltip="Copy where the files are"),
    ]

    def __init__(self, link: Link, source: str, paths: Sequence[str]) -> None:
        super().__init__()
        self.link, self.source, self.paths = link, source, tuple(paths) or ("",)
        self.state = "asking"
        self.came: Path | None = None
        self._transfer = 0

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-asking"):
            yield Static(self._question(), id="question", markup=False)
            yield Static(id="wrong", classes="wrong", markup=False)
            with Vertical(id="asking", classes="part"):
                yield Static("into the folder", classes="label")
                yield PathInput(suggested_folder(self.source), placeholder="a folder here", id="to")
                yield Static("…", id="what", classes="dim")
            with Vertical(id="fetching", classes="part"):
                yield ProgressLine(id="bar")
                yield Static(id="rate")
            with Vertical(id="clash", classes="part"):
                yield Static(id="clash-title", classes="label", markup=False)
                with VerticalScroll(id="clashes", can_focus=False):
                    yield Static(id="clash-names", markup=False)
            with Vertical(id="done", classes="part"):
                yield Static(id="outcome")
            with Horizontal(id="answers"):
                yield Button("Another folder", id="other", compact=True)
                yield Button("Overwrite", id="overwrite", compact=True, variant="error")
            yield Static(KEYS["asking"], id="keys")

    def _question(self) -> str:
        names = [fmt.plain(path) for path in self.paths if path]
        what = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return f"Fetch {what or 'everything'} from {fmt.plain(self.source)}"

    @property
    def transfers(self) -> Transfers:
        """The queue."""
        return cast("FloydApp", self.app).transfers

    def on_mount(self) -> None:
        self._unwatch = self.transfers.watch(self._heard)
        self._count()

    def on_unmount(self) -> None:
        self._unwatch()

    def _enter(self, state: str) -> None:
        """Show the part that belongs to `state`."""
        self.state = state
        dialog = self.query_one("#dialog")
        for name in STATES:
            dialog.set_class(name == state, f"-{name}")
        self.query_one("#keys", Static).update(KEYS[state])
        if state == "asking":
            self.call_after_refresh(self.query_one("#to").focus)
        elif state == "clash":
            self.call_after_refresh(self.query_one("#other").focus)
        else:
            self.set_focus(None)

    @work(exclusive=True, group="count", exit_on_error=False)
    async def _count(self) -> None:
        """Say how much there is."""
        what = self.query_one("#what", Static)
        try:
            found = [info for path in self.paths for info in await self.link.client.files(self.source, path, True)]
        except FloydError as error:
            self._wrong(error)
            what.update("")
            return
        files = [info for info in found if info.kind != "dir"]
        what.update(f"{fmt.count(len(files), 'file')}, {fmt.size(sum(info.size for info in files))}")

    # Fetching

    @on(Input.Submitted, "#to")
    def _chosen(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.fetch()

    @property
    def folder(self) -> Path:
        """The folder chosen."""
        return Path(self.query_one("#to", Input).value.strip()).expanduser()

    def fetch(self) -> None:
        """Fetch all paths, when it is their turn."""
        self.query_one("#wrong").remove_class("-shown")
        self._enter("fetching")
        self._transfer = self.transfers.add(self.link, self.source, self.paths, self.folder).id
        self._show(self.transfers.get(self._transfer))

    def shows(self, transfer: Transfer) -> bool:
        """Whether a person who looks at this sees how `transfer` stands."""
        return transfer.id == self._transfer

    def _heard(self, _: Transfer, now: Transfer) -> None:
        if now.id == self._transfer:
            self._show(now)

    def _show(self, now: Transfer | None) -> None:
        if now is None:
            return
        if isinstance(now.error, FilesInTheWay):
            self._ask_about(now.error.paths)
        elif now.state == "failed" and now.error is not None:
            self._wrong(now.error)
            self._back_to_question()
        elif now.state == "done":
            self._done(now.came)
        else:
            self.query_one(ProgressLine).share = share(now.progress)
            self.query_one("#rate", Static).update(standing(now))

    def _back_to_question(self) -> None:
        """Forget what was begun: another folder may be chosen."""
        id, self._transfer = self._transfer, 0
        self.run_worker(self.transfers.cancel(id), group="cancel", exit_on_error=False)
        self._enter("asking")

    def _ask_about(self, paths: Sequence[str]) -> None:
        what = "This file is" if len(paths) == 1 else f"These {len(paths):,} files are"
        self.query_one("#clash-title", Static).update(f"{what} here with other content, and would be lost:")
        self.query_one("#clash-names", Static).update("\n".join(fmt.plain(shown_path(Path(path))) for path in paths))
        self._enter("clash")

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "overwrite":
            self._enter("fetching")
            self.transfers.allow(self._transfer)
        else:
            self._back_to_question()

    def _wrong(self, error: FloydError) -> None:
        wrong = self.query_one("#wrong", Static)
        wrong.update(str(error))
        wrong.add_class("-shown")

    def _done(self, came: Sequence[Downloaded]) -> None:
        self.came = came[0].path if len(came) == 1 else self.folder.absolute()
        files, size = sum(one.files for one in came), sum(one.size for one in came)
        kept, left_out = sum(one.kept for one in came), [path for one in came for path in one.left_out]
        lines = [Content.styled(f"✔ {fmt.count(files, 'file')}, {fmt.size(size)}", "bold $good")]
        lines.append(Content.styled(fmt.plain(shown_path(self.came)), "$foreground"))
        if kept:
            lines.append(Content.styled(f"{fmt.count(kept, 'file')} more were here already.", "$dim"))
        if left_out:
            lines.append(Content.styled(f"Left out: {fmt.plain(', '.join(left_out[:5]))} (links)", "$warn"))
        if unsteady := [path for one in came for path in one.unsteady]:
            words = f"Written to while it came, so fetch it again: {', '.join(unsteady[:5])}"
            lines.append(Content.styled(fmt.plain(words), "$warn"))
        if goes_up(self.folder):
            hint = "It lies in a project's folder: name it in .floydignore, or it goes up with the next run."
            lines.append(Content.styled(hint, "$warn"))
        self.query_one("#outcome", Static).update(Content("\n").join(lines))
        self._enter("done")

    # Keys

    def action_back(self) -> None:
        """Let what runs go on in the background, go back from the question, or close."""
        if self.state == "clash":
            self._back_to_question()
            return
        if self.state == "fetching":
            self.notify("It goes on in the background: ctrl+t shows it.")
        self.dismiss(self.came)

    def action_pause(self) -> None:
        """Stop for now, or go on."""
        if (now := self.transfers.get(self._transfer)) is None:
            return
        if now.state == "paused":
            self.transfers.resume(now.id)
        else:
            self.run_worker(self.transfers.pause(now.id), group="pause", exit_on_error=False)

    def action_cancel(self) -> None:
        """End what runs."""
        if self.state == "fetching":
            self._back_to_question()
            self.notify("Cancelled. The next try goes on where this one stopped.")

    def action_copy_path(self) -> None:
        """Copy where the files are."""
        if self.came:
            self.app.copy_to_clipboard(str(self.came))
            self.notify(fmt.plain(str(self.came)), title="Copied", timeout=3, markup=False)


def goes_up(folder: Path) -> bool:
    """Whether `folder` is part of a project's code, so that what is fetched there would be sent with the next run."""
    try:
        link, place = find_link(folder), folder.resolve()
        if link is None or place == link.folder:
            return link is not None
        return IgnoreRules.load(link.folder).explain(place.relative_to(link.folder).as_posix()) is None
    except (ProjectError, OSError):
        return False
