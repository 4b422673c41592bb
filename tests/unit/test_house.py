"""The rules of the house that a tool can hold: who imports whom, what is pure, how long things get."""

from __future__ import annotations

import ast
import gc
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for folder in ("floyd_tui", "runner", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")
]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES}
UI = ("floyd_tui.screens", "floyd_tui.widgets", "floyd_tui.app", "floyd_tui.themes", "floyd_tui.screenshots")
CORE = sorted(name for name in MODULES if name.split(".")[0] == "floyd_tui" and not name.startswith(UI))


def loaded_by(modules: list[str]) -> set[str]:
    """The modules that are there after importing `modules` in a fresh interpreter."""
    code = f"import sys, importlib\nfor m in {modules!r}: importlib.import_module(m)\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(result.stdout.split())


def parsed(path: Path, feature_version: tuple[int, int] | None = None) -> ast.Module:
    """The file's syntax tree."""
    # CPython 3.11 miscounts its own recursion where a collection runs meanwhile, and raises SystemError.
    gc.disable()
    try:
        return ast.parse(path.read_text(), str(path), feature_version=feature_version)
    finally:
        gc.enable()


def test_the_core_knows_no_textual() -> None:
    assert not {name for name in loaded_by(CORE) if name.split(".")[0] == "textual"}


def test_the_laptop_side_loads_only_the_contract_of_the_runner() -> None:
    loaded = {name for name in loaded_by(sorted(n for n in MODULES if n.startswith("floyd_tui")))}
    foreign = {n for n in loaded if n.startswith("runner.") and not n.startswith("runner.models")}
    assert not foreign


def test_the_runner_never_loads_the_laptop_side() -> None:
    loaded = loaded_by(sorted(n for n in MODULES if n.split(".")[0] == "runner" and not n.endswith("__main__")))
    assert not {n for n in loaded if n.split(".")[0] in ("floyd_tui", "textual", "asyncssh", "psutil")}


def test_the_runner_is_written_for_python_3_10() -> None:
    for path in (ROOT / "runner").rglob("*.py"):
        parsed(path, feature_version=(3, 10))


def test_the_command_line_starts_without_the_heavy_parts() -> None:
    loaded = loaded_by(["floyd_tui.__main__"])
    assert not loaded & {"textual", "asyncssh", "httpx", "cattrs", "watchfiles", "yaml"}


def test_starting_and_stopping_a_runner_loads_no_server() -> None:
    loaded = loaded_by(["runner.__main__", "runner.daemon"])
    assert not loaded & {"starlette", "uvicorn", "httpx", "anyio", "sqlite3"}


def test_who_has_only_this_machine_never_waits_for_ssh_to_load() -> None:
    commands = [name for name in MODULES if name.startswith("floyd_tui.cli.")]
    loaded = loaded_by(["floyd_tui.app", "floyd_tui.client.links", *sorted(commands)])
    assert not loaded & {"asyncssh", "cryptography"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_too_long(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400, "split this file: it is more than one thing"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{node.name} does not fit a screen"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_waits_so_that_it_cannot_be_cancelled(path: Path) -> None:
    attributes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute)]
    found = [node.lineno for node in attributes if ast.unparse(node) == "asyncio.wait_for"]
    assert not found, "before Python 3.12 it swallows cancellations: asyncio.timeout, or runner.threads.within"


def test_constraints_name_versions_of_what_is_installed_and_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert "://" not in "".join(lines)
    for name, version in pins.items():
        assert importlib.metadata.version(name) == version
