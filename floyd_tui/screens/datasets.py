"""Datasets, their versions, and the files of one version."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from floyd_tui.client.protocol import Client, Link
from floyd_tui.errors import FloydError, RouteMissing
from floyd_tui.screens.dataset_files import DatasetFiles
from floyd_tui.screens.fetches_pane import FetchesPane
from floyd_tui.screens.page import PageRow
from floyd_tui.screens.save_dataset import said
from floyd_tui.screens.undo import Undoing
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.filter_bar import FilterBar
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.paint import Paint
from floyd_tui.widgets.panes import Panes
from floyd_tui.widgets.row_table import Column, Row, RowTable
from runner.models import AddedVersion, Dataset, DatasetVersion, Event, Fetch

DATASETS = (
    Column("name", "Dataset", 12, flex=1),
    Column("versions", "", 4, right=True),
    Column("size", "Size", 8, since=30, right=True),
)
VERSIONS = (
    Column("version", "V", 3, right=True),
    Column("files", "Files", 7, right=True),
    Column("size", "Size", 8, right=True),
    Column("age", "Age", 4, right=True),
    Column("message", "Message", 10, flex=2),
    Column("source", "From", 14, flex=1, since=76),
)


class DatasetsScreen(Undoing):
    """The datasets of the host: the caller's and public ones."""

    PAGE = "datasets"
    CSS_PATH = ["page.tcss", "datasets.tcss"]  # noqa: RUF012  (Textual declares it so)
    AUTO_FOCUS = "#datasets"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "upload", "Upload", id="data.upload", tooltip="Upload a folder as a dataset's next version"),
        Binding("a", "fetch", "From the net", id="data.fetch", tooltip="Let the host fetch a version from an address"),
        Binding("e", "edit", "Change", id="data.edit", tooltip="Its name, description, and who sees it"),
        Binding(
            "x", "remove", "Remove", id="data.remove", tooltip="Remove the dataset, or the version under the cursor"
        ),
        Binding("U", "undo", "Undo", show=False, id="data.undo", tooltip="Bring back what was deleted last"),
        Binding(
            "A", "lineage", "Lineage", id="data.lineage", tooltip="What the version came from, and which jobs use it"
        ),
        Binding("slash", "filter", "Filter", key_display="/", id="list.filter", tooltip="Names with these words"),
        Binding("ctrl+r", "retry", "Retry", show=False, id="host.retry", tooltip="Try the host again now"),
        Binding("escape", "back", "Back", show=False, id="data.back", tooltip="Back to the list of datasets"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._datasets: dict[str, Dataset] = {}
        self._seen = False
        self._me = ""
        self._too_old: set[str] = set()
        self._wanted = ""

    def compose_body(self) -> ComposeResult:
        yield Note()
        with Panes("datasets", id="data"):
            yield RowTable(DATASETS, id="datasets")
            with Vertical(id="right"):
                yield RowTable(VERSIONS, id="versions")
                yield DatasetFiles()
        yield FetchesPane()
        yield FilterBar("words of the name or description", id="data-filter")

    # What the host says

    def show_host(self, link: Link) -> None:
        """Begin anew with another host."""
        self._datasets, self._seen = {}, False
        self.query_one(FetchesPane).show_all(link, [])
        self._draw()
        super().show_host(link)

    async def load(self, client: Client) -> None:
        """All datasets."""
        self._me = (await client.info()).owner
        self._datasets = {_full(dataset): dataset for dataset in await client.datasets()}
        self._seen = True
        self._draw()
        self.query_one(FetchesPane).show_all(self.link, await self._fetches(client))

    async def _fetches(self, client: Client) -> list[Fetch]:
        """What the host fetches: nothing where its runner is too old to, which is said once."""
        try:
            return await client.fetches()
        except RouteMissing as missing:
            if self.link.name not in self._too_old:
                self._too_old.add(self.link.name)
                self.notify(f"The runner on {self.link.name} fetches nothing from the net yet. {missing.hint}")
            return []

    def apply(self, event: Event) -> None:
        """A dataset is new, has a new version, or went; what is fetched goes on."""
        if event.fetch:
            self.query_one(FetchesPane).change(event.fetch)
            return
        self.query_one(FetchesPane).forget(event.removed or "")
        if event.dataset:
            self._datasets[_full(event.dataset)] = event.dataset
        elif not (event.removed and self._datasets.pop(event.removed, None)):
            return
        self._draw()

    def trouble(self, error: FloydError) -> None:
        """Keep what is known, dimmed."""
        self._draw(error)

    # What is shown

    def _draw(self, error: FloydError | None = None) -> None:
        words = self.query_one("#data-filter", FilterBar).text.lower().split()
        shown = [d for d in self._datasets.values() if all(w in f"{d.name} {d.description}".lower() for w in words)]
        table = self.query_one("#datasets", RowTable)
        table.show_rows([self._row(d) for d in sorted(shown, key=lambda d: (d.name, d.owner))])
        table.set_class(error is not None, "-stale")
        table.move_to(self._wanted.rpartition("/")[0])
        self._draw_note(error, bool(shown))
        self.query_one("#data-filter", FilterBar).found(len(shown), len(self._datasets))
        versions = [v for d in self._datasets.values() for v in d.versions]
        facts = f"{fmt.count(len(versions), 'version')}, {fmt.size(sum(v.size for v in versions))}"
        self.query_one(PageRow).summarise(Content.styled(facts if versions and self.size.width > 90 else "", "$dim"))
        self._draw_versions()

    def _row(self, dataset: Dataset) -> Row:
        paint = self.paint
        name = paint(dataset.name if dataset.owner == self._me else f"{dataset.owner}/{dataset.name}")
        if dataset.public:
            name.append_text(paint("  public", "warn"))
        cells = {
            "name": name,
            "versions": paint(f"v{dataset.versions[0].version}" if dataset.versions else "", "accent"),
            "size": paint(fmt.size(dataset.versions[0].size) if dataset.versions else "", "dim"),
        }
        return Row(_full(dataset), cells)

    def _draw_note(self, error: FloydError | None, any_shown: bool) -> None:
        note = self.query_one(Note)
        note.set_class(not any_shown, "-shown")
        self.query_one("#data").display = any_shown
        if any_shown:
            return
        if error and not self._seen:
            note.trouble(error)
        elif not self._seen:
            note.wait_for(f"Asking {self.link.name} for datasets" if self.floyd.host else "No host yet")
        elif self._datasets:
            note.say("No dataset passes this filter", hint="Esc shows them all again.")
        else:
            text = "A dataset is uploaded once and mounted read-only into every job that names it."
            note.say("No datasets here yet", text, "Press u to upload a folder, a to have one fetched.")

    @property
    def dataset(self) -> Dataset | None:
        """The dataset under the cursor."""
        return self._datasets.get(self.query_one("#datasets", RowTable).cursor_key or "")

    @property
    def version(self) -> DatasetVersion | None:
        """The version under the cursor."""
        key = self.query_one("#versions", RowTable).cursor_key
        versions = self.dataset.versions if self.dataset else ()
        return next((v for v in versions if v.name == key), None)

    def _draw_versions(self) -> None:
        versions = self.dataset.versions if self.dataset else ()
        rows = [version_row(v, self.paint, fmt.now(self)) for v in versions]
        table = self.query_one("#versions", RowTable)
        table.show_rows(rows)
        if self._wanted in [row.key for row in rows]:
            table.move_to(self._wanted)
            table.focus()
            self._wanted = ""
        self._draw_files()

    def _draw_files(self) -> None:
        if self.floyd.host:
            self.query_one(DatasetFiles).show(self.link, self.version)

    def repaint(self) -> None:
        """In the present theme's colours."""
        self._draw()

    # What one does

    @on(RowTable.RowHighlighted, "#datasets")
    def _dataset_highlighted(self) -> None:
        self._draw_versions()

    @on(RowTable.RowHighlighted, "#versions")
    def _version_highlighted(self) -> None:
        self._draw_files()

    @on(RowTable.RowSelected, "#datasets")
    def _dataset_entered(self) -> None:
        self.query_one("#versions").focus()

    @on(RowTable.RowSelected, "#versions")
    def _version_entered(self) -> None:
        self.query_one("#dataset-tree").focus()

    @on(FilterBar.Changed)
    def _filtered(self) -> None:
        self._draw()

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.query_one("#datasets").focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#data-filter", FilterBar).open()

    def action_back(self) -> None:
        """From files to versions to datasets, then away with the filter."""
        if self.query_one(FetchesPane).has_focus:
            self.query_one("#datasets").focus()
            return
        order = ("#dataset-tree", "#versions", "#datasets")
        for inner, outer in pairwise(order):
            if self.query_one(inner).has_focus:
                self.query_one(outer).focus()
                return
        if self.query_one("#data-filter", FilterBar).has_class("-open"):
            self.query_one("#data-filter", FilterBar).action_close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is added without a host, and nothing changed where there is nothing."""
        wanting = (action in ("upload", "fetch") and not self.floyd.host) or (
            action in ("edit", "remove", "lineage") and self.is_mounted and self.dataset is None
        )
        return None if wanting else True

    def go_to(self, name: str) -> None:
        """Put the cursors on the version of that full name, now or once it is known."""
        self._wanted = name
        self._draw()

    def action_lineage(self) -> None:
        """What the version under the cursor came from, and what came from it."""
        from floyd_tui.screens.lineage import LineageScreen

        if self.version:
            self.app.push_screen(LineageScreen(self.link, self.version.name))

    def action_upload(self) -> None:
        """Upload a folder."""
        from floyd_tui.screens.upload import UploadDialog

        name = self.dataset.name if self.dataset else ""
        self.app.push_screen(UploadDialog(self.link, name), self._uploaded)

    def _uploaded(self, added: AddedVersion | None) -> None:
        if added:
            self.notify(said(added))

    def action_fetch(self) -> None:
        """Let the host fetch a version from the net."""
        self._ask_fetch(self.dataset.name if self.dataset else "")

    def _ask_fetch(self, name: str, url: str = "") -> None:
        from floyd_tui.screens.fetch import FetchDialog

        self.app.push_screen(FetchDialog(self.link, name, url))

    def action_edit(self) -> None:
        """Rename, describe, share."""
        from floyd_tui.screens.shelf import EditDatasetDialog

        if self.dataset:
            self.app.push_screen(EditDatasetDialog(self.link, self.dataset))

    def action_remove(self) -> None:
        """Ask before the dataset goes, or in the table of versions the one under the cursor."""
        if self.dataset:
            version = self.version if self.query_one("#versions").has_focus else None
            self._remove(self.dataset, version)

    @work(exclusive=True, group="remove", exit_on_error=False)
    async def _remove(self, dataset: Dataset, version: DatasetVersion | None) -> None:
        from floyd_tui.screens.shelf import removal

        client, name = self.link.client, version.name if version else _full(dataset)
        question = removal(dataset, version, await client.dataset_uses(name))
        if await self.app.push_screen_wait(question):
            await client.delete_dataset(name)
            self.floyd.deletions.add([(self.link.name, name)])
            self.notify(f"{version.short if version else dataset.name} is removed. U undoes it.", markup=False)

    @on(RowTable.RowSelected, "#fetches")
    def _fetch_entered(self) -> None:
        """One that failed may be tried again."""
        fetch = self.query_one(FetchesPane).fetch
        if fetch and fetch.ended:
            self._ask_fetch(fetch.dataset, fetch.url)


def version_row(version: DatasetVersion, paint: Paint, now: float) -> Row:
    """A version as a row."""
    cells = {
        "version": paint(str(version.version), "accent"),
        "files": paint(f"{version.files:,}"),
        "size": paint(fmt.size(version.size)),
        "age": paint(fmt.age(version.created_at, now), "dim"),
        "message": paint(version.message),
        "source": paint(came_from(version), "dim"),
    }
    return Row(version.name, cells)


def came_from(version: DatasetVersion) -> str:
    """The job or the address that a version is from, short; empty for an upload."""
    if version.origin is not None:
        return version.origin.url.partition("://")[2]
    return (version.source or "").partition("/projects/")[2]


def _full(dataset: Dataset) -> str:
    return f"{dataset.owner}/datasets/{dataset.name}"
