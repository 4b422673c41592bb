"""Looking into files by keys: each kind as it is best read, part by part, and as it grows."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from textual.widgets import Static

from floyd_tui.client.fake import NOW, FakeFile
from floyd_tui.errors import HostUnreachable
from floyd_tui.peek.tables import order_of
from floyd_tui.screens import preview
from floyd_tui.screens.preview import PreviewScreen
from floyd_tui.screens.sheet_picker import SheetPicker
from floyd_tui.widgets.json_tree import JsonTree
from floyd_tui.widgets.log_view import LogView
from floyd_tui.widgets.markdown_view import MarkdownView
from floyd_tui.widgets.note import Note
from floyd_tui.widgets.picture_view import PictureView
from floyd_tui.widgets.sheet import Sheet
from runner.models import JobState
from tests.support.job_ui import JobUi, job_ui
from tests.support.snapshots import SIZES, check_snapshot

RUNNING = "digits/7"
CONFIG = {"model": {"layers": [64, 128], "on": True, "none": None}, "many": [{"id": n} for n in range(50)], "lr": 0.05}
HISTORY = "epoch,loss,note\n" + "".join(f"{n},{1 / (n + 1):.3f},{'best' if n % 3 == 0 else ''}\n" for n in range(40))
CODE = '"""Trains."""\n\nimport json\n\n\ndef main(lr: float = 0.05) -> None:\n    print(json.dumps({"lr": lr}))\n'


def picture() -> bytes:
    image = Image.new("RGB", (64, 48), "white")
    image.paste("#2255cc", (8, 8, 40, 40))
    image.paste("#cc2255", (30, 20, 60, 44))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "history.csv": HISTORY.encode(),
    "picture.png": picture(),
    "train.py": CODE.encode(),
    "model.pt": b"PK\x03\x04" + bytes(range(256)) * 4,
}


class Preview:
    """A preview under test, and the file on the fake host."""

    def __init__(self, ui: JobUi, screen: PreviewScreen, source: str) -> None:
        self.ui, self.screen, self._source = ui, screen, source

    def write(self, data: bytes) -> None:
        """The job writes the file anew."""
        (old,) = self.ui.host.sources[self._source]
        self.ui.host.sources[self._source] = [replace(old, text=data, modified_at=old.modified_at + 1)]

    @property
    def facts(self) -> str:
        return str(self.screen.query_one(".file-facts", Static).render())

    async def lines(self, count: int) -> LogView:
        await self.ui.until(
            lambda: self.screen.query(LogView) and self.screen.query_one(LogView).buffer.lines == count,
            f"{count} lines",
        )
        return self.screen.query_one(LogView)

    async def press(self, key: str) -> None:
        """Press a key, and wait until something else is shown."""
        before = self.screen.look
        await self.ui.press(key)
        await self.ui.until(lambda: self.screen.look not in (None, before), f"what {key} shows")


@asynccontextmanager
async def previewed(
    tmp_path: Path, name: str, data: bytes, job: str = "digits/6", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Preview]:
    async with job_ui(tmp_path, job, size) as ui:
        source = f"{ui.host.find_job(job).name}/output"
        ui.host.sources[source] = [FakeFile(name, data, 0, NOW - 300)]
        (info,) = await ui.link.client.files(source)
        screen = PreviewScreen(ui.link, source, info)
        await ui.pilot.app.push_screen(screen)
        await ui.until(lambda: screen.look is not None or "empty" in str(screen.query_one(Note).render()), "a look")
        yield Preview(ui, screen, source)


async def drawn(shown: Preview, view: PictureView) -> None:
    """Wait until the picture has the size of its place."""
    await shown.ui.until(lambda: view.drawn == tuple(view.content_size), "the picture")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FILES)
async def test_each_kind_as_it_is_best_read(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    async with previewed(tmp_path, name, FILES[name], size=size) as shown:
        for view in shown.screen.query(PictureView):
            await drawn(shown, view)
        if shown.screen.query(LogView):
            await shown.ui.until(lambda: shown.screen.query_one(LogView).buffer.lines > 4, "the lines")
        await check_snapshot(shown.ui.pilot, f"preview-{name.rpartition('.')[2]}")


async def test_json_folds_and_its_text_is_one_key_away(tmp_path: Path) -> None:
    async with previewed(tmp_path, "config.json", FILES["config.json"]) as shown:
        tree = shown.screen.query_one(JsonTree)
        assert [str(node.label) for node in tree.root.children] == ["model: {} 3 keys", "many: [] 50 items", "lr: 0.05"]
        many = tree.root.children[1]
        assert not many.is_expanded
        assert not many.children, "what is folded is not drawn"
        await shown.ui.press("G", "k", "right")
        await shown.ui.until(lambda: len(many.children) == 50, "what is inside")
        await shown.ui.press("left")
        assert not many.is_expanded
        await shown.press("v")
        assert '"layers"' in (await shown.lines(1)).buffer.line(0).data.decode()
        await shown.press("v")
        assert shown.screen.query(JsonTree)


async def test_a_large_file_is_read_part_by_part(tmp_path: Path) -> None:
    data = b"".join(b"step %d\n" % number for number in range(60_000))
    async with previewed(tmp_path, "steps.txt", data) as shown:
        assert "0 B to 256 KiB of it" in shown.facts
        seen = shown.screen.look.part.data if shown.screen.look else b""
        await shown.press("greater_than_sign")
        await shown.press("greater_than_sign")
        assert shown.screen.look is not None
        assert shown.screen.look.part.last
        await shown.press("less_than_sign")
        assert shown.screen.look.part.data[:5] == b"step "
        await shown.press("circumflex_accent")
        assert shown.screen.look.part.data == seen
        await shown.press("dollar_sign")
        assert shown.screen.look.part.data.endswith(b"step 59999\n")
        assert shown.screen.view.check_action("part", (1,)) is False


async def test_a_log_is_read_from_its_end_and_as_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "POLL_SECONDS", 0.02)
    data = b"".join(b"line %d\n" % number for number in range(60_000))
    async with previewed(tmp_path, "train.log", data, RUNNING) as shown:
        assert shown.screen.look is not None
        assert shown.screen.look.part.last
        before = shown.screen.query_one(LogView).buffer.lines
        assert before > 1000
        shown.write(data + b"and on\n")
        view = await shown.lines(before + 1)
        assert view.buffer.line(before).data == b"and on"
        shown.write(b"begun anew\n")
        view = await shown.lines(1)
        assert view.buffer.line(0).data == b"begun anew"
        calls = len(shown.ui.host.calls)
        shown.ui.host.finish(RUNNING, JobState.SUCCEEDED)
        await shown.ui.until(lambda: shown.screen.file.digest, "the end")
        assert "content" not in shown.ui.host.calls[calls:], "what stayed as it was is not read again"


async def test_a_table_and_a_tree_grow_and_keep_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "POLL_SECONDS", 0.02)
    async with previewed(tmp_path, "history.csv", HISTORY.encode(), RUNNING) as shown:
        sheet = shown.screen.query_one(Sheet)
        await shown.ui.press("j", "j", "j")
        shown.write(HISTORY.encode() + b"40,0.001,best\n")
        await shown.ui.until(lambda: sheet.row_count == 41, "the new row")
        assert sheet.cursor_row == 3
        assert "41 rows, 3 columns" in shown.facts


async def test_an_empty_file_and_a_lost_host_are_said(tmp_path: Path) -> None:
    async with previewed(tmp_path, "nothing.txt", b"") as shown:
        assert "empty" in str(shown.screen.query_one(Note).render())
    async with previewed(tmp_path, "steps.txt", b"x\n" * 300_000) as shown:
        shown.ui.host.fail("content", HostUnreachable("gauss does not answer.", "Try again."))
        await shown.ui.press("greater_than_sign")
        await shown.ui.until(lambda: shown.screen.query(Note), "the sentence")
        assert "does not answer" in str(shown.screen.query_one(Note).render())


NOTEBOOK = {
    "metadata": {"language_info": {"file_extension": ".py"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Digits\n", "A first look."]},
        {
            "cell_type": "code",
            "execution_count": 3,
            "source": "import json\nprint(1)",
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "display_data", "data": {"image/png": "aaaa", "text/plain": "<Figure>"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": ["at line 1"]},
            ],
        },
    ],
}
README = """\
# Digits

