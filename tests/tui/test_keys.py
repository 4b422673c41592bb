"""The keys: each named and explained, none bound twice where one could not tell which acts, the page of docs true."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from runner.models import JobState
from scripts.keys_doc import PATH, PLACES, binding_classes, bindings_of, page
from tests.support.job_ui import job_ui
from tests.support.shell_ui import ShellUi, shell_ui

CLASSES = binding_classes()
# The inner of two acts, and means the same of something smaller.
INNER_FIRST = {
    ("files.download", "job.download"),
    ("files.find", "list.filter"),
    ("table.open", "files.view"),
    ("files.leave-find", "job.back"),
    ("files.leave-find", "data.back"),
    ("fetch.cancel", "data.remove"),
}


def test_the_page_of_docs_is_what_the_bindings_say() -> None:
    assert PATH.read_text(encoding="utf-8") == page(), "run python -m scripts.keys_doc"


def test_every_class_that_binds_keys_is_on_the_page() -> None:
    assert set(CLASSES) == set(PLACES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_key_is_named_and_explained_and_bound_once(name: str) -> None:
    bindings = list(bindings_of(CLASSES[name]))
    for binding in bindings:
        assert binding.id, binding
        assert binding.description, binding
        assert binding.tooltip, binding
    keys = [binding.key for binding in bindings]
    assert len(keys) == len(set(keys))


def own_bindings(node: object) -> list[Binding]:
    """The program's bindings of `node`'s class and of its bases."""
    return [
        binding
        for base in type(node).__mro__
        if base.__module__.startswith("floyd_tui") and base.__dict__.get("BINDINGS")
        for binding in bindings_of(base)
    ]


def clashes(focused: Widget) -> set[tuple[str, str]]:
    """Pairs of ids that a key would mean both, from `focused` outwards."""
    chain = [binding for node in focused.ancestors_with_self for binding in own_bindings(node)]
    pairs = {(one.id or "", two.id or "") for one, two in combinations(chain, 2) if one.key == two.key}
    return {(one, two) for one, two in pairs if one != two} - INNER_FIRST


def assert_no_clash(screen: Screen[Any]) -> None:
    """Wherever the focus can be on `screen`, no key means two things."""
    found = {pair for widget in (screen, *screen.focus_chain) for pair in clashes(widget)}
    assert not found


@pytest.mark.parametrize(
    "keys", [(), ("2",), ("3",), ("4",), ("w",), ("2", "u"), ("2", "a"), ("4", "a"), ("4", "d"), ("n",)]
)
async def test_no_two_keys_of_a_screen_clash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with shell_ui(tmp_path, (160, 48)) as ui:
        await ui.sees("protein-fold")
        await walk(ui, keys)
        assert_no_clash(ui.app.screen)


async def walk(ui: ShellUi, keys: tuple[str, ...]) -> None:
    """Press `keys`, each of which opens a screen."""
    for key in keys:
        await opens(ui, key)


async def opens(ui: ShellUi, key: str) -> None:
    """Press `key` and wait for the screen it opens."""
    before = ui.app.screen
    await ui.press(key)
    await ui.until(lambda: ui.app.screen is not before, f"what {key} opens")


@pytest.mark.parametrize("tab", ["L", "M", "O", "I"])
async def test_no_two_keys_of_a_job_clash(tmp_path: Path, tab: str) -> None:
    async with job_ui(tmp_path, "digits/6", (120, 40)) as ui:
        await ui.press(tab)
        await ui.until(lambda: len(ui.screen.focus_chain) > 0, "something to focus")
        assert_no_clash(ui.screen)


async def test_the_row_of_keys_is_made_anew_only_for_other_keys(tmp_path: Path) -> None:
    async with job_ui(tmp_path) as ui:

        def row() -> list[FooterKey]:
            return list(ui.screen.query(FooterKey))

        await ui.until(lambda: any(key.description == "Stop" for key in row()), "the keys of a job that runs")
        before = row()
        ui.screen.refresh_bindings()
        await ui.pilot.pause()
        assert row() == before
        ui.host.finish("digits/7", JobState.SUCCEEDED)
        await ui.until(lambda: any(key.description == "Stop" and key._disabled for key in row()), "one that has ended")
