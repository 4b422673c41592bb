"""What the four pages have in common: the top bar, the row of pages, the footer, and the host they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link, LinkState
from floyd_tui.errors import FloydError, HostKeyUnknown, RunnerMissing
from floyd_tui.screens.errors import ErrorFunnel, ask
from floyd_tui.screens.live import follow
from floyd_tui.widgets.key_row import KeyRow
from floyd_tui.widgets.line import Line
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.top_bar import TopBar
from runner.models import Event

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

PAGES = (("jobs", "Jobs"), ("datasets", "Datasets"), ("environments", "Environments"), ("hosts", "Hosts"))


# Widths and heights from which a screen has the class beside them; Textual's own attributes for it are not constants.
BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (140, "-wide")]
HEIGHTS = [(0, "-short"), (34, "-tall")]


class PageName(Static):
    """One page's name with its key; a click goes there."""

    def __init__(self, number: int, page: str, title: str, current: bool) -> None:
        super().__init__(
            Content.assemble((str(number), "$key"), " ", (title, "bold" if current else "$dim")), classes="page-name"
        )
        self._page = page

    async def on_click(self) -> None:
        await self.run_action(f"app.page('{self._page}')")


class PageRow(Horizontal):
    """The four pages with their keys, the present one bright; on the right what the page has to say in short."""

    def __init__(self, current: str) -> None:
        super().__init__(id="pages")
        self._current = current

    def compose(self) -> ComposeResult:
        for number, (name, title) in enumerate(PAGES, 1):
            yield PageName(number, name, title, name == self._current)
        yield Line(id="page-summary")

    def summarise(self, summary: Content) -> None:
        """Say in a few words how the page's things stand."""
        self.query_one("#page-summary", Static).update(summary)


class Page(ErrorFunnel[None]):
    """One of the pages. It follows the app's host: `show_host` is called with each link, at the beginning too."""

    PAGE: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS

    @property
    def floyd(self) -> FloydApp:
        """The app, by its own type."""
        return cast("FloydApp", self.app)

    @property
    def link(self) -> Link:
        """The link of the host that is shown."""
        return self.floyd.link

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield PageRow(self.PAGE)
        yield from self.compose_body()
        yield KeyRow()

    def compose_body(self) -> ComposeResult:
        """The page itself, between the row of pages and the footer."""
        yield from ()

    def on_mount(self) -> None:
        self.paint = Paint.of(self.app)
        self.watch(self.app, "host", self._host_changed)
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def _host_changed(self, host: str) -> None:
        if not host:
            note = self.query_one(Note)
            note.say("No host yet", "Press 4 for the hosts, then a to add one.")
            note.add_class("-shown")
            return
        link = self.link
        self.query_one(TopBar).follow(link, *self.crumbs())
        self._asked: FloydError | None = None
        self.show_host(link)

    def _theme_changed(self, _: object) -> None:
        self.paint = Paint.of(self.app)
        self.repaint()

    def crumbs(self) -> tuple[str, ...]:
        """What follows the host's name in the breadcrumb."""
        return (dict(PAGES)[self.PAGE].lower(),) if self.PAGE != "jobs" else ()

    def show_host(self, link: Link) -> None:
        """Show another host from now on."""
        self.keep_true(link)

    def repaint(self) -> None:
        """Draw again in the present theme."""

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def keep_true(self, link: Link) -> None:
        """Load the page and keep it true by events, until another host is shown."""
        await follow(link, self.load, self.apply, lambda error: self.troubled(link, error))

    async def load(self, client: Client) -> None:
        """Ask for everything the page shows."""

    def apply(self, event: Event) -> None:
        """Take in a change."""

    def trouble(self, error: FloydError) -> None:
        """The host cannot be asked: keep what is known, say why."""

    def troubled(self, link: Link, error: FloydError) -> None:
        """Show that a host cannot be asked, and ask what would mend it."""
        self.trouble(error)
        # Ask once per failure, and only where it is seen: a question on a hidden page would surprise.
        mendable = isinstance(error, HostKeyUnknown | RunnerMissing)
        if mendable and self.is_current and error is not self._asked and link.status.state is LinkState.FAILED:
            self._asked = error
            ask(self, cast("HostKeyUnknown | RunnerMissing", error), link)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without any host there is none to try again."""
        return None if action == "retry" and not self.floyd.host else True

    def action_retry(self) -> None:
        """Try the host again now."""
        self.run_worker(self.link.retry(), group="retry", exclusive=True, exit_on_error=False)
