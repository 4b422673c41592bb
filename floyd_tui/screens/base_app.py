"""What the app does with every key and every toast, whatever screen they are of."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.actions import ActionParseResult
from textual.app import App
from textual.content import Content
from textual.dom import DOMNode

from floyd_tui.config import Config
from floyd_tui.screens.changing import changes

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from floyd_tui.screens.messages import Said

KEPT_MESSAGES = 200


class BaseApp(App[None]):
    """An app that refuses what changes hosts where they are only looked at, and keeps what was said."""

    config: Config
    clock: Callable[[], float]

    def __init__(self) -> None:
        super().__init__()
        self.said: deque[Said] = deque(maxlen=KEPT_MESSAGES)

    def _check_action_state(self, action: str, default_namespace: DOMNode) -> bool | None:
        """As Textual's, which asks here for each key of the footer, the help and the palette."""
        if self.config.readonly and changes(action, default_namespace):
            return None
        return super()._check_action_state(action, default_namespace)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key is for; where it would change a host that is only looked at, say so instead."""
        if self.config.readonly and isinstance(action, str) and changes(action, default_namespace or self):
            self.notify("Hosts are only looked at (--readonly): this would change one.", title="Read-only", timeout=4)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something in the corner, and keep it for ctrl+e."""
        from floyd_tui.screens.messages import Said

        words = Content.from_markup(message).plain if markup else message
        self.said.append(Said(self.clock(), title, words, severity))
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
