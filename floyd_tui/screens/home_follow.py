"""The jobs of the hosts that are shown: loaded, looked for among older ones, and kept true by events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual import work

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.home_jobs import Board, KnownJobs
from floyd_tui.screens.home_rows import ALL
from floyd_tui.screens.home_view import JobView
from floyd_tui.screens.live import follow
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import JobFilter
from runner.models import Event, Job

# More than anyone scrolls through; a project and a filter ask the host anew. They come page by page, the newest first.
LIMIT = 10_000
PAGE = 500
# Seconds after the last key in the filter.
TYPING = 0.3


class FollowedJobs(JobView):
    """A list that is kept true. Who inherits draws: at once by `draw_list`, or soon, with what else comes, by
    `draw_soon`."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.project = ALL
        self._wanted = JobFilter()

    def draw_soon(self) -> None:
        """Draw what events have brought, once for all that come close together."""
        raise NotImplementedError

    @work(group="follow", exit_on_error=False)
    async def keep_true_of(self, link: Link) -> None:
        """Load a host's jobs and keep them true; one that is away holds up no other."""
        known = self.board.hosts[link.name]

        async def load(client: Client) -> None:
            known.take(await client.projects(), await client.jobs(limit=min(PAGE, LIMIT)), fmt.now(self))
            self.draw_list()
            self.ask_older(self.project)
            self._load_rest(link, known)

        def apply(event: Event) -> None:
            changed, counts = known.apply(event, fmt.now(self))
            if counts:
                self._count_again(link)
            if changed:
                self.draw_soon()

        def trouble(error: FloydError) -> None:
            known.error = error
            if link.name == self.floyd.host:
                self.troubled(link, error)
            self.draw_list()

        await follow(link, load, apply, trouble)

    @work(group="follow", exit_on_error=False)
    async def _load_rest(self, link: Link, known: KnownJobs) -> None:
        """The older jobs, page by page, so that the screen never waits for them."""
        for offset in range(PAGE, LIMIT, PAGE):
            if not known.lacks(ALL):
                return
            known.add_older(await link.client.jobs(limit=PAGE, offset=offset))
            self.draw_soon()

    @work(group="count", exit_on_error=False)
    async def _count_again(self, link: Link) -> None:
        """Projects' counts are the host's to know."""
        known = self.board.hosts[link.name]  # another one's, once that is looked at
        try:
            known.projects = await link.client.projects()
        except FloydError:
            return  # who follows is told the same and shows it
        self.draw_soon()

    @work(exclusive=True, group="older", exit_on_error=False)
    async def ask_older(self, project: str) -> None:
        """Jobs of `project` that are not among the newest of all."""
        if project:
            await self._add_older(lambda client: client.jobs(project=project, limit=LIMIT))

    @work(exclusive=True, group="search", exit_on_error=False)
    async def search(self, project: str) -> None:
        """Jobs that pass the filter and are older than those known."""
        wanted = self._wanted
        if wanted.text or wanted.states:
            await asyncio.sleep(TYPING)
            await self._add_older(lambda client: client.jobs(project or None, wanted.states, LIMIT, wanted.text))

    async def _add_older(self, ask: Callable[[Client], Awaitable[list[Job]]]) -> None:
        """Ask the hosts that are there and have jobs that are not known here."""

        async def add(host: str, known: KnownJobs) -> None:
            try:
                known.add_older(await ask(self.floyd.links[host].client))
            except FloydError as error:
                show_error(self, error)
            self.draw_list()

        lacking = [(host, known) for host, known in self.board.hosts.items() if known.lacks(ALL) and not known.error]
        await asyncio.gather(*(add(host, known) for host, known in lacking))
