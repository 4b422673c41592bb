"""The state of a host's connection in a few words: live (latency), connecting, retry in N s, or why not."""

from __future__ import annotations

from floyd_tui.client.protocol import LinkState, LinkStatus
from floyd_tui.widgets.format import clip, plain


def describe(status: LinkStatus, monotonic: float, width: int = 48) -> tuple[str, str]:
    """What to say about `status` in `width` cells, and the theme variable to say it in.

    `monotonic` is now, by the clock that `LinkStatus.retry_at` counts by.
    """
    reason = plain(status.error.message) if status.error else ""
    match status.state:
        case LinkState.LIVE:
            return f"● live{_milliseconds(status.latency)}", "good"
        case LinkState.CONNECTING:
            return "◐ connecting", "busy"
        case LinkState.RETRYING if status.retry_at is not None:
            return f"↻ retry in {max(0, round(status.retry_at - monotonic))} s", "warn"
        case LinkState.RETRYING:
            return "↻ trying again", "warn"
        case LinkState.FAILED:
            return clip(f"✘ {status.error.title if status.error and width < 40 else reason}", width), "bad"
    return "○ closed", "dim"


def _milliseconds(latency: float | None) -> str:
    if latency is None or latency <= 0:
        return ""
    return f" {latency * 1000:.0f} ms" if latency >= 0.001 else " <1 ms"
