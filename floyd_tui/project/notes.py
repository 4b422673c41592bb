"""What a person should know before a folder goes up: sentences, none of which stops it."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from floyd_tui.project.sizes import human_count, human_size
from runner.models import TreeEntry

# FloydHub refused code folders above this size; here it is only worth a word.
LARGE = 100 * 1000**2


def notes_on(root: Path, entries: Sequence[TreeEntry], special: Sequence[str], is_code: bool) -> tuple[str, ...]:
    """Sentences about `entries` of the folder `root`; `special` are the sockets, pipes and devices left behind.

    Only of code is it worth saying that it is large.
    """
    notes = [*(_size_notes(root, entries) if is_code else ()), *_git_notes(entries), *_link_notes(entries)]
    if special:
        notes.append(f"Not a file, so not sent: {_listed(special)}.")
    return tuple(notes)


def _size_notes(root: Path, entries: Sequence[TreeEntry]) -> list[str]:
    total = sum(entry.size for entry in entries)
    if total <= LARGE:
        return []
    tops: Counter[str] = Counter()
    for entry in entries:
        top, slash, _ = entry.path.partition("/")
        tops[top + slash] += entry.size
    (name, size), *_ = tops.most_common(1)
    return [
        f"{root.name} holds {human_size(total)}, {human_size(size)} of it in {name}. Data is better kept in a dataset"
        " (floyd-tui data upload), and what jobs need not see in .floydignore."
    ]


def _git_notes(entries: Sequence[TreeEntry]) -> list[str]:
    inside = [e for e in entries if ".git" in e.path.split("/")]
    if not inside:
        return []
    what = f"{human_count(len(inside), 'file')}, {human_size(sum(entry.size for entry in inside))}"
    return [f"A .git folder goes up too ({what}); add .git to .floydignore to leave it out."]


def _link_notes(entries: Sequence[TreeEntry]) -> list[str]:
    outside = [e.path for e in entries if e.kind == "link" and _leads_out(e)]
    return (
        [f"These links lead out of the folder and will be broken on the host: {_listed(outside)}."] if outside else []
    )


def _leads_out(link: TreeEntry) -> bool:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
    return target.startswith(("/", "../")) or target == ".."


def _listed(names: Sequence[str], at_most: int = 3) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
