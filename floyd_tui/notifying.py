"""Telling a person who looks elsewhere that a job has ended: which ones, by the terminal, and by a webhook."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from floyd_tui.errors import FloydError
from floyd_tui.sizes import parse_duration
from runner.models import Job, JobState

JOBS = ("all", "own", "failed", "never")
DESKTOP = ("auto", "osc9", "osc777", "both", "off")
# Terminals that know both sequences, and would show a notification twice.
_KNOW_BOTH = frozenset({"WezTerm", "ghostty", "iTerm.app", "kitty"})
# Seconds before a webhook is tried again.
PAUSES = (1.0, 4.0)
_ANSWER = 10.0


class WebhookFailed(FloydError):
    """The address of `notify.webhook` did not take a message."""

    title = "Webhook"


@dataclass(frozen=True, slots=True)
class Notify:
    """Which ends are told, and how. Every field is a key under ``notify:`` of config.yaml."""

    jobs: str = "own"
    """Whose: ``all``, ``own``, ``failed`` (your own that did not succeed or were stopped by nobody), ``never``."""
    longer_than: float = 60.0
    """Only of jobs that ran longer than this, in seconds; written as ``10m``."""
    bell: bool = True
    """Whether the terminal's bell sounds."""
    desktop: str = "auto"
    """A notification by the terminal: ``osc9``, ``osc777``, ``both``, ``off``; ``auto`` is one that it knows."""
    webhook: str = ""
    """An address that gets a POST with JSON."""

    @classmethod
    def read(cls, data: Mapping[Any, Any]) -> Notify:
        """Read the keys under ``notify:``; raises `ValueError` with a sentence."""
        if unknown := [str(key) for key in data if key not in cls.__slots__]:
            raise ValueError(f"there is no setting notify.{unknown[0]}; there are {', '.join(cls.__slots__)}.")
        values = dict(data)
        _one_of(values, "jobs", JOBS)
        if "desktop" in values and isinstance(values["desktop"], bool):
            values["desktop"] = "auto" if values["desktop"] else "off"
        _one_of(values, "desktop", DESKTOP)
        if not isinstance(values.get("bell", True), bool):
            raise ValueError(f"notify.bell is {values['bell']!r}, and should be true or false.")
        if "longer_than" in values:
            said = str(values["longer_than"])
            try:
                values["longer_than"] = 0 if said == "0" else parse_duration(said)
            except ValueError as error:
                raise ValueError(f"notify.longer_than: {error}") from error
        if "webhook" in values and not str(values["webhook"]).startswith(("http://", "https://")):
            raise ValueError("notify.webhook should be an address that begins with https:// or http://.")
        return cls(**values)

    def wants(self, job: Job, owner: str) -> bool:
        """Whether the end of `job` is told to `owner`."""
        ran = (job.ended_at or 0) - (job.started_at or job.ended_at or 0)
        failed = job.state not in (JobState.SUCCEEDED, JobState.STOPPED)
        whose = self.jobs == "all" or job.owner == owner
        return self.jobs != "never" and whose and (failed or self.jobs != "failed") and ran >= self.longer_than


def _one_of(values: Mapping[str, Any], key: str, known: Iterable[str]) -> None:
    if key in values and values[key] not in known:
        raise ValueError(f"notify.{key} is {values[key]!r}; it may be {', '.join(known)}.")


def escape_codes(title: str, text: str, notify: Notify, environ: Mapping[str, str] = os.environ) -> str:
    """What makes the terminal tell: the bell, and OSC 9 (iTerm2's) or OSC 777 (urxvt's), through tmux where in one.

    `title` and `text` come from a host: control characters in them would end the sequence, and go.
    """
    title, text = ("".join(letter for letter in words if letter.isprintable()) for words in (title, text))
    osc9 = f"\x1b]9;{title}: {text}\x1b\\"
    osc777 = f"\x1b]777;notify;{title.replace(';', ',')};{text.replace(';', ',')}\x1b\\"
    kind = notify.desktop
    if kind == "auto":
        kind = "osc9" if environ.get("TERM_PROGRAM") in _KNOW_BOTH else "both"
    codes = {"osc9": osc9, "osc777": osc777, "both": osc9 + osc777}.get(kind, "")
    if codes and environ.get("TMUX"):
        codes = "\x1bPtmux;" + codes.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return codes + ("\a" if notify.bell else "")


def message(host: str, job: Job, text: str) -> dict[str, Any]:
    """What a webhook gets: `text` for chats, the rest for programs. Times are seconds since the epoch."""
    return {
        "event": "job.ended", "text": text, "host": host, "job": job.name, "project": job.project,
        "state": job.state.value, "exit_code": job.exit_code, "reason": job.reason, "message": job.message,
        "started_at": job.started_at, "ended_at": job.ended_at,
    }  # fmt: skip


async def post(url: str, body: Mapping[str, Any]) -> None:
    """POST `body` as JSON, three times at most; raises `WebhookFailed`, which names no more than the host of `url`.

    The path of a webhook's address is its password.
    """
    import httpx

    why = ""
    async with httpx.AsyncClient(timeout=_ANSWER) as client:
        for pause in (*PAUSES, None):
            try:
                answer = await client.post(url, json=body)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                why = type(error).__name__
            else:
                if answer.status_code < 400:
                    return
                why = f"it answered {answer.status_code}"
                if answer.status_code < 500 and answer.status_code != 429:
                    break
            if pause is not None:
                await asyncio.sleep(pause)
    place = urlsplit(url).hostname or "the webhook"
    raise WebhookFailed(f"{place} did not take the message that a job has ended: {why}.", "Check notify.webhook.")


class Ends:
    """Which jobs of a host have ended since one last looked; `tell` hears each of them once."""

    def __init__(self, tell: Callable[[Job], None]) -> None:
        self._tell = tell
        self._active: set[str] | None = None

    def gone(self, active: Iterable[Job]) -> set[str]:
        """Take `active` as what goes on now; the names of those that did before and do no longer."""
        now = {job.name for job in active}
        before, self._active = self._active or set(), now
        return before - now

    def take(self, job: Job) -> None:
        """Take in a job as it is now."""
        if self._active is None:
            return
        if not job.state.ended:
            self._active.add(job.name)
        elif job.name in self._active:
            self._active.discard(job.name)
            self._tell(job)

    def found(self, job: Job) -> None:
        """Take in one of `gone`, asked for."""
        if job.state.ended:
            self._tell(job)
