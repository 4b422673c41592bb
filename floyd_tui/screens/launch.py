"""The launch form: what to run, with what, on which GPUs; what goes up is shown before it does, and while it does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Select, Static
from textual.worker import Worker, get_current_worker

from floyd_tui.client.protocol import Link
from floyd_tui.errors import FloydError
from floyd_tui.project.large import Declined
from floyd_tui.project.run import Stage, Tell, submit
from floyd_tui.project.snapshot import take
from floyd_tui.project.sweep import ASK_ABOVE, NO_SWEEP, Sweep
from floyd_tui.project.sweeping import submit_sweep
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.goes_up import GoesUpScreen
from floyd_tui.screens.large import consider
from floyd_tui.screens.launch_fields import INPUTS, POLICIES, RETRIES, fields, makes, paths
from floyd_tui.screens.launch_form import FormValues, Reading, read, values_of
from floyd_tui.screens.sweep_dialog import SweepDialog
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.mounts_editor import MountsEditor
from floyd_tui.widgets.top_bar import TopBar
from floyd_tui.widgets.upload_panel import UploadPanel
from runner.models import Job, Launch

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

SCAN_AFTER = 0.3
JOBS_SUGGESTED = 200


class LaunchScreen(ErrorFunnel[Job | None]):
    """A launch to be filled in. `folder` holds the code; None takes the draft's `code_from`.

    Dismisses with the job once it is launched, or with None.
    """

    CSS_PATH = "launch.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012  (Textual declares it so)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "launch", "Launch", id="launch.launch", priority=True, tooltip="Send the code and run it"),
        Binding("ctrl+g", "goes_up", "What goes up", id="launch.goes-up", tooltip="What goes up, what stays, by size"),
        Binding("ctrl+s", "list", "Its jobs", id="launch.list", tooltip="The jobs that a sweep makes, one by one"),
        Binding("escape", "leave", "Leave", id="launch.leave", tooltip="Stop sending, or leave the form"),
        Binding("down", "app.focus_next", "Next field", show=False, id="launch.next", tooltip="The next field"),
        Binding("up", "app.focus_previous", "Field before", show=False, id="launch.previous", tooltip="The one before"),
    ]

    def __init__(
        self,
        link: Link,
        draft: Launch,
        folder: Path | None,
        sweep: Sweep = NO_SWEEP,
        whose_code: bool = False,
    ) -> None:
        super().__init__()
        self._link, self._draft, self._whose_code = link, draft, whose_code
        self._values = values_of(draft, folder, sweep)
        self._sending: Worker[None] | None = None
        self._asked = False

    def compose(self) -> ComposeResult:
        yield TopBar(self._link, "launch")
        with Horizontal(id="launch"):
            with Vertical(id="left"):
                with VerticalScroll(id="form", can_focus=False):
                    yield from fields(self._values)
                with Horizontal(id="buttons"):
                    yield Button("Launch", id="go", variant="primary", compact=True)
                    yield Static("Enter, or ctrl+l from anywhere", classes="dim")
            with Vertical(id="goes-up"):
                yield Static("What goes up", id="goes-up-title")
                yield UploadPanel()
        yield KeyRow()

    def on_mount(self) -> None:
        self._suggest()
        self._look_at_code()
        self._say()
        if self._whose_code:
            self.notify(f"Say which folder holds the code of {self._draft.project} today.")
            self.query_one("#folder").focus()
        else:
            # Where nothing is missing, Enter launches at once.
            self.query_one("#go" if self._values.command else "#command").focus()

    # The form

    def values(self) -> FormValues:
        """The fields as they are now."""
        texts = {name: self.query_one(f"#{name}", Input).value for name in INPUTS}
        folder = self.query("#folder").first(Input).value if self._values.folder is not None else None
        chosen = self.query_one("#environment", Select).value
        environment = chosen if isinstance(chosen, str) else None
        mounts = self.query_one(MountsEditor).pairs
        return FormValues(**texts, folder=folder, environment=environment, mounts=mounts)

    def _read(self) -> Reading:
        reading = read(self.values(), self._draft)
        for field in self.query(FormField):
            field.wrong(reading.wrong.get((field.id or "").removeprefix("field-"), ""))
        return reading

    @on(Input.Changed)
    @on(MountsEditor.Changed)
    @on(Select.Changed)
    def _changed(self) -> None:
        # Sentences appear at the launch and go as soon as they are no longer true.
        if self.query("FormField.-wrong"):
            self._read()
        self._say()

    def _say(self) -> None:
        """How many jobs it makes, and where its command finds what is mounted."""
        reading = read(self.values(), self._draft)
        for name, words in (
            ("makes", makes(reading.launches)),
            ("paths", paths(reading.launch.command, reading.launch.mounts)),
        ):
            said = self.query_one(f"#{name}", Static)
            said.update(words)
            said.display = bool(words)

    @on(Input.Changed, "#folder")
    def _folder_changed(self) -> None:
        self._look_at_code()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.focus_next()

    @work(exclusive=True, group="suggest", exit_on_error=False)
    async def _suggest(self) -> None:
        """Environments to choose from and sources to complete, once the host has told them."""
        client = self._link.client
        try:
            environments, datasets, jobs = await asyncio.gather(
                client.environments(), client.datasets(), client.jobs(limit=JOBS_SUGGESTED)
            )
        except FloydError as error:
            show_error(self, error)
            return
        outputs = [f"{job.short}/output" for job in jobs if job.output_files or job.started_at]
        versions = [name for dataset in datasets for name in (dataset.name, *(v.short for v in dataset.versions))]
        self.query_one(MountsEditor).suggest([*versions, *outputs])
        going = [job.short for job in jobs if not job.state.ended]
        for name, known in (("after", going), ("retry", RETRIES), ("idle", POLICIES)):
            self.query_one(f"#{name}", Input).suggester = SuggestFromList(known)
        select: Select[str] = self.query_one("#environment", Select)
        kept = select.value if isinstance(select.value, str) else None
        names = {environment.name: environment.name for environment in environments}
        for environment in environments:
            names[environment.name] += "" if environment.present else "   (fetched first)"
        if kept and kept not in names:
            names[kept] = kept
        select.set_options([(title, name) for name, title in names.items()])
        select.value = kept or Select.NULL

    @work(exclusive=True, group="scan", exit_on_error=False)
    async def _look_at_code(self) -> None:
        """Show what would go up from the folder as typed."""
        panel = self.query_one(UploadPanel)
        if self._values.folder is None:
            panel.show_code_of(self._draft.code_from or "nothing, an empty folder")
            return
        await asyncio.sleep(SCAN_AFTER)
        reading = read(self.values(), self._draft)
        if "folder" in reading.wrong or reading.folder is None:
            panel.show_trouble(reading.wrong.get("folder", ""))
            return
        panel.show_stage(Stage("scanning"))
        try:
            snapshot = await take(reading.folder)
        except FloydError as error:
            panel.show_trouble(str(error))
        else:
            panel.show_snapshot(snapshot, cast("FloydApp", self.app).config.large_code)

    # Launching

    @on(Button.Pressed, "#go")
    def action_launch(self) -> None:
        """Launch, unless a field cannot be right."""
        if self._sending and self._sending.is_running:
            return
        reading = self._read()
        if reading.wrong:
            first = next(field for field in self.query(FormField) if field.has_class("-wrong"))
            first.query("Input, Select").first().focus()
            return
        self._sending = self._send(reading)

    def action_list(self) -> None:
        """The jobs that a sweep makes, one by one."""
        reading = self._read()
        if reading.launches[0].values:
            self.app.push_screen(SweepDialog(reading.launches), self._listed)

    def _listed(self, launch: bool | None) -> None:
        if launch:
            self._asked = True
            self.action_launch()

    @work(exclusive=True, group="scan", exit_on_error=False)
    async def _send(self, reading: Reading) -> None:
        self.add_class("-sending")
        self.query_one("#form").disabled = True
        worker, panel = get_current_worker(), self.query_one(UploadPanel)

        def tell(stage: Stage) -> None:
            if not worker.is_cancelled:
                panel.show_stage(stage)

        try:
            job = await self._submitted_of(reading, tell)
        except Declined as error:
            self.notify(error.message)
        except FloydError as error:
            show_error(self, error, self._link)
        else:
            if job:
                self.dismiss(job)
                return
        finally:
            if self.is_attached:
                self.remove_class("-sending")
                self.query_one("#form").disabled = False
        self._look_at_code()

    async def _submitted_of(self, reading: Reading, tell: Tell) -> Job | None:
        """The job, or the first one of a sweep; None where there were too many of it to do unasked."""
        launches = reading.launches
        if reading.folder:
            launches = [replace(launch, code=None, code_from=None) for launch in launches]
        if not launches[0].values:
            return await submit(self._link, reading.folder, launches[0], tell, consider(self))
        many = len(launches) > ASK_ABOVE and not self._asked
        if many and not await self.app.push_screen_wait(SweepDialog(launches)):
            return None
        made = await submit_sweep(self._link, reading.folder, launches, tell, consider(self))
        if made.before:
            self.notify(f"{made.before} of these {len(launches)} had been launched before.")
        return made.jobs[0]

    def action_goes_up(self) -> None:
        """What goes up and what stays, path by path."""
        reading = read(self.values(), self._draft)
        if reading.folder and "folder" not in reading.wrong:
            self.app.push_screen(GoesUpScreen(reading.folder.resolve(), "code"), self._seen)

    def _seen(self, _: None) -> None:
        self._look_at_code()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Code of an earlier job does not go up."""
        if action == "list" and self.is_mounted:
            return bool(self.query_one("#makes").display)
        return not (action == "goes_up" and self._values.folder is None)

    def action_leave(self) -> None:
        """Stop the sending; with nothing being sent, leave."""
        if self._sending and self._sending.is_running:
            self._sending.cancel()
            self.notify("Nothing was launched. What was sent is kept for the next time.")
            self._look_at_code()
        else:
            self.dismiss(None)
