"""The catalogue of environments: what a job can run in, by which image, and whether that is on the host already."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.screens.page import Page, PageRow
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import Environment

COLUMNS = (
    Column("sign", "", 1),
    Column("name", "Environment", 16, flex=1),
    Column("description", "What is in it", 12, flex=2, since=48),
    Column("there", "On the host", 11, since=60),
    Column("image", "Image", 20, flex=2, since=110),
    Column("user", "User", 5, since=96),
)


class EnvironmentsScreen(Page):
    """The environments of the host."""

    PAGE = "environments"
    CSS_PATH = ["page.tcss", "environments.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#environments"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="list.filter", tooltip="Names with these words"),
        Binding("ctrl+r", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
        Binding("escape", "all", "All", show=False, id="environments.all", tooltip="All environments again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._environments: list[Environment] | None = None

    def compose_body(self) -> ComposeResult:
        yield Note()
        with Vertical(id="body"):
            yield RowTable(COLUMNS, id="environments")
            yield Static(id="environment")
        yield FilterBar("words of the name or description")

    def show_host(self, link: Link) -> None:
        """Begin anew with another host."""
        self._environments = None
        self._draw()
        super().show_host(link)

    async def load(self, client: Client) -> None:
        """The catalogue."""
        self._environments = sorted(await client.environments(), key=lambda e: e.name)
        self._draw()

    def trouble(self, error: FloydError) -> None:
        """Keep what is known."""
        self._draw(error)

    def _draw(self, error: FloydError | None = None) -> None:
        known = self._environments or []
        words = self.query_one(FilterBar).text.lower().split()
        shown = [e for e in known if all(word in f"{e.name} {e.description}".lower() for word in words)]
        table = self.query_one("#environments", RowTable)
        table.show_rows([self._row(environment) for environment in shown])
        table.set_class(error is not None, "-stale")
        self.query_one(FilterBar).found(len(shown), len(known))
        self._draw_note(error, bool(shown))
        there = sum(environment.present for environment in known)
        summary = f"{there} of {len(known)} here" if known else ""
        self.query_one(PageRow).summarise(Content.styled(summary, "$dim"))
        self._draw_detail()

    def _draw_note(self, error: FloydError | None, any_shown: bool) -> None:
        note = self.query_one(Note)
        note.set_class(not any_shown, "-shown")
        self.query_one("#body").display = any_shown
        if any_shown:
            return
        if self._environments is None:
            if error:
                note.trouble(error)
            elif self.floyd.host:
                note.wait_for(f"Asking {self.link.name} for its environments")
        elif self._environments:
            note.say("No environment passes this filter", hint="Esc shows them all again.")
        else:
            note.say("No environments here", "The host's catalogue is empty; jobs run in its default.")

    def _row(self, environment: Environment) -> Row:
        paint, here = self.paint, environment.present
        cells = {
            "sign": paint("✔" if here else "○", "good" if here else "dim"),
            "name": paint(environment.name),
            "description": paint(environment.description, "dim"),
            "there": paint("yes" if here else "fetched", "" if here else "dim"),
            "image": paint(environment.image or "none needed", "dim"),
            "user": paint(environment.user, "warn"),
        }
        return Row(environment.name, cells)

    def _draw_detail(self) -> None:
        key = self.query_one("#environments", RowTable).cursor_key
        environment = next((e for e in self._environments or [] if e.name == key), None)
        if environment is None:
            self.query_one("#environment", Static).update("")
            return
        facts = [("image", environment.image or "none needed"), ("with GPUs", environment.gpu_image or "the same")]
        facts.append(("runs as", "root, as the image needs; outputs become yours" if environment.user else "you"))
        fetched = "is on the host" if environment.present else "is fetched when the first job needs it"
        facts.append(("the image", fetched))
        head = Content.assemble((environment.name, "bold"), "   ", (fmt.plain(environment.description), "$dim"))
        lines = [Content.assemble((f"{label:12}", "$dim"), fmt.plain(text)) for label, text in facts]
        self.query_one("#environment", Static).update(Content("\n").join([head, *lines]))

    def repaint(self) -> None:
        """In the present theme's colours."""
        self._draw()

    @on(RowTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._draw_detail()

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self._draw()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.query_one("#environments").focus()

    def action_all(self) -> None:
        """Away with the filter."""
        self.query_one(FilterBar).action_close()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()
