"""``init``: tie this folder to a project."""

from __future__ import annotations

from pathlib import Path

import click

from floyd_tui.cli.show import note
from floyd_tui.project.link import find_link, write_link


@click.command()
@click.argument("name", required=False)
def init(name: str | None) -> None:
    """Tie this folder to the project NAME; the folder's own name if left out.

    Writes `.floydexpt`, as FloydHub did. The project itself is made on a host by its first job.
    """
    folder = Path.cwd()
    above = find_link(folder)
    link = write_link(folder, name or folder.name)
    click.echo(f"This folder is the project {link.name}. Run it: floyd-tui run 'python train.py'")
    if above is not None and above.folder != folder:
        note(f"It lies inside the project {above.name} ({above.folder}), which still has it as a part.")
