"""What ctrl+p finds: every command of the screen with its key, and the newest jobs of the hosts that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from floyd_tui.client.protocol import LinkSet, LinkState
from floyd_tui.errors import FloydError
from floyd_tui.screens.commands import commands_of
from floyd_tui.screens.job_actions import open_job
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.job_filter import HostJob

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

NEWEST_JOBS = 200
# Title, keys, sentence, what to do.
Line = tuple[str, str, str, Callable[[], object]]


async def newest_jobs(links: LinkSet) -> list[HostJob]:
    """The newest jobs of each host that is live, host by host."""
    found: list[HostJob] = []
    for name in links.names():
        if links[name].status.state is LinkState.LIVE:
            try:
                found += [HostJob(name, job) for job in await links[name].client.jobs(limit=NEWEST_JOBS)]
            except FloydError:
                continue  # the page that follows this host says why
    return found


class _Lines(Provider):
    """Fuzzy search in some lines."""

    def lines(self) -> Iterable[Line]:
        """What there is."""
        return ()

    async def discover(self) -> Hits:
        """All of them."""
        for title, keys, text, run in self.lines():
            yield DiscoveryHit(_shown(Content(title), keys), run, title, text)

    async def search(self, query: str) -> Hits:
        """Those whose title or sentence has the letters of `query`; the title counts more."""
        matcher = self.matcher(query)
        for title, keys, text, run in self.lines():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, _shown(matcher.highlight(title), keys), run, title, text)
            elif query.lower() in text.lower():
                yield Hit(0.1, _shown(Content(title), keys), run, title, text)


class Commands(_Lines):
    """What can be done here."""

    def lines(self) -> Iterator[Line]:
        """What could do something now first."""
        every = commands_of(self.screen)
        for one in sorted(every, key=lambda command: not command.enabled):
            yield one.title, one.keys, one.text if one.enabled else f"Not now: {one.text}", one.run


class Jobs(_Lines):
    """The newest jobs, to open one; only what is typed is looked for among them."""

    async def startup(self) -> None:
        """Ask the hosts."""
        self._jobs = await newest_jobs(cast("FloydApp", self.app).links)

    async def discover(self) -> Hits:
        """None before something is typed."""
        for hit in list[DiscoveryHit]():
            yield hit

    def lines(self) -> Iterator[Line]:
        """Its name and how it stands; its message or command."""
        links = cast("FloydApp", self.app).links
        for one in self._jobs:
            said = fmt.plain(one.job.message or one.job.command)
            yield (
                one.job.short, f"{fmt.sign(one.job.state)} {one.host}", said,
                partial(open_job, self.screen, links[one.host], one.job),
            )  # fmt: skip


def _shown(title: Content, keys: str) -> Content:
    return Content.assemble(title, ("   " + keys, "$key")) if keys else title
