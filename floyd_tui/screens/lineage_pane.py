"""What a job or a dataset's version came from and what came from it, to be walked through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError
from floyd_tui.lineage import Branch, branches, how, same_code, short, standing
from floyd_tui.screens import job_actions
from floyd_tui.screens.errors import show_error
from floyd_tui.screens.live import follow
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import Event, Job, Lineage, LineageNode

COLUMNS = (
    Column("name", "Lineage", 24, flex=2),
    Column("how", "How", 14, flex=2, since=56),
    Column("about", "What", 10, flex=3, since=84),
    Column("env", "Environment", 15, since=130),
    Column("age", "Age", 4, since=34, right=True),
)
DATASET = "▤"
HINT = "Enter on a line walks there, Esc comes back."


class LineagePane(Vertical):
    """The lines of a lineage, above the thing itself what it came from; below, what is known of the one under the
    cursor. True while it is looked at."""

    DEFAULT_CSS = """
    LineagePane {
        height: 1fr;
        & > Note { display: none; }
        & > Note.-shown { display: block; }
        & > .facts { height: auto; max-height: 7; padding: 0 1; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "middle", "Middle", id="lineage.middle", tooltip="Back to the line of what this is about"),
        Binding("y", "copy", "Copy name", show=False, id="lineage.copy", tooltip="Copy the name under the cursor"),
    ]

    def __init__(self, link: Link, name: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.link, self.name_of = link, name
        self._lineage: Lineage | None = None
        self._lines: dict[str, Branch] = {}
        self._root = ""
        self._keys_wanted = False

    def compose(self) -> ComposeResult:
        yield Note()
        yield RowTable(COLUMNS, id="lineage-lines")
        yield Static(classes="facts")

    def on_mount(self) -> None:
        self._say().wait_for("Asking where it came from")

    @property
    def table(self) -> RowTable:
        """The lines."""
        return self.query_one(RowTable)

    @work(exclusive=True, group="lineage", exit_on_error=False)
    async def keep_true(self) -> None:
        """Ask, and ask again whenever something of it changes."""
        await follow(self.link, self._load, self._heard, self._trouble)

    async def _load(self, client: Client) -> None:
        first = self._lineage is None
        self._lineage = await client.lineage(self.name_of)
        self._draw()
        if first:
            self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.action_middle()
        if self._keys_wanted:
            self.table.focus()

    def take_keys(self) -> None:
        """Give the lines the keys, now or once there are any."""
        self._keys_wanted = True
        self.table.focus()

    def _heard(self, event: Event) -> None:
        if self._touches(event):
            self._ask_again()

    @work(exclusive=True, group="again", exit_on_error=False)
    async def _ask_again(self) -> None:
        try:
            await self._load(self.link.client)
        except FloydError as error:
            self._trouble(error)

    def _touches(self, event: Event) -> bool:
        """Whether what is shown may be otherwise now: one of it has changed, or something new came from one of it."""
        known = {node.name for node in self._lineage.nodes} if self._lineage else set()
        job, dataset = event.job, event.dataset
        if job is not None:
            sources = [*(given.source for given in job.inputs), job.relaunched_from or ""]
            return job.name in known or any(source.startswith(tuple(known)) for source in sources if source)
        gone = event.removed or ""
        return dataset is not None or any(name.startswith(gone) for name in known if gone)

    def _trouble(self, error: FloydError) -> None:
        if self._lineage is None:
            self._say().trouble(error)
        else:
            self.table.add_class("-stale")

    def _say(self) -> Note:
        note = self.query_one(Note)
        note.add_class("-shown")
        self.table.display = False
        return note

    # What is shown

    def _draw(self) -> None:
        assert self._lineage is not None
        self.query_one(Note).remove_class("-shown")
        self.table.display = True
        self.table.remove_class("-stale")
        above, root, below = branches(self._lineage)
        paint = Paint.of(self.app)
        # A thing may stand in several lines: their keys are the lines' own.
        self._lines = {f"{at - len(above)}": line for at, line in enumerate((*above, root, *below))}
        self._root = "0"
        self.table.show_rows([self._row(key, line, paint) for key, line in self._lines.items()])
        self._draw_facts()

    def _row(self, key: str, line: Branch, paint: Paint) -> Row:
        node, root = line.node, key == self._root
        color = fmt.color(node.state) if node.state is not None else "accent"
        sign = fmt.sign(node.state) if node.state is not None else DATASET if node.kind == "dataset" else "·"
        gone = standing(node)
        style = "bold" if root else "strike" if gone else ""
        more = " …" if node.more or line.again else ""
        name = Text.assemble(
            paint(line.stem, "dim"),
            paint(f"{sign} ", "dim" if gone else color),
            paint(short(node.name), "dim" if gone else "", style),
            paint(more, "dim"),
        )
        cells = {
            "name": name,
            "how": paint("this one" if root else how(line.edges), "accent" if root else "dim"),
            "about": paint(gone or node.about, "dim" if gone else ""),
            "env": paint(node.environment, "dim"),
            "age": paint(fmt.age(node.at, fmt.now(self)) if node.at is not None else "", "dim"),
        }
        return Row(key, cells)

    def _draw_facts(self) -> None:
        line = self.line
        if line is None or self._lineage is None:
            return
        lines = list(_facts(line.node))
        if line.edges and self.size.width < 100:
            lines.insert(1, Content.styled(fmt.plain(how(line.edges)), "$dim"))
        if text := same_code(self._lineage):
            lines.append(Content.styled(fmt.plain(f"{short(self._lineage.name)}: {text}"), "$dim"))
        alone = len(self._lines) == 1
        hint = "It came from nothing here but its code, and nothing came from it yet." if alone else HINT
        lines.append(Content.styled(hint, "$dim"))
        self.query_one(".facts", Static).update(Content("\n").join(lines))

    @property
    def line(self) -> Branch | None:
        """The line under the cursor."""
        return self._lines.get(self.table.cursor_key or "")

    @on(RowTable.RowHighlighted)
    def _highlighted(self, event: RowTable.RowHighlighted) -> None:
        event.stop()
        self._draw_facts()

    # Keys

    @on(RowTable.RowSelected)
    def _entered(self, event: RowTable.RowSelected) -> None:
        event.stop()
        line = self.line
        if line is None or self._lineage is None or line.node.name == self._lineage.name:
            return
        if line.node.standing != "here":
            self.notify(f"{short(line.node.name)} is {standing(line.node)}.", severity="warning")
        elif line.node.kind == "dataset":
            open_lineage(self, self.link, line.node.name)
        else:
            self._walk(line.node.name)

    @work(exclusive=True, group="walk", exit_on_error=False)
    async def _walk(self, name: str) -> None:
        try:
            job: Job = await self.link.client.job(name)
        except FloydError as error:
            show_error(self.screen, error, self.link)
            return
        job_actions.open_job(self.screen, self.link, job, "lineage")

    def action_middle(self) -> None:
        """The cursor to the line of the thing itself."""
        self.table.move_to(self._root)

    def action_copy(self) -> None:
        """The full name under the cursor."""
        if self.line:
            self.app.copy_to_clipboard(self.line.node.name)
            self.notify(self.line.node.name, title="Copied", timeout=3, markup=False)


def _facts(node: LineageNode) -> Iterator[Content]:
    """What is known of one thing, a line each."""
    color = fmt.color(node.state) if node.state is not None else "dim"
    state = fmt.words(node.state) if node.state is not None else node.kind
    gone = standing(node)
    yield Content.assemble((node.name, "bold"), "  ", (gone or state, f"${'warn' if gone else color}"))
    if node.about:
        yield Content(fmt.plain(node.about))
    left = f"{fmt.count(node.files, 'file')}, {fmt.size(node.size)}" if node.files else ""
    image = "  ".join(part for part in (node.environment, node.image) if part)
    if text := "   ".join(part for part in (left, image) if part):
        yield Content.styled(fmt.plain(text), "$dim")


def open_lineage(pane: Vertical, link: Link, version: str) -> None:
    """Show the lineage of a dataset's version on a screen of its own."""
    from floyd_tui.screens.lineage import LineageScreen

    pane.app.push_screen(LineageScreen(link, version))
