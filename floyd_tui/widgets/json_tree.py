"""JSON as a tree that folds; what is inside a branch is drawn when it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from floyd_tui.widgets.format import clip, count
from floyd_tui.widgets.paint import Paint, Painted

# A longer list is cut: nobody reads it line by line, and its text is one key away.
MOST = 1000
# So many lines are open at once at the beginning.
_OPEN = 40
_SCALAR = 400
# Lists that are written in one line: of so many values at most, so wide.
_FEW, _SHORT = 20, 60


class JsonTree(Painted, Tree[object]):
    """A value that `show` is given."""

    DEFAULT_CSS = """
    JsonTree {
        height: 1fr;
        padding: 0 1;
        background: $background;
        & > .tree--guides, & > .tree--guides-hover, & > .tree--guides-selected { color: $faint; text-style: none; }
        & > .tree--cursor, & > .tree--highlight-line { background: $cursor-row; text-style: none; }
        &:focus {
            background-tint: $background 0%;
            & > .tree--guides, & > .tree--guides-hover, & > .tree--guides-selected { color: $faint; text-style: none; }
            & > .tree--cursor { background: $cursor-row; color: $foreground; text-style: none; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="json.down", tooltip="One line down"),
        Binding("k", "cursor_up", "Up", show=False, id="json.up", tooltip="One line up"),
        Binding("g", "scroll_home", "Top", show=False, id="json.top", tooltip="To the first line"),
        Binding("G", "scroll_end", "Bottom", show=False, id="json.bottom", tooltip="To the last line"),
        Binding("right,l", "open", "Open", show=False, id="json.open", tooltip="Show what is inside"),
        Binding("left", "close", "Close", show=False, id="json.close", tooltip="Fold it, or go up to what holds it"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id)
        self.show_root = True
        self.guide_depth = 2
        self._paint = Paint({})

    def show(self, value: object) -> None:
        """Show `value`; what was open stays open."""
        before = {path for path, _ in self._open_branches()}
        self._paint = Paint.of(self.app)
        self.clear()
        self.root.data = value
        self.root.set_label(self._label("", value))
        self._fill(self.root)
        self.root.expand()
        if before:
            self._open_again(before)
        else:
            self._open_some()

    def draw(self) -> None:
        """Show the same value in other colours."""
        if self.root.children:
            self.show(self.root.data)

    def _open_branches(self) -> list[tuple[tuple[str, ...], TreeNode[object]]]:
        found = []
        waiting = [((), self.root)] if self.root.children else []  # type: list[tuple[tuple[str, ...], TreeNode[object]]]
        while waiting:
            path, node = waiting.pop()
            if node.is_expanded and node.children:
                found.append((path, node))
                waiting += [((*path, str(index)), child) for index, child in enumerate(node.children)]
        return found

    def _open_again(self, before: set[tuple[str, ...]]) -> None:
        waiting: list[tuple[tuple[str, ...], TreeNode[object]]] = [((), self.root)]
        while waiting:
            path, node = waiting.pop()
            for index, child in enumerate(node.children):
                here = (*path, str(index))
                if here in before:
                    self._fill(child)
                    child.expand()
                    waiting.append((here, child))

    def _open_some(self) -> None:
        """Open branch after branch, outer ones first, as long as that leaves no more than a screen."""
        lines, waiting = 1 + len(self.root.children), list(self.root.children)
        while waiting:
            node = waiting.pop(0)
            inside = len(node.data) if isinstance(node.data, dict | list) and not _short(node.data) else 0
            if inside and lines + inside <= _OPEN:
                lines += inside
                self._fill(node)
                node.expand()
                waiting += node.children

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[object]) -> None:
        """Draw what is inside, the first time."""
        event.stop()
        self._fill(event.node)

    def _fill(self, node: TreeNode[object]) -> None:
        if node.children:
            return
        inside = list(_inside(node.data))
        for key, value in inside[:MOST]:
            if isinstance(value, dict | list) and value:
                node.add(self._label(key, value), value)
            else:
                node.add_leaf(self._label(key, value), value)
        if len(inside) > MOST:
            node.add_leaf(self._paint(f"… {len(inside) - MOST:,} more; v shows the text", "dim"))

    def _label(self, key: str, value: object) -> Text:
        paint = self._paint
        name = Text.assemble(paint(key, "key"), paint(": ", "dim")) if key else Text()
        if isinstance(value, dict):
            return name + paint(f"{{}} {count(len(value), 'key')}", "dim")
        if isinstance(value, list):
            return name + paint(_short(value) or f"[] {count(len(value), 'item')}", "dim")
        if isinstance(value, str):
            return name + paint(clip(json.dumps(value, ensure_ascii=False), _SCALAR), "good")
        color = "warn" if isinstance(value, int | float) and not isinstance(value, bool) else "busy"
        return name + paint(json.dumps(value), color)

    def action_open(self) -> None:
        """Unfold what is under the cursor."""
        if self.cursor_node is not None and self.cursor_node.allow_expand:
            self.cursor_node.expand()

    def action_close(self) -> None:
        """Fold what is under the cursor, or go up to what holds it."""
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and node.allow_expand:
            node.collapse()
        elif node.parent is not None:
            self.move_cursor(node.parent)


def _short(value: object) -> str:
    """A list of a few plain values as it is written; empty for anything else."""
    if not isinstance(value, list) or len(value) > _FEW or any(isinstance(inner, dict | list) for inner in value):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else ""


def _inside(value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, dict):
        return ((str(key), inner) for key, inner in value.items())
    return ((str(index), inner) for index, inner in enumerate(value)) if isinstance(value, list) else ()
