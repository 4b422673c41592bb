"""``init``: tie this folder to a project."""

from __future__ import annotations

from pathlib import Path

import click

from floyd_tui.cli.show import note
from floyd_tui.project.link import find_link, write_link


@click.command()
@click.argument("name", required=False)
def init(name: str | None) -> None:
    """Tie this folder to the project NAME. Left out, a tied folder stays as it is, another takes its own name.

    Writes `.floydexpt`, as FloydHub did. The project itself is made on a host by its first job.
    """
    folder = Path.cwd()
    above = find_link(folder)
    tied = above.name if above is not None and above.folder == folder.resolve() else None
    link = write_link(folder, name or tied or folder.name)
    if tied not in (None, link.name):
        note(f"It was tied to {tied} before; the jobs of {tied} stay where they are.")
    click.echo(f"This folder is the project {link.name}. Run it: floyd-tui run 'python train.py'")
    if above is not None and above.folder != folder.resolve():
        note(f"It lies inside the project {above.name} ({above.folder}), which still has it as a part.")
