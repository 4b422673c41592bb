"""What `pip install` brings: a wheel built from this folder, used without the folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USE = """
from pathlib import Path
import floyd_tui, runner
from floyd_tui.client.pack import pack
print(floyd_tui.__file__, runner.__file__, pack(Path("packed"))[1], sep="\\n")
print(*sorted(path.name for path in (Path(floyd_tui.__file__).parent / "themes").iterdir()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [made] = folder.glob("floyd_tui-*-py3-none-any.whl")
    return made


def test_it_has_all_that_is_needed_and_nothing_of_the_workshop(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"floyd_tui-{wheel.name.split('-')[1]}.dist-info"
    assert {name.split("/")[0] for name in names} == {"floyd_tui", "runner", info}
    assert {f"{info}/licenses/LICENSE", f"{info}/entry_points.txt", "floyd_tui/py.typed", "runner/py.typed"} <= names
    for package in ("floyd_tui", "runner"):
        here = [path for path in (ROOT / package).rglob("*") if path.suffix in {".py", ".tcss", ".yml", ".yaml"}]
        assert {path.relative_to(ROOT).as_posix() for path in here} <= names
    assert {f"floyd_tui/themes/{path.name}" for path in (ROOT / "themes").glob("*.yaml")} <= names


def test_installed_it_works_without_the_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    env = {**os.environ, "PYTHONPATH": str(site)}

    def run(*words: str) -> str:
        done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    laptop, host, packed, themes = run("-c", USE).splitlines()
    assert laptop.startswith(str(site))
    assert host.startswith(str(site))
    assert themes.split() == sorted(path.name for path in (ROOT / "themes").glob("*.yaml"))
    assert "floyd-runner, version" in run(str(tmp_path / packed), "--version")
    assert "Run this project's code" in run("-m", "floyd_tui", "run", "--help")
