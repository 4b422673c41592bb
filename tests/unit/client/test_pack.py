"""The packed runner: complete, pure, and the same file for the same content."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from floyd_tui import __version__
from floyd_tui.client.pack import closure, pack


def test_it_holds_the_runner_and_its_needs_and_nothing_of_the_laptop_side(tmp_path: Path) -> None:
    version, path = pack(tmp_path)
    assert version.startswith(f"{__version__}-")
    names = zipfile.ZipFile(path).namelist()
    for wanted in ("__main__.py", "runner/cli.py", "yaml/__init__.py", "h11/__init__.py", "starlette/routing.py"):
        assert wanted in names
    tops = {name.split("/")[0] for name in names}
    assert not tops & {"floyd_tui", "textual", "asyncssh", "watchfiles", "cryptography", "tests"}
    assert not [name for name in names if name.endswith((".so", ".pyc"))]
    assert any(name.endswith("METADATA") for name in names)


def test_each_requirement_of_the_runner_is_in_the_closure() -> None:
    names = {dist.name.lower().replace("_", "-") for dist in closure()}
    assert names >= {"cattrs", "attrs", "click", "h11", "httpx", "httpcore", "anyio", "pyyaml", "starlette", "uvicorn"}
    assert not names & {"textual", "asyncssh", "rich", "watchfiles"}


def test_the_same_content_makes_the_same_file_once(tmp_path: Path) -> None:
    _, first = pack(tmp_path / "a")
    _, second = pack(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    before = first.stat().st_mtime_ns
    assert pack(tmp_path / "a")[1] == first
    assert first.stat().st_mtime_ns == before
    assert [path.name for path in (tmp_path / "a").iterdir()] == [first.name]


def test_it_runs_without_anything_installed(tmp_path: Path) -> None:
    _, path = pack(tmp_path)
    done = subprocess.run([sys.executable, "-I", "-S", path, "--version"], capture_output=True, text=True, check=True)
    assert __version__ in done.stdout
