"""Change one key of a YAML file that a person wrote, and nothing else: comments, order and blank lines stay."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class EditFailed(ValueError):
    """The text cannot be changed at that key."""


def set_key(text: str, data: Mapping[str, Any], key: tuple[str, ...], value: object) -> str:
    """`text` (which reads as `data`) with `key`, one or two names deep, set to `value`; None removes it.

    The edit is made in the text and proved by reading it again; a text in a form that this does not know (flow style,
    anchors) is written anew from its data, which keeps every key but not the comments. Raises `EditFailed`.
    """
    wanted = _changed(data, key, value)
    try:
        edited = _edit(text, key, value)
        if (yaml.safe_load(edited) or {}) == wanted:
            return edited
    except (yaml.YAMLError, EditFailed):
        pass
    anew = _dump(wanted)
    if (yaml.safe_load(anew) or {}) != wanted:
        raise EditFailed(f"{'.'.join(key)} cannot be written as YAML")
    return anew


def write_atomically(path: Path, text: str) -> None:
    """Replace the file by `text` in one step, following a symbolic link, readable by its owner alone if it is new."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _changed(data: Mapping[str, Any], key: tuple[str, ...], value: object) -> dict[str, Any]:
    new, (name, *rest) = dict(data), key
    if rest:
        value = _changed(new.get(name) or {}, tuple(rest), value) or None
    if value is None:
        new.pop(name, None)
    else:
        new[name] = value
    return new


def _edit(text: str, key: tuple[str, ...], value: object) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    root = yaml.compose(text)
    if root is None:
        return "".join(lines) + _dump(_changed({}, key, value))
    node: yaml.Node = root
    for depth, name in enumerate(key):
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise EditFailed("not a block mapping")
        pairs = {k.value: (i, k, v) for i, (k, v) in enumerate(node.value)}
        if name not in pairs:
            return "".join(_inserted(lines, node, _changed({}, key[depth:], value)))
        _, key_node, value_node = pairs[name]
        last = depth == len(key) - 1
        empty = isinstance(value_node, yaml.ScalarNode) and value_node.tag.endswith(":null")
        if last or empty or (value is None and len(getattr(value_node, "value", ())) == 1):
            new = _changed({}, key[depth:], value)
            return "".join(_replaced(lines, key_node, value_node, new))
        node = value_node
    raise EditFailed("no such key")


def _inserted(lines: list[str], node: yaml.MappingNode, new: dict[str, Any]) -> list[str]:
    """Put `new` after the last key of `node`."""
    key_node, value_node = node.value[-1]
    at = _end_line(lines, key_node, value_node)
    return lines[:at] + _block(new, key_node.start_mark.column) + lines[at:]


def _replaced(lines: list[str], key_node: yaml.Node, value_node: yaml.Node, new: dict[str, Any]) -> list[str]:
    """Put `new` in the place of one key and its value; a comment behind a one-line value stays."""
    start, end = key_node.start_mark.line, _end_line(lines, key_node, value_node)
    block = _block(new, key_node.start_mark.column)
    if end == start + 1 and len(block) == 1:
        tail = lines[start][value_node.end_mark.column :].rstrip()
        block[0] = block[0].rstrip("\n") + (f"  {tail.lstrip()}" if tail.strip() else "") + "\n"
    return lines[:start] + block + lines[end:]


def _end_line(lines: list[str], key_node: yaml.Node, value_node: yaml.Node) -> int:
    """The line after the last one that a key and its value take; a block ends at its last line that says something."""
    end = value_node.end_mark
    line = end.line + 1 if end.column or end.line == key_node.start_mark.line else end.line
    if isinstance(value_node, yaml.CollectionNode) and value_node.value and not value_node.flow_style:
        last = value_node.value[-1]
        return _end_line(lines, *(last if isinstance(last, tuple) else (last, last)))
    return min(line, len(lines))


def _block(new: dict[str, Any], indent: int) -> list[str]:
    return [" " * indent + line for line in _dump(new).splitlines(keepends=True)]


def _dump(data: dict[str, Any]) -> str:
    if not data:
        return ""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
