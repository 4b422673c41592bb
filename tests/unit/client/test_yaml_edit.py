"""Editing YAML in place: whatever the text, what is read afterwards is what was asked for."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.yaml_edit import set_key

NAMES = st.sampled_from(["theme", "hosts", "keys", "default_host", "x-1"])
SCALARS = st.sampled_from(["a", "a: b # c", "- x", "ä", "'q'", '"', " padded ", "#", "2", "multi\nline"])
VALUES = st.one_of(SCALARS, st.dictionaries(st.sampled_from(["ssh", "data_dir", "on"]), SCALARS, min_size=1))
DATA = st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)))


@st.composite
def texts(draw: st.DrawFn) -> str:
    text: str = yaml.safe_dump(draw(DATA), sort_keys=False, default_flow_style=draw(st.booleans()), allow_unicode=True)
    lines = text.splitlines()
    if draw(st.booleans()):
        lines.insert(0, "# on top")
    if draw(st.booleans()):
        lines += ["", "# at the end"]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(texts(), NAMES, st.one_of(st.none(), SCALARS))
def test_a_top_key(text: str, name: str, value: str | None) -> None:
    data: dict[str, Any] = yaml.safe_load(text) or {}
    wanted = {**data, name: value} if value is not None else {k: v for k, v in data.items() if k != name}
    assert (yaml.safe_load(set_key(text, data, (name,), value)) or {}) == wanted


@given(texts(), st.sampled_from(["a", "b", "new"]), st.one_of(st.none(), VALUES))
def test_a_key_below(text: str, name: str, value: object) -> None:
    data: dict[str, Any] = yaml.safe_load(text) or {}
    below = data.get("hosts") or {}
    if not isinstance(below, dict):
        return
    wanted_below = {**below, name: value} if value is not None else {k: v for k, v in below.items() if k != name}
    wanted = {**data, "hosts": wanted_below}
    if not wanted_below:
        del wanted["hosts"]
    assert (yaml.safe_load(set_key(text, data, ("hosts", name), value)) or {}) == wanted
