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
from floyd_tui.project.run import Stage, submit
from floyd_tui.project.snapshot import take
from floyd_tui.screens.errors import ErrorFunnel, show_error
from floyd_tui.screens.goes_up import GoesUpScreen
from floyd_tui.screens.large import consider
from floyd_tui.screens.launch_form import FormValues, Reading, read, values_of
from floyd_tui.widgets.form_field import FormField
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.mounts_editor import MountsEditor
from floyd_tui.widgets.path_input import PathInput
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
        Binding("escape", "leave", "Leave", id="launch.leave", tooltip="Stop sending, or leave the form"),
        Binding("down", "app.focus_next", "Next field", show=False, id="launch.next", tooltip="The next field"),
        Binding("up", "app.focus_previous", "Field before", show=False, id="launch.previous", tooltip="The one before"),
    ]

    def __init__(self, link: Link, draft: Launch, folder: Path | None) -> None:
        super().__init__()
        self._link, self._draft = link, draft
        self._values = values_of(draft, folder)
        self._sending: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        yield TopBar(self._link, "launch")
        with Horizontal(id="launch"):
            with VerticalScroll(id="form", can_focus=False):
                yield from self._compose_fields()
                with Horizontal(id="buttons"):
                    yield Button("Launch", id="go", variant="primary", compact=True)
                    yield Static("ctrl+l from anywhere, Esc leaves", classes="dim")
            with Vertical(id="goes-up"):
                yield Static("What goes up", id="goes-up-title")
                yield UploadPanel()
        yield KeyRow()

    def _compose_fields(self) -> ComposeResult:
        values = self._values
        yield FormField("Project", _input(values.project, "name", "project"), id="field-project")
        if values.folder is not None:
            yield FormField(
                "Code", PathInput(values.folder, placeholder="a folder here", id="folder"), id="field-folder"
            )
        yield FormField("Command", _input(values.command, "python train.py", "command"), id="field-command")
        yield FormField("Message", _input(values.message, "what is new in this one", "message"), id="field-message")
        options = [(values.environment, values.environment)] if values.environment else []
        choice: Select[str] = Select(
            options,
            prompt="the host's default",
            value=values.environment or Select.NULL,
            compact=True,
            id="environment",
        )
        yield FormField("Environment", choice, id="field-environment")
        yield FormField("Inputs", MountsEditor(values.mounts, id="mounts"), id="field-mounts")
        yield FormField("GPUs", _input(values.gpus, "0; 8GiB shares one; gpu2 is a machine", "gpus"), id="field-gpus")
        runtime = _input(values.max_runtime, "no limit; or 90m, 2h30m, 1d", "max_runtime")
        yield FormField("Max runtime", runtime, id="field-max_runtime")
        limits = Horizontal(
            _input(values.memory, "memory: the host's; or 8GiB", "memory"),
            _input(values.cpus, "cores: the host's; or 4", "cpus"),
            id="limits",
        )
        yield FormField("Limits", limits, id="field-limits")
        queue = Horizontal(
            _input(values.priority, "priority: 0; higher is sooner", "priority"),
            _input(values.after, "after: a job that is to succeed", "after"),
            id="queue",
        )
        yield FormField("Queue", queue, id="field-queue")
        variables = _input(values.variables, "NAME=VALUE LR=0.1", "variables")
        yield FormField("Variables", variables, id="field-variables")
        yield FormField("Tags", _input(values.tags, "words to find it by", "tags"), id="field-tags")

    def on_mount(self) -> None:
        self._suggest()
        self._look_at_code()
        first = "#command" if not self._values.command else "#go"
        self.query_one(first).focus()

    # The form

    def values(self) -> FormValues:
        """The fields as they are now."""
        texts = {name: self.query_one(f"#{name}", Input).value for name in _INPUTS}
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
        self.query_one("#after", Input).suggester = SuggestFromList(going)
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

    @work(exclusive=True, group="scan", exit_on_error=False)
    async def _send(self, reading: Reading) -> None:
        self.add_class("-sending")
        self.query_one("#form").disabled = True
        worker, panel = get_current_worker(), self.query_one(UploadPanel)

        def tell(stage: Stage) -> None:
            if not worker.is_cancelled:
                panel.show_stage(stage)

        try:
            launch = replace(reading.launch, code=None, code_from=None) if reading.folder else reading.launch
            job = await submit(self._link, reading.folder, launch, tell, consider(self))
        except Declined as error:
            self.notify(error.message)
        except FloydError as error:
            show_error(self, error, self._link)
        else:
            self.dismiss(job)
            return
        finally:
            if self.is_attached:
                self.remove_class("-sending")
                self.query_one("#form").disabled = False
        self._look_at_code()

    def action_goes_up(self) -> None:
        """What goes up and what stays, path by path."""
        reading = read(self.values(), self._draft)
        if reading.folder and "folder" not in reading.wrong:
            self.app.push_screen(GoesUpScreen(reading.folder.resolve(), "code"), self._seen)

    def _seen(self, _: None) -> None:
        self._look_at_code()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Code of an earlier job does not go up."""
        return not (action == "goes_up" and self._values.folder is None)

    def action_leave(self) -> None:
        """Stop the sending; with nothing being sent, leave."""
        if self._sending and self._sending.is_running:
            self._sending.cancel()
            self.notify("Nothing was launched. What was sent is kept for the next time.")
            self._look_at_code()
        else:
            self.dismiss(None)


_INPUTS = (
    "project",
    "command",
    "message",
    "gpus",
    "max_runtime",
    "tags",
    "variables",
    "memory",
    "cpus",
    "priority",
    "after",
)


def _input(value: str, placeholder: str, id: str) -> Input:
    return Input(value, placeholder=placeholder, compact=True, id=id)
