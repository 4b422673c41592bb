"""In which order the list of jobs is, and which columns it has: chosen by keys, kept in the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from floyd_tui.config import Config
from floyd_tui.errors import ConfigError
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.home_curves import Curves
from floyd_tui.screens.home_marks import JobMarks
from floyd_tui.screens.pickers import ColumnPicker, SortPicker
from floyd_tui.widgets.job_filter import HostJob
from floyd_tui.widgets.job_order import METRIC, JobOrder


class JobView(JobMarks):
    """Keys that change how the list is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("S", "sort", "Sort", show=False, id="list.sort", tooltip="By age, name, state, duration, a metric …"),
        Binding("C", "columns", "Columns", show=False, id="list.columns", tooltip="Choose what the list tells"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.curves = Curves()
        self._asking = False

    @property
    def in_sight(self) -> Sequence[HostJob]:
        """The jobs whose rows are on screen."""
        raise NotImplementedError

    def draw_rows(self) -> None:
        """Draw the rows in sight anew."""
        raise NotImplementedError

    @property
    def order(self) -> JobOrder:
        """The order of the list."""
        return JobOrder.parse(self.floyd.config.jobs_sort)

    def sort_by(self, by: str) -> None:
        """Sort by something else; by the same the other way round. Later sessions do so, too."""
        now = self.order
        order = JobOrder(by, not now.reverse if by == now.by else False)
        if JobOrder.parse(str(order)) == order:
            self._remember(self.floyd.config.with_jobs_sort, str(order))

    def _remember(self, write: Callable[[str], Config], value: str) -> None:
        try:
            self.floyd.config = write(value)
        except ConfigError as error:
            show_error(self, error)
        self.draw_list()

    def ask_curves(self) -> None:
        """Ask for the curves of the rows in sight that are not known, one request at a time; then draw them."""
        metric = self.order.by.removeprefix(METRIC) if self.order.by.startswith(METRIC) else ""
        if not self._asking and (lacking := self.curves.lacking(self.in_sight, metric, self.floyd.monotonic())):
            self._fetch_curves(lacking, metric)

    @work(group="curves", exit_on_error=False)
    async def _fetch_curves(self, lacking: Mapping[str, Sequence[str]], metric: str) -> None:
        self._asking = True
        try:
            await self.curves.fetch(self.floyd.links, lacking, metric)
        finally:
            self._asking = False
        self.draw_rows()
        self.ask_curves()  # other rows may be in sight by now

    def action_sort(self) -> None:
        """Choose the order."""
        metrics = sorted({name for one in self.shown for name in one.job.metrics})
        self.app.push_screen(SortPicker(self.order, metrics), lambda by: self.sort_by(by) if by else None)

    def action_columns(self) -> None:
        """Choose the columns."""

        def picked(names: str | None) -> None:
            if names is not None:
                self._remember(self.floyd.config.with_jobs_columns, names)

        self.app.push_screen(ColumnPicker(self.floyd.config.jobs_columns), picked)
