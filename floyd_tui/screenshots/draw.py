"""From a scene to an SVG file: the same one each time, whatever the machine, its clock and its zone."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from floyd_tui.app import FloydApp
from floyd_tui.client.fake import NOW, FakeLinks
from floyd_tui.config import Config, config_folder
from floyd_tui.errors import ConfigError
from floyd_tui.screenshots.scenes import Scene
from floyd_tui.screenshots.stage import Stage, set_up_project
from floyd_tui.themes import DEFAULT

SIZE = (112, 32)
_FONTS = "Fira Code, JetBrains Mono, DejaVu Sans Mono, Menlo, Consolas, monospace"


def frozen_app(config: Config) -> FloydApp:
    """The app over the hosts that are played, with clocks that stand still."""
    return FloydApp(FakeLinks.demo(), config, lambda: NOW, lambda: 0.0)


async def draw(scene: Scene, theme: str = DEFAULT, size: tuple[int, int] = SIZE) -> str:
    """The SVG of `scene` in `theme`, `size` columns and rows large.

    It stands in a home folder of its own meanwhile, so nothing else may run beside it. Raises `ConfigError` where there
    is no such theme, `NotDrawn` where the screen does not become what it should be.
    """
    config = Config(config_folder(), theme=theme)  # for the themes that are there; its file is not read
    with TemporaryDirectory() as home, _living_in(Path(home)):
        app = frozen_app(config)
        if theme not in app.available_themes:
            known = ", ".join(sorted(name for name, one in app.available_themes.items() if not one.ansi))
            raise ConfigError(f"There is no theme {theme!r}.", f"There are: {known}.")
        async with app.run_test(size=size) as pilot:
            stage = Stage(pilot)
            await scene(stage)
            await stage.settle()
            return tidy(app.export_screenshot(title="floyd-tui"))


def tidy(svg: str) -> str:
    """Without fonts from the net and without names that change each time, a text element a line."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    svg = re.sub(r"terminal-\d+", "terminal", svg).replace("font-family: Fira Code", f"font-family: {_FONTS}")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


@contextmanager
def _living_in(home: Path) -> Iterator[None]:
    """Be at home there, in its project's folder and at UTC, and back where one was afterwards."""
    here = {name: os.environ.get(name) for name in ("HOME", "USERPROFILE", "TZ")}
    folder = Path.cwd()
    os.environ.update(HOME=str(home), USERPROFILE=str(home), TZ="UTC")
    _read_zone()
    os.chdir(set_up_project(home))
    try:
        yield
    finally:
        os.chdir(folder)
        for name, value in here.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        _read_zone()


def _read_zone() -> None:
    if hasattr(time, "tzset"):  # not on Windows, whose zone is the system's
        time.tzset()
