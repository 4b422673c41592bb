"""What a job ran, in full: the answer to "which code made this result?"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from floyd_tui.project.sweep import said_values
from floyd_tui.widgets import format as fmt
from runner.models import FileInfo, Job, JobState, Limits

LABEL = 13
FILES_SHOWN = 200
Fact = tuple[str, Content]


class InfoPane(VerticalScroll, can_focus=True):
    """Sections of facts; the text can be selected and copied."""

    DEFAULT_CSS = """
    InfoPane {
        height: 1fr;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        & > Static { height: auto; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="info.down", tooltip="One line down"),
        Binding("k", "scroll_up", "Up", show=False, id="info.up", tooltip="One line up"),
        Binding("y", "copy_command", "Copy command", id="info.copy", tooltip="Copy the command it ran"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._files: list[FileInfo] | None = None
        self._job: Job | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="info-facts")

    def on_resize(self) -> None:
        """Long values wrap beside their labels."""
        self._draw()

    @property
    def code_known(self) -> bool:
        """Whether the code's files are shown."""
        return self._files is not None

    def show(self, job: Job) -> None:
        """Show `job` as it is now."""
        self._job = job
        self._draw()

    def show_code(self, files: list[FileInfo]) -> None:
        """Show which files the code is made of."""
        self._files = files
        self._draw()

    def action_copy_command(self) -> None:
        """The command as it was given, on one line."""
        if self._job:
            self.app.copy_to_clipboard(self._job.command)
            self.notify(fmt.plain(self._job.command), title="Copied", timeout=3, markup=False)

    def _draw(self) -> None:
        job = self._job
        if job is None or not self.query("#info-facts"):
            return
        width = max(20, self.scrollable_content_region.width - LABEL)
        lines: list[Content] = []
        for title, facts in sections(job, self._files):
            lines += [Content.styled(title, "bold $key")] if title else []
            for label, value in facts:
                for i, part in enumerate(value.wrap(width) or [value]):
                    lines.append(Content.styled(("" if i else label).ljust(LABEL), "$dim") + part)
            lines.append(Content(""))
        self.query_one("#info-facts", Static).update(Content("\n").join(lines[:-1]))


def sections(job: Job, files: list[FileInfo] | None) -> Iterator[tuple[str, list[Fact]]]:
    """All there is to know of `job`, by section."""
    yield "", [("name", Content.styled(job.name, "bold")), *_optional("message", job.message), *_tags(job)]
    yield "What it ran", [("command", Content.styled(fmt.plain(job.command), "bold")), *_environment(job)]
    yield "Code", _code(job, files)
    yield "Inputs", list(_inputs(job)) or [("none", Content(""))]
    yield "Limits", list(_limits(job))
    yield "Life", list(_life(job))
    if job.attempts:
        yield "Attempts", list(_attempts(job))
    yield "Output", _output(job)


def _optional(label: str, value: str) -> list[Fact]:
    return [(label, Content(fmt.plain(value)))] if value else []


def _tags(job: Job) -> list[Fact]:
    group = "  ".join((job.group, said_values(job.values))).strip()
    return [*_optional("tags", "  ".join(job.tags)), *_optional("group", group)]


def _environment(job: Job) -> Iterator[Fact]:
    yield "environment", Content(fmt.plain(job.environment or fmt.DASH))
    yield from _optional("image", job.image)
    yield "executor", Content(fmt.plain(job.executor or fmt.DASH))
    yield from _optional("machine", job.machine)
    share = f"{fmt.size(job.gpu_memory)} of one that is shared" if job.gpu_memory is not None else ""
    yield "GPUs", Content(share or str(job.gpus or "none asked for"))
    for device in job.devices:
        yield "", Content(fmt.plain(device))
    for i, (name, value) in enumerate(job.env.items()):
        yield "" if i else "variables", Content(fmt.plain(f"{name}={value}"))
    if job.relaunched_from:
        yield "made from", Content(job.relaunched_from)


def _code(job: Job, files: list[FileInfo] | None) -> list[Fact]:
    if job.code is None:
        return [("none", Content.styled("an empty folder", "$dim"))]
    facts: list[Fact] = [("tree", Content(job.code))]
    if files is None:
        return facts
    total = sum(info.size for info in files)
    facts.append(("files", Content(f"{fmt.count(len(files), 'file')}, {fmt.size(total)}")))
    width = min(48, max((len(info.path) for info in files), default=0))
    for info in files[:FILES_SHOWN]:
        path = fmt.clip(fmt.plain(info.path), width).ljust(width)
        row = Content.assemble(path, (f"  {fmt.size(info.size):>8}  {info.digest[:12]}", "$dim"))
        facts.append(("", row))
    if len(files) > FILES_SHOWN:
        facts.append(("", Content.styled(f"… and {len(files) - FILES_SHOWN:,} more", "$dim")))
    return facts


def _inputs(job: Job) -> Iterator[Fact]:
    for given in job.inputs:
        path = f"/{given.path}" if given.path else ""
        place = Content.assemble(fmt.plain(given.source + path), ("  at ", "$dim"), f"/floyd/input/{given.destination}")
        yield given.destination[: LABEL - 1], place
        yield "", Content.styled(given.tree or "as it is when that has succeeded", "$dim")
        if given.origin:
            yield "", Content.assemble(("from ", "$dim"), fmt.plain(given.origin))


def _limits(job: Job) -> Iterator[Fact]:
    limits = job.given if job.given != Limits() else job.limits
    yield "runtime", Content(fmt.duration(job.max_runtime) if job.max_runtime else "no limit")
    if policy := job.utilization_policy:
        yield (
            "if idle",
            Content(f"stopped: a GPU below {policy.min_gpu_utilization:g} % for {fmt.duration(policy.time_window)}"),
        )
    yield "memory", Content(fmt.size(limits.memory) if limits.memory else "the host's")
    if limits.cpus:
        yield "CPUs", Content(f"{limits.cpus:g}")
    if limits.shm_size:
        yield "shared memory", Content(fmt.size(limits.shm_size))
    if limits.pids:
        yield "processes", Content(str(limits.pids))
    if job.retry:
        yield "retry", Content(str(job.retry))


def _life(job: Job) -> Iterator[Fact]:
    state = Content.styled(f"{fmt.sign(job.state)} {fmt.standing(job)}", f"${fmt.color(job.state)}")
    yield "state", state
    yield "asked for", Content(fmt.when(job.created_at))
    yield "started", Content(fmt.when(job.started_at))
    yield "ended", Content(fmt.when(job.ended_at))
    if job.exit_code is not None:
        yield "exit code", Content(str(job.exit_code))
    yield from _optional("reason", job.reason)
    if job.priority:
        yield "priority", Content(str(job.priority))
    for name in job.after:
        yield "after", Content(name)
    if job.state is JobState.QUEUED:
        yield from _optional("waits", fmt.waiting(job))
    else:
        yield from _optional("progress", job.progress)


def _attempts(job: Job) -> Iterator[Fact]:
    """Those before this one: how each ended, when, and how much it wrote."""
    start = 0
    for number, one in enumerate(job.attempts, start=1):
        code = f"  exit {one.exit_code}" if one.exit_code is not None else ""
        state = Content.styled(f"{fmt.sign(one.state)} {fmt.words(one.state)}{code}", f"${fmt.color(one.state)}")
        lasted = fmt.duration(one.ended_at - one.started_at)
        rest = f"  {fmt.when(one.started_at)}, {lasted}, log {fmt.size(one.log_end - start)}"
        yield f"{number} of {job.retry.attempts if job.retry else job.attempt}", state + Content.styled(rest, "$dim")
        yield from _optional("", one.reason)
        start = one.log_end


def _output(job: Job) -> list[Fact]:
    facts: list[Fact] = [("files", Content(f"{fmt.count(job.output_files, 'file')}, {fmt.size(job.output_size)}"))]
    facts += _optional("tree", job.output or "")
    facts.append(("log", Content(fmt.size(job.log_size))))
    for i, (name, value) in enumerate(job.metrics.items()):
        facts.append(("" if i else "metrics", Content(f"{fmt.plain(name)} {fmt.number(value)}")))
    return facts
