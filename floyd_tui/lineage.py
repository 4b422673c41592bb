"""A lineage as lines to read from top to bottom: what a thing came from, the thing itself, and what came from it.

What is farther away is farther from the middle, and stands below or above the line that leads there:

    ┌ ─ digits/2            a dataset that digits/6 mounted
    ┌ digits/6              a job whose output digits/7 mounted
    digits/7                what was asked for
    ├ digits/8              launched again with its settings
    └ weights/1             its output, kept as a dataset
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from runner.models import Lineage, LineageEdge, LineageNode, Ref

# Signs of how one thing came from another, in words by `how`.
SIGNS = {"input": "→", "kept": "⇒", "relaunch": "↻"}


@dataclass(frozen=True, slots=True)
class Branch:
    """A line: `stem` is what is drawn before the name, `edges` are what leads to it from the line it hangs on.

    `again` says that the thing stands in another line already, with what lies beyond it.
    """

    stem: str
    node: LineageNode
    edges: tuple[LineageEdge, ...] = ()
    again: bool = False


def branches(lineage: Lineage) -> tuple[list[Branch], Branch, list[Branch]]:
    """The lines above, the thing itself, and the lines below."""
    nodes = {node.name: node for node in lineage.nodes}
    root = nodes[lineage.name]
    above = _tree(nodes, lineage.edges, root.name, lambda e: e.target, lambda e: e.source, "┌")[::-1]
    below = _tree(nodes, lineage.edges, root.name, lambda e: e.source, lambda e: e.target, "└")
    return above, Branch("", root), below


End = Callable[[LineageEdge], str]


def _tree(
    nodes: dict[str, LineageNode], edges: Iterable[LineageEdge], root: str, near: End, far: End, corner: str
) -> list[Branch]:
    """What hangs on `root` in one direction, each thing with all beyond it the first time it is come to."""
    hanging: dict[str, dict[str, list[LineageEdge]]] = {}
    for edge in edges:
        hanging.setdefault(near(edge), {}).setdefault(far(edge), []).append(edge)
    lines: list[Branch] = []
    seen = {root}
    # A stack, as a chain of launches may be longer than Python likes to go down.
    left = _hung(hanging.get(root, {}), "", corner)
    while left:
        name, given, stem, beyond = left.pop()
        again = name in seen
        lines.append(Branch(stem, nodes[name], tuple(given), again and bool(hanging.get(name))))
        if not again:
            seen.add(name)
            left += _hung(hanging.get(name, {}), beyond, corner)
    return lines


def _hung(found: dict[str, list[LineageEdge]], stem: str, corner: str) -> list[tuple[str, list[LineageEdge], str, str]]:
    """The neighbours of one thing, the last first: name, edges, what is drawn before it and before what hangs on it."""
    last = len(found) - 1
    lines = [
        (name, edges, f"{stem}{corner if at == last else '├'} ", f"{stem}{' ' if at == last else '│'} ")
        for at, (name, edges) in enumerate(found.items())
    ]
    return lines[::-1]


def how(edges: Sequence[LineageEdge]) -> str:
    """How one thing came from another: ``→ output/ckpt as model``, ``↻ launched again``, ``⇒ kept as a dataset``."""
    words = []
    for edge in edges:
        if edge.link == "input":
            words.append(f"{SIGNS['input']} {f'{edge.path} ' if edge.path else ''}as {edge.mount}")
        elif edge.link == "kept":
            words.append(f"{SIGNS['kept']} {f'{edge.path} ' if edge.path else ''}kept as a dataset")
        else:
            words.append(f"{SIGNS['relaunch']} launched again")
    return ", ".join(words)


def short(name: str) -> str:
    """``project/number`` or ``dataset/version``."""
    ref = Ref.parse(name)
    return f"{ref.name}/{ref.number}"


def standing(node: LineageNode) -> str:
    """What is not as it was: ``deleted, in the trash``, ``gone``; empty for what is there."""
    return {"here": "", "trash": "deleted, in the trash", "gone": "deleted, or not yours to see"}[node.standing]


def same_code(lineage: Lineage, most: int = 4) -> str:
    """``same code as mnist/12, mnist/14 and others``; empty where no other job ran its code."""
    if not lineage.same_code:
        return ""
    more = " and others" if lineage.same_code_more or len(lineage.same_code) > most else ""
    return f"same code as {', '.join(map(short, lineage.same_code[:most]))}{more}"
