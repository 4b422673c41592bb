"""What tells that a job has ended, wherever one looks in the app: a toast, the terminal, and a webhook."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from floyd_tui.client.protocol import Client, Link, LinkState, LinkStatus
from floyd_tui.errors import FloydError
from floyd_tui.notifying import Ends, WebhookFailed, escape_codes, message, post
from floyd_tui.screens.errors import TOAST_SECONDS
from floyd_tui.screens.job_actions import open_job
from floyd_tui.screens.live import follow
from floyd_tui.widgets import format as fmt
from runner.models import Event, Job, JobState

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

_GOING_ON = tuple(state for state in JobState if not state.ended)


class Notices:
    """Follows every host that is connected, from its first connection to the app's end."""

    def __init__(self, app: FloydApp) -> None:
        self._app = app
        self._watched: set[Link] = set()
        self._followed: set[Link] = set()
        self._webhook_failed = False
        self.last: tuple[str, Job] | None = None
        """The host and the job of the latest notice."""

    def begin(self) -> None:
        """Follow the hosts that are connected, and each other one once it is; again once there are more of them."""
        for link in [self._app.links[name] for name in self._app.links.names()]:
            if link not in self._watched:
                self._watched.add(link)
                link.watch(partial(self._look, link))
                self._look(link, link.status)

    def _look(self, link: Link, status: LinkStatus) -> None:
        if status.state is LinkState.LIVE and link not in self._followed and self._app.is_running:
            self._followed.add(link)
            self._app.run_worker(self._follow(link), group="notices", exit_on_error=False)

    async def _follow(self, link: Link) -> None:
        owner = ""

        def ended(job: Job) -> None:
            if self._app.config.notify.wants(job, owner):
                self._tell(link.name, job)

        ends = Ends(ended)

        async def load(client: Client) -> None:
            nonlocal owner
            owner = (await client.info()).owner
            for name in ends.gone(await client.jobs(states=_GOING_ON)):
                ends.found(await client.job(name))  # it ended while nobody was connected

        def apply(event: Event) -> None:
            if event.job is not None:
                ends.take(event.job)

        await follow(link, load, apply, lambda error: None)  # the pages show what is wrong with a host

    def _tell(self, host: str, job: Job) -> None:
        app, notify = self._app, self._app.config.notify
        self.last = host, job
        ran = fmt.duration(fmt.job_seconds(job, app.clock()))
        title = f"{fmt.sign(job.state)} {fmt.plain(job.short)} {fmt.words(job.state)}"
        text = f"after {ran} on {host}" + (f": {fmt.plain(job.reason)}" if job.reason else "")
        if driver := app._driver:
            driver.write(escape_codes(title, text, notify))
        if not self._looked_at(job):
            good = job.state is JobState.SUCCEEDED
            said = f"{text}\n:ended opens it."
            app.notify(
                said, title=title, severity="information" if good else "warning", timeout=TOAST_SECONDS, markup=False
            )
        if notify.webhook:
            body = message(host, job, f"{title} {text}")
            app.run_worker(self._post(notify.webhook, body), group="webhook", exit_on_error=False)

    def _looked_at(self, job: Job) -> bool:
        """Whether the job's own screen is on top, and says all itself."""
        from floyd_tui.screens.job import JobScreen

        screen = self._app.screen
        return isinstance(screen, JobScreen) and screen.job.name == job.name

    async def _post(self, url: str, body: dict[str, object]) -> None:
        try:
            await post(url, body)
        except WebhookFailed as error:
            if not self._webhook_failed:
                self._app.notify(str(error), title=error.title, severity="error", timeout=TOAST_SECONDS, markup=False)
            self._webhook_failed = True
        else:
            self._webhook_failed = False

    def open_last(self) -> None:
        """Open the job of the latest notice; raises `FloydError` where there was none yet."""
        if self.last is None:
            raise FloydError("No job has ended since the app was opened.")
        host, job = self.last
        open_job(self._app.screen, self._app.links[host], job)
