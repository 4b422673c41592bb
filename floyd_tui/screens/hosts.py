"""The hosts: how each one's connection stands, and the gauges of the one under the cursor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Link, LinkState, LinkStatus
from floyd_tui.config import LOCAL, Config
from floyd_tui.errors import ConfigError, FloydError, HostKeyUnknown, RunnerMissing
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.errors import ask, show_error
from floyd_tui.screens.live import change_or
from floyd_tui.screens.page import Page, PageRow
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.gauges import HostGauges
from floyd_tui.widgets.host_history import HostHistory
from floyd_tui.widgets.line import once_a
from floyd_tui.widgets.link_status import describe
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.panes import Panes
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import RunnerInfo

COLUMNS = (Column("name", "Host", 8, flex=1), Column("state", "Connection", 14, flex=2))
RETRY_SECONDS = 1.0


class HostsScreen(Page):
    """All hosts of the settings."""

    PAGE = "hosts"
    CSS_PATH = ["page.tcss", "hosts.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#hosts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="list.filter", tooltip="Hosts with these words"),
        Binding("escape", "all", "All", show=False, id="host.all", tooltip="All hosts again"),
        Binding("a", "add", "Add host", id="host.add", tooltip="Add a host that is reached by SSH"),
        Binding("v", "load", "Load", id="host.load", tooltip="Its last minutes as charts, processes on its GPUs"),
        Binding("d", "disk", "Disk", id="host.disk", tooltip="What takes its disk, and what can go"),
        Binding("S", "secrets", "Secrets", show=False, id="host.secrets", tooltip="Names of your secrets there"),
        Binding("Q", "queue", "Queue", id="app.queue", tooltip="What runs and waits there, in its order"),
        Binding("ctrl+r", "retry", "Connect", id="host.retry", tooltip="Try this host again, or answer what it asks"),
        Binding("x", "remove", "Remove", id="host.remove", tooltip="Forget this host; what is on it stays"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._unwatch: dict[str, Callable[[], None]] = {}
        self._shown: str | None = None
        # What is known of each host's last minutes, while it is not looked at, too.
        self._histories: defaultdict[str, HostHistory] = defaultdict(HostHistory)

    def compose_body(self) -> ComposeResult:
        yield Note()
        with Panes("hosts", id="body"):
            yield RowTable(COLUMNS, id="hosts")
            with VerticalScroll(id="host", can_focus=False):
                yield Static(id="host-head")
                yield Static(id="host-trouble")
                yield HostGauges()
        yield FilterBar("words of the name or place")

    def on_mount(self) -> None:
        once_a(1, self, self._tick)
        self._watch_all()

    def on_unmount(self) -> None:
        for unwatch in self._unwatch.values():
            unwatch()

    def on_screen_resume(self) -> None:
        """Gauges run only while they are looked at."""
        self._shown = None
        self._show_selected()

    def on_screen_suspend(self) -> None:
        self.workers.cancel_group(self, "gauges")

    def show_host(self, link: Link) -> None:
        """This page shows all hosts; another one being worked on changes only the mark."""
        self._draw()

    @work(group="start", exit_on_error=False)
    async def _watch_all(self) -> None:
        """Begin connecting to every host: this page is where one looks at them."""
        links = self.floyd.links
        for name in links.names():
            if name not in self._unwatch:
                self._unwatch[name] = links[name].watch(self._status_changed)
                await links[name].start()
        self._draw()

    def _status_changed(self, _: LinkStatus) -> None:
        self._draw()
        if self.is_current:
            self._draw_head()

    # What is shown

    @property
    def selected(self) -> Link | None:
        """The link of the host under the cursor."""
        name = self.query_one("#hosts", RowTable).cursor_key
        return self.floyd.links[name] if name else None

    def _tick(self) -> None:
        """Connections and ages go on."""
        self._draw()
        if (link := self.selected) and link.status.state is not LinkState.LIVE:
            self._draw_head()

    def _draw(self) -> None:
        names = self.floyd.links.names()
        shown = [name for name in names if self._passes(name)]
        note = self.query_one(Note)
        note.set_class(not shown, "-shown")
        self.query_one("#body").display = bool(shown)
        if not names:
            note.say("No hosts yet", "A host is any Linux machine that you reach by SSH.", "Press a to add one.")
        elif not shown:
            note.say("No host passes this filter", hint="Esc shows them all again.")
        self.query_one("#hosts", RowTable).show_rows([self._row(name) for name in shown])
        self.query_one(FilterBar).found(len(shown), len(names))
        live = sum(self.floyd.links[name].status.state is LinkState.LIVE for name in names)
        self.query_one(PageRow).summarise(Content.styled(f"{live} of {len(names)} live" if names else "", "$dim"))

    def _passes(self, name: str) -> bool:
        host = self.floyd.config.hosts.get(name)
        text = f"{name} {host.ssh if host else ''}".lower()
        return all(word in text for word in self.query_one(FilterBar).text.lower().split())

    def _row(self, name: str) -> Row:
        paint, status = self.paint, self.floyd.links[name].status
        words, color = describe(status, self.floyd.monotonic(), 30)
        here = name == self.floyd.host
        title = paint(name, style="bold" if here else "")
        title.append_text(paint("  ✓" if here else "", "accent"))
        return Row(name, {"name": title, "state": paint(words, color)})

    @on(RowTable.RowHighlighted, "#hosts")
    def _show_selected(self) -> None:
        link = self.selected
        if link and link.name != self._shown:
            self._shown = link.name
            self.query_one(HostGauges).show(self._histories[link.name])
            self._draw_head()
            self._follow(link)

    @work(exclusive=True, group="gauges", exit_on_error=False)
    async def _follow(self, link: Link) -> None:
        """Who answers there, then its gauges once a second, through lost connections."""
        while True:
            try:
                await link.connected()
                self._draw_head(await link.client.info())
                async for stats in link.client.follow_stats():
                    self.query_one(HostGauges).take(stats)
                    self.query_one(HostGauges).remove_class("-stale")
            except FloydError:
                self.query_one(HostGauges).add_class("-stale")
                self._draw_head()
            await change_or(link, RETRY_SECONDS)

    def _draw_head(self, info: RunnerInfo | None = None) -> None:
        link = self.selected
        if link is None:
            return
        head, trouble = self.query_one("#host-head", Static), self.query_one("#host-trouble", Static)
        error = link.status.error if link.status.state is not LinkState.LIVE else None
        if error:
            message, hint = fmt.plain(error.message), fmt.plain(error.hint)
            trouble.update(Content.assemble((message, "$bad"), "\n\n", (hint, "$foreground")))
        trouble.set_class(error is not None, "-shown")
        if info or link.status.state is not LinkState.LIVE:
            head.update(self._head(link, info))

    def _head(self, link: Link, info: RunnerInfo | None) -> Content:
        name = Content.styled(link.name, "bold")
        if info is None:
            known = self._histories[link.name]
            old = f"   gauges as of {fmt.ago(known[-1].time, fmt.now(self))}" if known else ""
            return Content.assemble(name, (old, "$warn"))
        runs = "in Docker" if info.executor == "docker" else "as plain processes"
        since = fmt.age(info.started_at, fmt.now(self))
        lines = [
            Content.assemble(name, (f"   {fmt.plain(info.hostname)}, as {fmt.plain(info.owner)}", "$dim")),
            Content.assemble(("jobs run  ", "$dim"), runs, (f"   {fmt.plain(info.executor_note)}", "$dim")),
            Content.assemble(("runner    ", "$dim"), f"{info.version}, up {since}, {fmt.plain(info.data_dir)}"),
        ]
        return Content("\n").join(lines)

    def repaint(self) -> None:
        """In the present theme's colours."""
        self._draw()

    # What one does

    @on(RowTable.RowSelected, "#hosts")
    def _entered(self) -> None:
        """Work on this host; one that waits for an answer asks first."""
        link = self.selected
        if link and link.status.state is LinkState.FAILED:
            self.action_retry()
        elif link:
            self.floyd.show_host(link.name)
            self.floyd.action_page("jobs")

    def action_retry(self) -> None:
        """Try again, or ask what must be answered first."""
        link = self.selected
        if link is None:
            return
        error = link.status.error
        if link.status.state is LinkState.FAILED and isinstance(error, HostKeyUnknown | RunnerMissing):
            ask(self, error, link)
        else:
            self.run_worker(link.retry(), group="retry", exclusive=True, exit_on_error=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a host under the cursor can be tried, looked into or removed, and this machine stays."""
        if not self.is_mounted or action not in ("retry", "remove", "disk", "load"):
            return True
        name = self.query_one("#hosts", RowTable).cursor_key
        return True if name and not (action == "remove" and name == LOCAL) else None

    def action_load(self) -> None:
        """The last minutes of the host under the cursor."""
        if self.selected is not None:
            from floyd_tui.screens.host import HostScreen

            self.app.push_screen(HostScreen(self.selected, self._histories[self.selected.name]))

    def action_queue(self) -> None:
        """The queue of the host under the cursor."""
        from floyd_tui.screens.queue import QueueScreen

        if self.selected is not None:
            self.app.push_screen(QueueScreen(self.selected.name))

    def action_disk(self) -> None:
        """What takes the disk of the host under the cursor."""
        if self.selected is not None:
            self.floyd.show_disk(self.selected)

    def action_secrets(self) -> None:
        """The names of the secrets that the host under the cursor keeps."""
        if self.selected is not None:
            self.floyd.show_secrets(self.selected)

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self._draw()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.query_one("#hosts").focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_all(self) -> None:
        """Away with the filter."""
        self.query_one(FilterBar).action_close()

    def action_add(self) -> None:
        """Add a host."""
        from floyd_tui.screens.add_host import AddHostDialog

        self.app.push_screen(AddHostDialog(self.floyd.config), self._added)

    def _added(self, added: tuple[Config, str] | None) -> None:
        if added:
            self._use(*added)

    def action_remove(self) -> None:
        """Forget the host under the cursor, once confirmed."""
        link = self.selected
        if link is None:
            return
        name = link.name

        def answered(yes: bool | None) -> None:
            if not yes:
                return
            try:
                config = self.floyd.config.without_host(name)
            except ConfigError as error:
                show_error(self, error)
                return
            self._unwatch.pop(name, lambda: None)()
            self._use(config, config.default_host if name == self.floyd.host else None)

        text = "It goes from config.yaml. Its runner, jobs and files stay where they are, and jobs go on."
        self.app.push_screen(Confirm(f"Forget {name}?", text, yes="Forget it", no="Keep it"), answered)

    @work(group="settings", exit_on_error=False)
    async def _use(self, config: Config, host: str | None) -> None:
        """Take over new settings, and go to `host`."""
        self.floyd.config = config
        await self.floyd.links.reload(config)
        self._watch_all()
        self._draw()
        if host is not None:
            self.query_one("#hosts", RowTable).move_to(host)
            self.floyd.show_host(host)
