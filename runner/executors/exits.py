"""How a container ended: by itself, for want of memory, or because its engine or its host went down.

The engine's word is an exit code, and it has one for everything: 143 or 137 where it ended its containers as it stopped
or came back, 255 where it found after a restart of the host that they are gone. So it is asked besides what befell the
job meanwhile: whether the engine was away as seen from here, and, of an end that nobody here saw, whether the engine
was started after it.
"""

from __future__ import annotations

import contextlib
import re
import signal
from datetime import datetime
from typing import Any

from runner.clock import boot_id, booted_at
from runner.executors.base import Ended, Task
from runner.executors.engine import Engine, EngineError
from runner.store.disk import format_size

# On each container: which run of the machine it was made in.
BOOT_LABEL = "floyd.boot"
_KILLED = {128 + signal.SIGKILL: "SIGKILL", 128 + signal.SIGTERM: "SIGTERM"}
# What the engine says where it was not there to see the end.
_UNSEEN = 255
# Times of the engine and of the runner may be this far apart, in seconds.
_SLACK = 1.0
# An engine that comes back gives its containers ten seconds to end; it is up a little after that.
_COMING_UP = 15.0
_TIME = re.compile(r"(\S+?)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def ended_of(task: Task, found: dict[str, Any], away_since: float | None) -> Ended:
    """What the engine's description of an ended container says.

    `away_since` (epoch seconds) is when the engine stopped answering, if it has since and the job was not seen to run
    after that.
    """
    state = found["State"]
    code, ended_at = state["ExitCode"], None
    with contextlib.suppress(ValueError):
        ended_at = seconds_of(state["FinishedAt"])
    # The engine says so also of a job that lost one process of several, and went on.
    if state.get("OOMKilled") and code != 0:
        limit = task.limits.memory
        reason = "It ran out of memory" + (f": its limit is {format_size(limit)}." if limit else " of the host.")
        return Ended(code, ended_at, reason, oom=True)
    reason = _fate(found, code, ended_at or 0.0, away_since)
    return Ended(None if reason and code == _UNSEEN else code, ended_at, reason, cut_short=bool(reason))


def _fate(found: dict[str, Any], code: int, ended_at: float, away_since: float | None) -> str:
    """What befell a container that did not end by itself; empty where it did, as far as one can know."""
    boot = (found["Config"].get("Labels") or {}).get(BOOT_LABEL)
    if boot and boot != boot_id() and (code in _KILLED or (code == _UNSEEN and ended_at > booted_at())):
        return "The host was restarted while it ran."
    if away_since is not None and ended_at >= away_since - _SLACK:
        if code in _KILLED:
            return f"The Docker Engine stopped or was restarted, and ended it by {_KILLED[code]}."
        if code == _UNSEEN:
            return "The Docker Engine was gone when it ended, and cannot tell its exit code."
    return ""


async def went_down_since(engine: Engine, found: dict[str, Any]) -> bool:
    """Whether the engine was started after a container had ended in a way that this may have been the cause of.

    It ends what runs before it goes, or while it comes up and before it makes its bridge anew. (One that leaves its
    containers alone, with ``live-restore``, keeps the bridge that they are on.)
    """
    state = found["State"]
    if not was_killed(found) and state["ExitCode"] != _UNSEEN:
        return False
    try:
        up = seconds_of((await engine.get("/networks/bridge"))["Created"])
        ended_at = seconds_of(state["FinishedAt"])
    except (EngineError, ValueError):  # an engine may be told to have no bridge
        return False
    # A command may well say 255 itself.
    return ended_at <= up and (was_killed(found) or up - ended_at < _COMING_UP)


def was_killed(found: dict[str, Any]) -> bool:
    """Whether a container ended as those do that are killed."""
    return found["State"]["ExitCode"] in _KILLED


def seconds_of(text: str) -> float:
    """Epoch seconds of the engine's RFC 3339 time with nanoseconds, which Python 3.10 cannot read whole."""
    if not (parts := _TIME.fullmatch(text)):
        raise ValueError(f"{text!r} is not a time")
    whole, fraction, zone = parts.groups()
    return datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp() + float(fraction or 0)
