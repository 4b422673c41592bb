"""What is typed after `:` becomes what is done: a command by its name, or one with a word of its own behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from textual.fuzzy import FuzzySearch
from textual.screen import Screen
from textual.widgets import Input

from floyd_tui.client.protocol import LinkState
from floyd_tui.errors import FloydError
from floyd_tui.screens.commands import BadCommand, Command, commands_of
from floyd_tui.screens.job_actions import open_job
from floyd_tui.widgets.filter_bar import FilterBar
from runner.models import BadName, Ref

if TYPE_CHECKING:
    from floyd_tui.app import FloydApp

ALIASES = {"q": "quit", "q!": "quit", "envs": "environments", "h": "help"}
# mnist/12, /mnist/12, ada/projects/mnist/12
_JOB = re.compile(r"/?(?:[\w.-]+/projects/)?[\w.-]+/\d+")
Run = Callable[[], object]


def listed(screen: Screen[Any]) -> list[Command]:
    """The commands of `screen` and those that want a word behind them, for completion."""

    def unfinished() -> None:
        raise BadCommand("A word is missing.", "Such as `filter state:failed` or `job mnist/12`.")

    more = [Command("job ", "Job", "Go to a job: job mnist/12, or just mnist/12", unfinished)]
    if screen.query(FilterBar):
        more.append(Command("filter ", "Filter", "Show what fits: filter state:failed", unfinished))
    return [*commands_of(screen), *more]


def meant(text: str, screen: Screen[Any]) -> Run:
    """What `text` asks for on `screen`; raises `BadCommand` with the nearest where there is no such thing."""
    words = " ".join(text.split())
    words = ALIASES.get(words.lower(), words)
    every = commands_of(screen)
    found = [one for one in every if words.lower() in (name.lower() for name in one.names)]
    # The inner of two comes first; one that could do something is meant rather than one that could not.
    for one in sorted(found, key=lambda command: not command.enabled):
        if not one.enabled:
            raise BadCommand(f"{one.title} can do nothing here now.", one.text)
        return one.run
    word, _, rest = words.partition(" ")
    if word == "filter" and rest and screen.query(FilterBar):
        return lambda: _filter(screen, rest)
    if word == "job" and rest:
        return lambda: _go_to_job(screen, rest)
    if _JOB.fullmatch(words):
        return lambda: _go_to_job(screen, words.lstrip("/"))
    raise BadCommand(f"There is no command {words!r} here.", _nearest(words, every))


def _nearest(text: str, every: Sequence[Command]) -> str:
    names = [name for one in every for name in one.names]
    if near := get_close_matches(text.lower(), names, 1, 0.5):
        return f"Do you mean {near[0]!r}?"
    return "Tab completes; ctrl+p lists all."


def fitting(text: str, every: Sequence[Command]) -> list[Command]:
    """The commands that `text` may become, the likeliest first: those that begin so, then those with its letters."""
    wanted = " ".join(text.lower().split(" "))
    if not wanted.strip():
        return sorted(every, key=lambda one: not one.enabled)
    search = FuzzySearch()

    def score(one: Command) -> float:
        begins = one.word.startswith(wanted)
        best = max(search.match(wanted, name)[0] for name in one.names)
        return best and best + 100 * begins + 10 * one.enabled

    rated = [(score(one), one) for one in every]
    return [one for rate, one in sorted(rated, key=lambda pair: -pair[0]) if rate > 0]


def _filter(screen: Screen[Any], text: str) -> None:
    bar = screen.query_one(FilterBar)
    bar.open()
    bar.query_one(Input).value = text
    screen.call_after_refresh(bar.action_leave)


def _go_to_job(screen: Screen[Any], text: str) -> None:
    screen.run_worker(_find_job(screen, text), group="go-to-job", exclusive=True, exit_on_error=False)


async def _find_job(screen: Screen[Any], text: str) -> None:
    """Open the job `text`, of the present host or of the first that knows it."""
    app = cast("FloydApp", screen.app)
    if text.isdecimal():
        project = getattr(screen, "project", "") or getattr(getattr(screen, "job", None), "project", "")
        if not project:
            raise BadCommand(f"Of which project is {text} meant?", f"Write it in full, such as mnist/{text}.")
        text = f"{project}/{text}"
    try:
        name = str(Ref.parse(text).with_defaults("", "projects"))
    except BadName as error:
        raise BadCommand(str(error)) from error
    hosts = [app.host, *(host for host in app.links.names() if host != app.host)]
    said: FloydError | None = None
    for link in [app.links[host] for host in hosts if host]:
        if link.status.state is not LinkState.LIVE:
            continue
        try:
            job = await link.client.job(name)
        except FloydError as error:
            said = said or error
        else:
            open_job(screen, link, job)
            return
    raise said or BadCommand("No host is connected.", "4 shows the hosts.")
