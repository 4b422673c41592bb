"""``screenshots``: pictures of the app's own screens, as README has them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import click

_LEAST, _MOST = (40, 12), (400, 150)


class Size(click.ParamType[tuple[int, int]]):
    """Columns and rows, as ``112x32``."""

    name = "COLUMNSxROWS"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """The two numbers."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", value)
        size = (int(match[1]), int(match[2])) if match else (0, 0)
        if not (_LEAST[0] <= size[0] <= _MOST[0] and _LEAST[1] <= size[1] <= _MOST[1]):
            self.fail(f"{value!r} is no size. Write columns and rows, from 40x12 to 400x150: 112x32.", param, ctx)
        return size


@click.command()
@click.argument("names", nargs=-1, metavar="[SCREEN]...")
@click.option("--theme", default="floyd-dark", show_default=True, help="A theme, your own ones included.")
@click.option("--size", type=Size(), default="112x32", show_default=True, help="Columns and rows of the terminal.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="screenshots", show_default=True,
    help="The folder that the pictures go to.",
)  # fmt: skip
@click.option("--list", "list_only", is_flag=True, help="Only list the screens there are.")
def screenshots(names: tuple[str, ...], theme: str, size: tuple[int, int], out: Path, list_only: bool) -> None:
    """Draw the app's screens as SVG pictures, with hosts and jobs that are only played.

    Without SCREENs all of them. The same is drawn each time; no host is asked, and no setting read but your themes.
    """
    from floyd_tui.screenshots import SCENES, draw

    if list_only:
        for name, scene in SCENES.items():
            click.echo(f"{name:14} {scene.__doc__}")
        return
    if unknown := [name for name in names if name not in SCENES]:
        raise click.BadParameter(f"There is no screen {unknown[0]!r}. There are: {', '.join(SCENES)}.")
    out = out.absolute()
    for name in names or SCENES:
        svg = asyncio.run(draw(SCENES[name], theme, size))
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.svg").write_text(svg, encoding="utf-8")
        click.echo(f"{out / name}.svg")
