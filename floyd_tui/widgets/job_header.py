"""A job in two or three lines on top of its screen: how it stands, what it is, how long, and what came of it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.hint_lines import HintLines, worst_first
from floyd_tui.widgets.line import Line, once_a
from runner.models import Hint, Job, JobState


class JobHeader(Vertical):
    """State, name, message and duration; below it the reason of its end, or the last metrics; the command if tall."""

    DEFAULT_CSS = """
    JobHeader {
        height: auto;
        background: $surface;
        padding: 0 1;
        & Static { text-wrap: nowrap; text-overflow: ellipsis; height: 1; }
        & > Horizontal { height: 1; }
        & #job-title { width: 1fr; }
        & #job-time { width: auto; margin-left: 2; }
        & HintLines { padding: 0; }
        & #job-command { display: none; color: $dim; }
    }
    """

    job: reactive[Job | None] = reactive(None)
    hints: reactive[tuple[Hint, ...]] = reactive(())

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Line(id="job-title")
            yield Line(id="job-time")
        yield Line(id="job-news")
        yield HintLines()
        yield Line(id="job-command")

    def on_mount(self) -> None:
        once_a(1, self, self.draw)
        self.draw()

    def watch_job(self) -> None:
        """Show the job as it is now."""
        self.draw()

    def watch_hints(self, hints: tuple[Hint, ...]) -> None:
        """Tell the gravest of what could be better; all of them are on the tab of its use."""
        self.query_one(HintLines).show(worst_first(hints)[:1])

    def draw(self) -> None:
        """Draw again: durations move on."""
        job = self.job
        if job is None or not self.query("#job-title"):
            return
        color = f"${fmt.color(job.state)}"
        title = [Content.styled(f"{fmt.sign(job.state)} {fmt.standing(job)}", f"bold {color}")]
        title.append(Content.styled(job.short, "bold"))
        if job.attempts and job.retry:
            title.append(Content.styled(f"attempt {job.attempt} of {job.retry.attempts}", "$warn"))
        title += [Content(fmt.plain(job.message))] if job.message else []
        title += [Content.styled(f"#{fmt.plain(tag)}", "$dim") for tag in job.tags]
        self.query_one("#job-title", Static).update(Content("  ").join(title))
        self.query_one("#job-time", Static).update(self._times(job))
        self.query_one("#job-news", Static).update(news(job))
        self.query_one("#job-command", Static).update(Content(f"$ {fmt.plain(job.command)}"))

    def _times(self, job: Job) -> Content:
        now = fmt.now(self)
        if job.started_at is None:
            return Content.styled(f"asked {fmt.age(job.created_at, now)} ago", "$dim")
        ran = fmt.duration(fmt.job_seconds(job, now))
        if not job.ended_at:
            limit = f" of {fmt.duration(job.max_runtime)}" if job.max_runtime else ""
            return Content.assemble((ran, "bold"), (limit, "$dim"))
        age = fmt.age(job.ended_at, now)
        return Content.assemble((ran, "bold"), (f", {age if age == 'now' else age + ' ago'}", "$dim"))


def news(job: Job) -> Content:
    """The one line that matters most now: why it ended, what it waits for, or its last metrics."""
    color = f"${fmt.color(job.state)}"
    code = f"exit {job.exit_code}  " if job.exit_code is not None else ""
    if job.reason:
        return Content.assemble((code, f"bold {color}"), (fmt.plain(job.reason), color))
    if job.progress:
        waits = job.state is JobState.QUEUED
        return Content.styled(fmt.plain(fmt.waiting(job) if waits else job.progress), color)
    metrics = Content("   ").join(
        Content.assemble((f"{fmt.plain(name)} ", "$dim"), fmt.number(value)) for name, value in job.metrics.items()
    )
    if job.metrics:
        return Content.styled(code, color) + metrics
    words = {JobState.QUEUED: "Waits for its turn.", JobState.PREPARING: "Getting ready."}.get(job.state, "")
    return Content.styled(code or words or f"{job.environment or 'no environment'}, {job.executor}", "$dim")
