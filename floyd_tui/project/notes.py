"""What a person should know before a folder goes up: sentences, none of which stops it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from floyd_tui.sizes import human_count, human_size
from runner.models import TreeEntry, read_entries


def notes_on(manifest: bytes, special: Sequence[str]) -> tuple[str, ...]:
    """Sentences about the tree that `manifest` says; `special` are the sockets, pipes and devices left behind."""
    notes: list[str] = []
    # Entries are made of the text only where something is to be said of them.
    if b".git" in manifest:
        notes += _git_notes(manifest)
    if b'["l",' in manifest:
        notes += _link_notes(manifest)
    if special:
        notes.append(f"Not a file, so not sent: {_listed(special)}.")
    return tuple(notes)


def _git_notes(manifest: bytes) -> list[str]:
    inside = [entry for entry in read_entries(manifest) if ".git" in entry.path.split("/")]
    if not inside:
        return []
    what = f"{human_count(len(inside), 'file')}, {human_size(sum(entry.size for entry in inside))}"
    return [f"A .git folder goes up too ({what}); add .git to .floydignore to leave it out."]


def _link_notes(manifest: bytes) -> list[str]:
    outside = [entry.path for entry in read_entries(manifest) if entry.kind == "link" and _leads_out(entry)]
    return (
        [f"These links lead out of the folder and will be broken on the host: {_listed(outside)}."] if outside else []
    )


def _leads_out(link: TreeEntry) -> bool:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    return target.startswith(("/", "../")) or target == ".."


def _listed(names: Sequence[str], at_most: int = 3) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
