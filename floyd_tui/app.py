"""The terminal UI's app: it wires hosts, pages, themes and commands, and holds no logic of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.css.stylesheet import Stylesheet
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import Theme

from floyd_tui import themes
from floyd_tui.client.protocol import Link, LinkSet
from floyd_tui.client.readonly import read_only
from floyd_tui.client.syncs import Syncs, SyncState
from floyd_tui.client.transfers import Transfer, Transfers
from floyd_tui.config import COMMANDS_FILE, Config
from floyd_tui.errors import ConfigError
from floyd_tui.memory import Memory
from floyd_tui.screens.base_app import BaseApp
from floyd_tui.screens.deletions import Deletions

if TYPE_CHECKING:
    from floyd_tui.screens.custom_keys import CustomKeys
    from floyd_tui.screens.notices import Notices


def _jobs() -> Screen[Any]:
    from floyd_tui.screens.home import HomeScreen

    return HomeScreen()


def _datasets() -> Screen[Any]:
    from floyd_tui.screens.datasets import DatasetsScreen

    return DatasetsScreen()


def _environments() -> Screen[Any]:
    from floyd_tui.screens.environments import EnvironmentsScreen

    return EnvironmentsScreen()


def _hosts() -> Screen[Any]:
    from floyd_tui.screens.hosts import HostsScreen

    return HostsScreen()


def _palette() -> type[Provider]:
    from floyd_tui.screens.palette import Commands

    return Commands


def _palette_jobs() -> type[Provider]:
    from floyd_tui.screens.palette import Jobs

    return Jobs


class _Stylesheet(Stylesheet):
    """Styles that are parsed once: Textual parses all of them anew for each screen that brings some of its own."""

    def reparse(self) -> None:
        """Apply what has come since; raises `StylesheetError` where that cannot be read."""
        self.parse()


class FloydApp(BaseApp):
    """floyd-tui. `clock` (epoch seconds) and `monotonic` are frozen by tests and screenshots.

    With `resume` it shows all hosts at once if that was so the last time, else the links' default one.
    """

    TITLE = "floyd-tui"
    # Themes and palette are ours to open; see action_themes.
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "jobs": _jobs,
        "datasets": _datasets,
        "environments": _environments,
        "hosts": _hosts,
    }
    DEFAULT_MODE = "jobs"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette, _palette_jobs}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "page('jobs')", "Jobs", show=False, id="page.jobs", tooltip="Projects and jobs"),
        Binding("2", "page('datasets')", "Datasets", show=False, id="page.datasets", tooltip="Datasets and versions"),
        Binding("3", "page('environments')", "Environments", show=False, id="page.environments", tooltip="Images"),
        Binding("4", "page('hosts')", "Hosts", show=False, id="page.hosts", tooltip="Hosts and their gauges"),
        Binding("h", "hosts", "Host", show=False, id="app.host", tooltip="Work on another host, or see all at once"),
        Binding("t", "themes", "Theme", show=False, id="app.theme", tooltip="Choose colours, with a live preview"),
        Binding("question_mark", "help", "Help", key_display="?", id="app.help", tooltip="All keys of this screen"),
        Binding("colon", "command_line", "Command", show=False, key_display=":", id="app.command",
                tooltip="Type what to do: a page, an action, a job"),
        Binding("ctrl+o", "jump", "Jump", show=False, priority=True, id="app.jump",
                tooltip="A letter over each pane, tab and field; press one to go there"),
        Binding("ctrl+t", "transfers", "Transfers", show=False, id="app.transfers",
                tooltip="Downloads: how far they are, pause, go on"),
        Binding("ctrl+e", "messages", "Messages", show=False, id="app.messages",
                tooltip="What was said in the corner before"),
        Binding("q", "quit", "Quit", show=False, id="app.quit", tooltip="Leave; jobs go on"),
    ]  # fmt: skip

    host: reactive[str] = reactive("", init=False)
    """The host that the pages show."""
    everywhere: reactive[bool] = reactive(False, init=False)
    """Whether the list of jobs is of all hosts at once."""

    def __init__(
        self,
        links: LinkSet,
        config: Config,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        resume: bool = True,
    ) -> None:
        self._meanings: dict[str, dict[str, str]] = {}
        super().__init__()
        self.stylesheet = _Stylesheet(variables=self.get_css_variables())
        self.links = read_only(links) if config.readonly else links
        self.config, self.clock, self.monotonic = config, clock, monotonic
        self.resume = resume
        self.memory = Memory(config.folder)
        self.notices: Notices | None = None
        self.own: CustomKeys | None = None
        self.syncs = Syncs(self._tell_sync)
        self.transfers = Transfers()
        self.deletions = Deletions()
        self.set_reactive(FloydApp.host, links.default)
        self._load_themes()
        self.set_keymap(dict(config.keys))

    @property
    def link(self) -> Link:
        """The link of the host that the pages show."""
        return self.links[self.host]

    async def on_mount(self) -> None:
        if self.host:
            await self.link.start()
        else:
            self.action_page("hosts")
        self.call_after_refresh(self._keep_settings)
        self.transfers.watch(self._tell_transfer)
        self.call_after_refresh(self._offer_transfers)
        self.call_after_refresh(self._keep_noticing)
        if (self.config.folder / COMMANDS_FILE).exists():
            self._load_commands()

    async def on_unmount(self) -> None:
        await self.syncs.close()
        await self.transfers.close()
        await self.links.close()

    def _tell_sync(self, before: SyncState, now: SyncState) -> None:
        from floyd_tui.screens.sync import tell

        tell(self, before, now)

    def _tell_transfer(self, before: Transfer, now: Transfer) -> None:
        if before.state != now.state:
            from floyd_tui.screens.transfers import tell

            tell(self, now)

    def _offer_transfers(self) -> None:
        """Take up the downloads that were not done when the app was last left."""
        names = self.links.names()
        if found := self.transfers.restore(lambda host: self.links[host] if host in names else None):
            from floyd_tui.screens.transfers import offer

            offer(self, found)

    async def watch_host(self) -> None:
        """Begin connecting to a host once it is looked at."""
        await self.link.start()
        if self.notices:
            self.notices.begin()  # it may be a new one

    # Settings and themes

    @work(exclusive=True, group="settings", exit_on_error=False)
    async def _keep_settings(self) -> None:
        """Take up what is changed in the settings meanwhile: keys and colours; hosts are those of the start."""
        from floyd_tui.settings_watch import changed_settings

        async for found in changed_settings(self.config.folder):
            if isinstance(found, ConfigError):
                self.notify(str(found), title=found.title, severity="error", markup=False)
                continue
            now = self.config
            self.config = replace(found, hosts=now.hosts, default_host=now.default_host, readonly=now.readonly)
            self.set_keymap(dict(found.keys))
            self._load_themes()
            self._load_commands()

    def _keep_noticing(self) -> None:
        from floyd_tui.screens.notices import Notices

        self.notices = Notices(self)
        self.notices.begin()

    def _load_commands(self) -> None:
        from floyd_tui.screens.custom_keys import CustomKeys

        self.own = self.own or CustomKeys(self)
        self.own.load()

    def action_own_command(self, number: int) -> None:
        """Run one of the person's own commands."""
        if self.own:
            self.own.run(number)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A command of one's own wants what it is about."""
        if action == "own_command":
            return self.own.able(int(str(parameters[0]))) if self.own else False
        return super().check_action(action, parameters)

    def _load_themes(self) -> None:
        found = themes.load(self.config.themes_folder)
        for theme in found.themes:
            self.register_theme(theme)
        chosen = self.config.theme
        known = chosen in self.available_themes
        name = chosen if known else themes.DEFAULT
        if self.is_running and name == self.theme:
            self.mutate_reactive(FloydApp.theme)  # it may have other colours now
        else:
            self.theme = name
        problems = list(found.problems)
        if not known:
            problems.append(f"There is no theme {chosen!r}; t shows those there are.")
        if problems:
            self.call_later(self.notify, "\n".join(problems), title="Themes", severity="warning", markup=False)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The meanings of colour in this program, worked out for the present theme."""
        theme = self.current_theme
        if theme.name not in self._meanings:
            self._meanings[theme.name] = themes.meanings(theme)
        return self._meanings[theme.name]

    def register_theme(self, theme: Theme) -> None:
        """Register a theme, and forget what was worked out for another of its name."""
        self._meanings.pop(theme.name, None)
        super().register_theme(theme)

    def save_theme(self, name: str) -> None:
        """Use `name` from now on, in later sessions too."""
        self.theme = name
        try:
            self.config = self.config.with_theme(name)
        except ConfigError as error:
            self.notify(str(error), title=error.title, severity="error", markup=False)

    # Commands

    def show_host(self, name: str) -> None:
        """Work on the host `name` from now on."""
        self.everywhere = False
        self.host = name

    def show_all_hosts(self) -> None:
        """List the jobs of all hosts at once; what is launched goes to the host that was chosen last."""
        self.everywhere = True
        self.action_page("jobs")

    def show_disk(self, link: Link) -> None:
        """What takes a host's disk."""
        from floyd_tui.screens.disk import DiskScreen

        self.push_screen(DiskScreen(link))

    def show_secrets(self, link: Link) -> None:
        """The names of the secrets that a host keeps for its caller."""
        from floyd_tui.screens.secrets import SecretsScreen

        self.push_screen(SecretsScreen(link))

    def action_page(self, name: str) -> None:
        """Switch to one of the pages."""
        if self.current_mode != name:
            self.switch_mode(name)

    def action_command_line(self) -> None:
        """Type a command."""
        from floyd_tui.screens.command_line import CommandLine

        self.push_screen(CommandLine(self.screen))

    def action_messages(self) -> None:
        """What was said before."""
        from floyd_tui.screens.messages import MessagesScreen

        self.push_screen(MessagesScreen(tuple(self.said)))

    async def action_up(self) -> None:
        """One level up, as Esc goes there; from a page to the jobs."""
        if len(self.screen_stack) == 1:
            self.action_page("jobs")
        else:
            await self.action_simulate_key("escape")

    def action_jump(self) -> None:
        """Put a letter over all that one can go to."""
        from floyd_tui.screens.jump import JumpScreen

        if not isinstance(self.screen, JumpScreen):
            self.push_screen(JumpScreen(self.screen))

    def action_hosts(self) -> None:
        """Choose the host to work on."""
        from floyd_tui.screens.pickers import ALL_HOSTS, HostPicker

        def chosen(name: str | None) -> None:
            if name == ALL_HOSTS:
                self.show_all_hosts()
            elif name:
                self.show_host(name)

        self.push_screen(HostPicker(self.links, ALL_HOSTS if self.everywhere else self.host), chosen)

    def action_themes(self) -> None:
        """Choose colours."""
        from floyd_tui.screens.pickers import ThemePicker

        self.push_screen(ThemePicker(self.theme))

    def action_help(self) -> None:
        """All keys of the present screen."""
        from floyd_tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_transfers(self) -> None:
        """All downloads."""
        from floyd_tui.screens.transfers import TransfersScreen

        self.push_screen(TransfersScreen())

    async def action_quit(self) -> None:
        """Leave at once, or ask first while downloads go on; jobs need no one to look at them."""
        if busy := self.transfers.busy:
            from floyd_tui.screens.transfers import ask_to_leave

            ask_to_leave(self, busy, self._leave)
        else:
            self._leave()

    def _leave(self) -> None:
        self.exit(message="Jobs go on without you. `floyd-tui` shows them again.")
