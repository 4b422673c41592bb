"""The line on top of every screen: where we are (host, project, job) and how the host's connection stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from floyd_tui.client.protocol import Link, LinkState, LinkStatus
from floyd_tui.widgets.format import count, plain, rate
from floyd_tui.widgets.line import Line, once_a
from floyd_tui.widgets.link_status import describe

if TYPE_CHECKING:
    from floyd_tui.client.syncs import Syncs, SyncState
    from floyd_tui.client.transfers import Transfers
    from floyd_tui.config import Config

SEPARATOR = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
TICK_SECONDS = 1.0
READ_ONLY = "\N{CIRCLED DIVISION SLASH} read-only"


class TopBar(Horizontal):
    """Breadcrumb on the left, connection on the right.

    `follow` gives it a link to show, which is looked at once a second: the latency moves, and so does a countdown.
    """

    DEFAULT_CSS = """
    TopBar {
        height: 1;
        background: $panel;
        color: $foreground;
        padding: 0 1;
        & > #crumbs { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #syncs { width: auto; height: 1; text-wrap: nowrap; }
        & > #link { width: auto; height: 1; margin-left: 2; text-wrap: nowrap; }
    }
    """

    parts: reactive[tuple[str, ...]] = reactive(())

    def __init__(self, link: Link | None = None, *parts: str) -> None:
        super().__init__()
        self._link = link
        self._all: Sequence[Link] = ()
        self._unwatch: Callable[[], None] | None = None
        self.set_reactive(TopBar.parts, parts)

    def compose(self) -> ComposeResult:
        yield Line(id="crumbs")
        yield Line(id="syncs")
        yield Line(id="link")

    def on_mount(self) -> None:
        once_a(TICK_SECONDS, self, self._tick)
        self.watch_parts()
        if self._link:
            self.follow(self._link, *self.parts)

    def on_unmount(self) -> None:
        self._end_watch()

    def on_resize(self) -> None:
        self._draw_link()

    def follow(self, link: Link, *parts: str) -> None:
        """Show `link` from now on, and `parts` after its name."""
        self._end_watch()
        self._link, self._all = link, ()
        self._unwatch = link.watch(self._status_changed)
        self.parts = parts
        self.watch_parts()
        self._draw_link()

    def follow_all(self, links: Sequence[Link], *parts: str) -> None:
        """Show how many of `links` are live from now on, and `parts` after all hosts."""
        self._end_watch()
        self._link, self._all = None, tuple(links)
        ends = [link.watch(self._status_changed) for link in links]
        self._unwatch = lambda: [end() for end in ends].clear()
        self.parts = parts
        self.watch_parts()
        self._draw_link()

    def watch_parts(self) -> None:
        """Draw the breadcrumb: the last part is where we are."""
        names = self._names
        crumbs = Content.styled(SEPARATOR, "$dim").join(
            Content.styled(plain(name), "bold" if last else "$dim")
            for name, last in zip(names, [False] * (len(names) - 1) + [True], strict=True)
        )
        if self._read_only:
            crumbs = Content.assemble((READ_ONLY, "$warn"), "  ", crumbs)
        for label in self.query("#crumbs").results(Static):
            label.update(crumbs)

    def on_click(self, event: events.Click) -> None:
        """A part of the breadcrumb leads there: the host to the choice of hosts, what is above here one level up."""
        names, x = self._names, event.screen_x - self.query_one("#crumbs").content_region.x
        x -= len(READ_ONLY) + 2 if self._read_only else 0
        for at, name in enumerate(names[:-1] if self.parts else names):
            width = cell_len(plain(name))
            if 0 <= x < width:
                is_host = at == 1 and bool(self._link or self._all)
                self.call_later(self.app.run_action, "app.hosts" if is_host else "app.up")
            x -= width + len(SEPARATOR)

    @property
    def _names(self) -> list[str]:
        where = [self._link.name] if self._link else ["all hosts"] if self._all else []
        return ["floyd", *where, *self.parts]

    @property
    def _read_only(self) -> bool:
        config: Config | None = getattr(self.app, "config", None)
        return config is not None and config.readonly

    def _end_watch(self) -> None:
        if self._unwatch:
            self._unwatch()
            self._unwatch = None

    def _status_changed(self, _: LinkStatus) -> None:
        self._draw_link()

    def _tick(self) -> None:
        self._draw_link()
        self.draw_syncs()

    def draw_syncs(self) -> None:
        """What is synced and fetched in the background, wherever one looks."""
        syncs: Syncs | None = getattr(self.app, "syncs", None)
        transfers: Transfers | None = getattr(self.app, "transfers", None)
        parts = (sync_words(syncs.running if syncs else ()), transfer_words(transfers) if transfers else "")
        for label in self.query("#syncs").results(Static):
            label.update(Content.styled("  ".join(filter(None, parts)), "$busy"))

    def _draw_link(self) -> None:
        if self._link is not None:
            words, color = describe(self._link.status, self._monotonic(), max(16, self.size.width // 2))
        elif self._all:
            live = sum(link.status.state is LinkState.LIVE for link in self._all)
            whole = live == len(self._all)
            words, color = f"{'●' if whole else '◐'} {live} of {len(self._all)} live", "good" if whole else "warn"
        else:
            return
        for label in self.query("#link").results(Static):
            label.update(Content.styled(words, f"${color}"))

    def _monotonic(self) -> float:
        clock: Callable[[], float] = getattr(self.app, "monotonic", time.monotonic)
        return clock()


def transfer_words(transfers: Transfers) -> str:
    """The downloads that go on, in a few words: ``down 2: 14.0 MiB/s``; without a rate while none is known."""
    busy = len(transfers.busy)
    if not busy:
        return ""
    return f"down {busy}: {rate(transfers.rate)}" if transfers.rate else f"down {busy}"


def sync_words(running: Sequence[SyncState]) -> str:
    """The syncs that run, in a few words: ``⇣ digits/7 43%``, ``⇣ digits/7 12 files``, ``⇣ 3 syncs``."""
    if not running:
        return ""
    if len(running) > 1:
        return f"⇣ {count(len(running), 'sync')}"
    (state,) = running
    far = state.progress
    share = f"{far.done_bytes / far.total_bytes:.0%}" if far and far.total_bytes else count(state.files, "file")
    return f"⇣ {state.job.short} {share}"
