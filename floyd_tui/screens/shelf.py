"""Looking after datasets by keys: renamed, described, shared; removed, after showing which jobs used them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Input, Select

from floyd_tui.client.protocol import Link
from floyd_tui.screens.confirm import Confirm
from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.form_field import FormField
from runner.models import Dataset, DatasetChange, DatasetUse, DatasetVersion, Ref

_SEEN_BY = (("you alone", "no"), ("everybody on the host", "yes"))
# More uses than this are counted and not named.
_NAMED = 5


class EditDatasetDialog(FormDialog[Dataset]):
    """Changes name, description and who sees it; dismisses with the dataset as it is then."""

    QUESTION = "Change a dataset"
    GO = "Change"
    AUTO_FOCUS = "#name"

    def __init__(self, link: Link, dataset: Dataset) -> None:
        super().__init__()
        self._link, self._dataset = link, dataset

    def compose_fields(self) -> ComposeResult:
        yield FormField("Name", Input(self._dataset.name, compact=True, id="name"), id="field-name")
        says = Input(self._dataset.description, placeholder="what it holds, in a sentence", compact=True, id="says")
        yield FormField("Description", says, id="field-says")
        seen: Select[str] = Select(
            _SEEN_BY, value="yes" if self._dataset.public else "no", allow_blank=False, compact=True, id="seen"
        )
        yield FormField("Seen by", seen, id="field-seen")

    def check(self) -> dict[str, str]:
        """A name."""
        return {"name": self.name_trouble("name")}

    async def send(self) -> Dataset:
        """Change what is different."""
        old = self._dataset
        seen: Select[str] = self.query_one("#seen", Select)
        name, says, public = self.text("name"), self.text("says"), seen.value == "yes"
        change = DatasetChange(
            name if name != old.name else None,
            says if says != old.description else None,
            public if public != old.public else None,
        )
        if change == DatasetChange():
            return old
        return await self._link.client.change_dataset(f"{old.owner}/datasets/{old.name}", change)


def removal(dataset: Dataset, version: DatasetVersion | None, uses: Sequence[DatasetUse]) -> Confirm:
    """The question before a dataset, or one version of it, is removed: what goes, and which jobs used it."""
    versions = dataset.versions if version is None else (version,)
    name = dataset.name if version is None else version.short
    size = fmt.size(sum(one.size for one in versions))
    lines = [f"{fmt.count(len(versions), 'version')}, {size}. Jobs that used it stay, but cannot run again with it."]
    lines.append(f"Used by {fmt.count(len(uses), 'job')}:" if uses else "No job has used it.")
    # What keeps it from going comes first.
    named = sorted(uses, key=lambda use: use.state.ended)[:_NAMED]
    lines += [f"  {_job(use)}, {fmt.words(use.state)}" for use in named]
    if len(uses) > _NAMED:
        lines.append(f"  and {len(uses) - _NAMED:,} more")
    return Confirm(f"Remove {name}?", "\n".join(map(fmt.plain, lines)), yes="Remove", no="Keep")


def _job(use: DatasetUse) -> str:
    if use.job is None:
        return f"a job of {use.owner}"
    ref = Ref.parse(use.job)
    return f"{ref.name}/{ref.number}"
