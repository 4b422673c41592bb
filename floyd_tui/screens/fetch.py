"""Adding a dataset's version from the net: what to fetch, which the host then does by itself."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Select

from floyd_tui.client.protocol import Link
from floyd_tui.screens.form_dialog import FormDialog
from floyd_tui.widgets.form_field import FormField
from runner.models import Fetch, NewFetch, is_digest

_UNPACK = (("archives, as their names say", ""), ("whatever it is called", "yes"), ("no: keep the one file", "no"))
_CHOICES = {"": None, "yes": True, "no": False}
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_ENDINGS = re.compile(r"(\.(tar|tgz|tbz2?|txz|zip|gz|bz2|xz|csv|json|jsonl|parquet|npz|h5))+$", re.IGNORECASE)


class FetchDialog(FormDialog[Fetch]):
    """Dismisses with the fetch that was begun."""

    QUESTION = "Add a dataset from the net"
    GO = "Fetch"
    AUTO_FOCUS = "#url"

    def __init__(self, link: Link, dataset: str = "", url: str = "") -> None:
        super().__init__()
        self._link, self._dataset, self._url = link, dataset, url
        self._suggested = ""

    def compose_fields(self) -> ComposeResult:
        choice: Select[str] = Select(_UNPACK, value="", allow_blank=False, compact=True, id="unpack")
        for label, key, value, placeholder in (
            ("Address", "url", self._url, "https://…, fetched by the host itself"),
            ("Dataset", "name", self._dataset, "its name; there already: the next version"),
            ("SHA-256", "sha256", "", "what it must have; empty: not checked"),
        ):
            yield FormField(label, Input(value, placeholder=placeholder, compact=True, id=key), id=f"field-{key}")
        yield FormField("Unpack", choice, id="field-unpack")
        message = Input(placeholder="what is new in this version", compact=True, id="message")
        yield FormField("Message", message, id="field-message")

    @on(Input.Changed, "#url")
    def _suggest_name(self) -> None:
        """A dataset is mostly called as its file is, until the person says otherwise."""
        name = self.query_one("#name", Input)
        if name.value == self._suggested:
            self._suggested = name.value = suggested_name(self.text("url"))

    def check(self) -> dict[str, str]:
        """An address, a name, and a digest or none."""
        url, digest = self.text("url"), self.text("sha256").lower()
        good = url.lower().startswith(("http://", "https://")) and bool(urlsplit(url).netloc)
        return {
            "url": "" if good else "Write it in full: https://example.org/data.tar.gz",
            "name": self.name_trouble("name"),
            "sha256": "" if not digest or is_digest(digest) else "A SHA-256 has 64 hexadecimal digits.",
        }

    async def send(self) -> Fetch:
        """Let the host begin."""
        choice: Select[str] = self.query_one("#unpack", Select)
        unpack = _CHOICES[str(choice.value)]
        new = NewFetch(self.text("url"), self.text("sha256") or None, unpack, self.text("message"))
        return await self._link.client.begin_fetch(self.text("name"), new)


def suggested_name(url: str) -> str:
    """What the data at `url` may be called; empty where the address says nothing of it."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    last = unquote(path).rstrip("/").rpartition("/")[2]
    return _NO_NAME.sub("-", _ENDINGS.sub("", last)).strip("-.")[:100]
