"""Keeping a job's output, or a folder of it, as a dataset: no byte is copied."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Input, Static

from floyd_tui.client.protocol import Link
from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.widgets import format as fmt
from floyd_tui.widgets.form_field import FormField
from runner.models import AddedVersion, NewVersion, Ref


class SaveDatasetDialog(FormDialog[AddedVersion]):
    """Makes a version of `source`; dismisses with it."""

    QUESTION = "Keep it as a dataset"
    GO = "Keep"
    AUTO_FOCUS = "#name"

    def __init__(self, link: Link, source: str) -> None:
        super().__init__()
        self._link, self._source = link, source

    def compose_fields(self) -> ComposeResult:
        ref = Ref.parse(self._source)
        whole = "the code" if ref.area == "code" else "the whole output"
        what = f"{ref.path or whole} of {ref.name}/{ref.number}"
        yield Static(fmt.plain(f"{what}; nothing is copied"), classes="fact", markup=False)
        for label, key, value, placeholder in (
            ("Dataset", "name", f"{ref.name}-{ref.area or 'output'}", "its name; there already: the next version"),
            ("Message", "message", "", "what is new in this version"),
        ):
            yield FormField(label, Input(value, placeholder=placeholder, compact=True, id=key), id=f"field-{key}")

    def check(self) -> dict[str, str]:
        """A name."""
        return {"name": self.name_trouble("name")}

    async def send(self) -> AddedVersion:
        """Let the host make the version."""
        return await self._link.client.add_version(
            self.text("name"), NewVersion(None, self._source, self.text("message"))
        )


def said(added: AddedVersion) -> str:
    """What came of it, in a sentence."""
    version = added.version
    if added.created:
        return f"{version.short} is there: {fmt.count(version.files, 'file')}."
    return f"Nothing is new: {version.short} has just these files."