Trains a *small* net, [here](https://example.org):

- one
- two

```python
import json
```

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.mark.parametrize("size", SIZES)
async def test_markdown_is_laid_out_and_a_notebook_goes_cell_by_cell(tmp_path: Path, size: tuple[int, int]) -> None:
    async with previewed(tmp_path, "README.md", README.encode(), size=size) as shown:
        view = shown.screen.query_one(MarkdownView)
        await shown.ui.until(lambda: view.has_focus and view.query("MarkdownH1"), "the headings")
        await check_snapshot(shown.ui.pilot, "preview-md")
        await shown.ui.press("j", "k", "G", "g")
        await shown.press("v")
        await shown.ui.until(lambda: shown.screen.query(LogView), "its text")
    async with previewed(tmp_path, "look.ipynb", json.dumps(NOTEBOOK).encode(), size=size) as shown:
        await shown.ui.until(lambda: shown.screen.query_one(LogView).buffer.lines > 8, "the cells")
        await check_snapshot(shown.ui.pilot, "preview-ipynb")
        await shown.press("v")
        assert b"cells" in (await shown.lines(1)).buffer.line(0).data
    async with previewed(tmp_path, "odd.ipynb", b'{"cells": 3}') as shown:
        assert "no notebook" in shown.facts


async def test_tables_are_sorted_by_a_column_and_objects_are_rows(tmp_path: Path) -> None:
    lines = b'{"step": 1, "loss": 0.5}\n{"step": 12, "loss": 0.25, "note": {"best": true}}\n{"step": 7}\n'
    async with previewed(tmp_path, "metrics.jsonl", lines) as shown:
        sheet = shown.screen.query_one(Sheet)

        def steps() -> list[str]:
            return [str(sheet.get_row_at(at)[0]) for at in range(sheet.row_count)]

        assert [str(column.label) for column in sheet.ordered_columns] == ["step", "loss", "note"]
        assert str(sheet.get_row_at(1)[2]) == '{"best": true}'

        async def sorted_to(expected: list[str]) -> None:
            await shown.ui.press("z")
            await shown.ui.until(lambda: isinstance(shown.ui.pilot.app.screen, SheetPicker), "the columns")
            await shown.ui.press("enter")
            await shown.ui.until(lambda: steps() == expected, "the order")

        await sorted_to(["1", "7", "12"])
        await sorted_to(["12", "7", "1"])
        await shown.ui.pilot.click(sheet, offset=(8, 0))
        await shown.ui.until(lambda: steps() == ["12", "1", "7"], "by the header clicked, what is empty last")
        assert order_of("36.8 KiB") > order_of("20 B")
