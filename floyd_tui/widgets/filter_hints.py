"""Help while one types a filter of jobs: how the word goes on, and a line that says what may stand there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual.suggester import Suggester

from floyd_tui.metrics.best import more_is_better
from floyd_tui.widgets.job_filter import COMPARED, KEYS, NUMBERS, STATES

# What there is of a key in the list as it is now: ``tag`` gives its tags, `METRIC` the names of metrics.
Known = Callable[[str], Iterable[str]]
METRIC = "metric"
MOMENTS = ("1h", "1d", "2d", "1w")
_SHOWN = 12
_FIRST = "Tab completes · state: env: tag: dataset: project: host: after:2d loss<0.3 gpus>1"
_WORD = "Looked for in names, messages, commands, environments, inputs, tags and reasons"


class FilterHints(Suggester):
    """Completes keys, values and metrics out of what is `known`, and tells what there is."""

    def __init__(self, known: Known) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        """`value` with its last word completed."""
        return complete(value, self._known)

    def help(self, text: str) -> str:
        """What may stand in the last word of `text`."""
        return help_for(text, self._known)


def complete(text: str, known: Known) -> str | None:
    """`text` with its last word gone on with; None where nothing known begins so."""
    word = _last(text)
    key, colon, value = word.partition(":")
    if not word or (colon and key.lower() not in KEYS):
        return None
    start = value.rpartition(",")[2] if colon else word
    choices = _values(key.lower(), known) if colon else _begun(known)
    fitting = (one for one in choices if one.lower().startswith(start.lower()) and len(one) > len(start))
    found = next(fitting, None)
    return text + found[len(start) :] if found else None


def help_for(text: str, known: Known) -> str:
    """One line on the last word of `text`: what its key may have, or what it has not."""
    word = _last(text).lower()
    key, colon, value = word.partition(":")
    if not word:
        return _FIRST
    if colon and key in KEYS:
        return _help_for_values(key, value.rpartition(",")[2], known)
    if compared := COMPARED.fullmatch(word):
        return _help_for_number(compared[1], known)
    begun = [one for one in _begun(known) if one.lower().startswith(word)]
    return _listed(begun) if begun else _WORD


def _help_for_values(key: str, start: str, known: Known) -> str:
    if key in ("after", "before"):
        return f"{key}:2d, 3h or 1w ago, or a day: {key}:2026-11-20"
    values = list(_values(key, known))
    fitting = [value for value in values if value.lower().startswith(start)]
    # An environment or input is found by a part of its name, too.
    if start and not fitting and not any(start in value.lower() for value in values):
        return f"No {key} {start} in this list; there is {_listed(values) or 'none'}"
    return f"{key}: {_listed(fitting or values)}"


def _help_for_number(name: str, known: Known) -> str:
    metrics = list(known(METRIC))
    if name in NUMBERS or any(one.lower().startswith(name) for one in metrics):
        return f"{name}: its last value is compared by < <= > >= ="
    return f"No job in this list has a metric {name}; there is {_listed((*metrics, *NUMBERS))}"


def _values(key: str, known: Known) -> Iterable[str]:
    return STATES if key == "state" else MOMENTS if key in ("after", "before") else known(key)


def _begun(known: Known) -> Iterable[str]:
    """How a word may go on that has no sign in it yet: keys, then what is compared."""
    yield from (f"{key}:" for key in KEYS)
    yield from (f"{name}{'>' if more_is_better(name) else '<'}" for name in known(METRIC))
    yield from (f"{name}>" for name in NUMBERS if name not in KEYS)


def _listed(values: Sequence[str]) -> str:
    return "  ".join(values[:_SHOWN]) + (f"  and {len(values) - _SHOWN} more" if len(values) > _SHOWN else "")


def _last(text: str) -> str:
    return text.rpartition(" ")[2]
