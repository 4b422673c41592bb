"""Small lists to choose from: the host to work on, and the theme, which is shown while one chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.theme import BUILTIN_THEMES
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from floyd_tui.client.protocol import LinkSet
from floyd_tui.config import JOB_COLUMNS
from floyd_tui.metrics.best import more_is_better
from floyd_tui.widgets.format import plain
from floyd_tui.widgets.job_order import METRIC, ORDERS, JobOrder
from floyd_tui.widgets.link_status import describe

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

Chosen = TypeVar("Chosen")


class Picker(ModalScreen[Chosen], Generic[Chosen]):
    """A titled list; Enter chooses, Esc leaves all as it was."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="picker.leave", tooltip="Keep it as it was"),
        Binding("j", "app.simulate_key('down')", "Down", show=False, id="picker.down", tooltip="The next one"),
        Binding("k", "app.simulate_key('up')", "Up", show=False, id="picker.up", tooltip="The one before"),
    ]
    HEADING: ClassVar[str] = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(self.HEADING, id="question")
            yield OptionList(*self.options(), compact=True)

    def options(self) -> list[Option]:
        """What there is to choose from."""
        return []

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)


ALL_HOSTS = "*"


class HostPicker(Picker[str]):
    """All hosts at once where there are several (`ALL_HOSTS`), then each with how its connection stands."""

    HEADING = "Work on which host?"

    def __init__(self, links: LinkSet, current: str) -> None:
        super().__init__()
        self._links, self._current = links, current

    def options(self) -> list[Option]:
        """One line a host."""
        names = self._links.names()
        width = max(len(name) for name in (*names, "all hosts"))
        every = Option(Content.assemble(f"{'all hosts':{width}}   ", ("their jobs in one list", "$dim")), id=ALL_HOSTS)
        each = [Option(self._line(name, width), id=name) for name in names]
        return [every, *each] if len(names) > 1 else each

    def _line(self, name: str, width: int) -> Content:
        status = self._links[name].status
        words, color = describe(status, 0.0, 44 - width)
        return Content.assemble(f"{name:{width}}   ", (words.split(" in ")[0], f"${color}"))

    def on_mount(self) -> None:
        names = [option.id for option in self.options()]
        self.query_one(OptionList).highlighted = names.index(self._current) if self._current in names else 0

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)


class SortPicker(Picker[str]):
    """The orders of a list of jobs, metrics among them; answers with `JobOrder.by`."""

    HEADING = "Sort by what? The same once more turns it round."

    def __init__(self, current: JobOrder, metrics: Sequence[str]) -> None:
        super().__init__()
        self._current, self._metrics = current, metrics

    def options(self) -> list[Option]:
        """One line an order, the present one with its direction."""
        names = (*ORDERS, *(METRIC + name for name in self._metrics))
        return [Option(self._line(name), id=name) for name in names]

    def _line(self, name: str) -> Content:
        sign = ("▲" if self._current.reverse else "▼") if name == self._current.by else " "
        kind = "metric, best first" if name.startswith(METRIC) else ""
        return Content.assemble((f"{sign} ", "$key"), f"{plain(JobOrder(name).words):24}", (kind, "$dim"))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)


class MetricPicker(Picker[str]):
    """The metrics of some jobs; answers with the name of one."""

    HEADING = "Judge by which metric?"

    def __init__(self, current: str, metrics: Sequence[str]) -> None:
        super().__init__()
        self._current, self._metrics = current, metrics

    def options(self) -> list[Option]:
        """One line a metric, with which way is better."""
        return [Option(self._line(name), id=name) for name in self._metrics]

    def _line(self, name: str) -> Content:
        better = "more is better" if more_is_better(name) else "less is better"
        sign = "▼" if name == self._current else " "
        return Content.assemble((f"{sign} ", "$key"), f"{plain(name):24}", (better, "$dim"))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)


class ColumnPicker(Picker[str]):
    """The columns of a list of jobs, ticked by Enter or Space; Esc keeps what is ticked, none means what has room."""

    HEADING = "Which columns?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Tick", id="columns.tick", tooltip="Show this column, or not"),
    ]

    def __init__(self, names: str) -> None:
        super().__init__()
        self._names = [name for name in names.split(",") if name]

    def options(self) -> list[Option]:
        """One line a column."""
        words = {"env": "environment", "gpus": "GPUs", "time": "duration", "metrics": "last metrics"}
        signs = {name: "[x]" if name in self._names else "[ ]" for name in JOB_COLUMNS}
        return [Option(Content(f"{sign} {words.get(name, name)}"), id=name) for name, sign in signs.items()]

    def action_tick(self) -> None:
        """Show the column under the cursor, or not."""
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _ticked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        name = event.option.id or ""
        self._names = [one for one in JOB_COLUMNS if (one in self._names) is not (one == name)]
        options = self.query_one(OptionList)
        at = options.highlighted
        options.clear_options()
        options.add_options(self.options())
        options.highlighted = at

    def action_leave(self) -> None:
        """Keep what is ticked."""
        self.dismiss(",".join(self._names))


class ThemePicker(Picker[None]):
    """The themes: the one under the cursor is on at once, Enter keeps it, Esc brings the old one back."""

    HEADING = "Which colours?"

    def __init__(self, current: str) -> None:
        super().__init__()
        self._before = current
        self._names: list[str] = []

    def options(self) -> list[Option]:
        """One line a theme, our own first."""
        themes = self.app.available_themes
        ours = [name for name, theme in themes.items() if not theme.ansi]
        self._names = sorted(ours, key=lambda name: (name in BUILTIN_THEMES, not name.startswith("floyd"), name))
        kinds = {name: "dark" if themes[name].dark else "light" for name in self._names}
        return [Option(Content.assemble(f"{name:24}", (kinds[name], "$dim")), id=name) for name in self._names]

    def on_mount(self) -> None:
        names = self._names
        self.query_one(OptionList).highlighted = names.index(self._before) if self._before in names else 0

    @on(OptionList.OptionHighlighted)
    def _shown(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option.id:
            self.app.theme = event.option.id

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(None)
        if event.option.id:
            cast("FloydApp", self.app).save_theme(event.option.id)

    def action_leave(self) -> None:
        """Bring back the theme there was."""
        self.app.theme = self._before
        self.dismiss(None)
