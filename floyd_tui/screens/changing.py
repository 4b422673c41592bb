"""The keys that change something on a host: with --readonly they are greyed, and say why when they are pressed.

What such a key would send is refused by `floyd_tui.client.readonly` in any case; this table is for the eyes.
"""

from __future__ import annotations

from textual.dom import DOMNode

# By the bindings' ids.
CHANGING = frozenset({
    "job.launch", "job.relaunch", "job.today", "job.go_on", "job.stop", "group.stop-rest",
    "job.hold", "job.sooner", "job.later", "watch.begin", "watch.stop",
    "job.delete", "job.tag", "job.undo", "data.undo", "app.watch", "launch.launch",
    "data.upload", "data.fetch", "data.edit", "data.remove", "fetch.cancel", "files.save",
    "disk.free", "disk.check", "secret.add", "secret.replace", "secret.forget",
})  # fmt: skip


def changes(action: str, node: DOMNode) -> bool:
    """Whether the key of `node` that does `action` changes something on a host."""
    bindings = node._bindings.key_to_bindings.values()
    return any(one.id in CHANGING and one.action == action for each in bindings for one in each)
