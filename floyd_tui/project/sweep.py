"""One launch that stands for several: the braces of its command and the grid of floyd.yml, multiplied out.

Which braces count
------------------
Jobs are run by a shell that knows braces itself, and code has them too, so only those count that say what varies:
``NAME={a,b}`` (also ``--NAME={…}``, and with text around the braces), or a brace that is a word of its own behind
``--NAME``. It holds a list with commas, or a range as ``1..5`` or ``0..100..10``, and no spaces, quotes, ``$`` or
further braces. Nothing counts in quotes, behind a backslash, or in ``${…}``, ``$(…)`` and backticks.

``{NAME}``, by the same rule of quotes, is replaced by the value of that name: of another brace, or of the grid.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from floyd_tui.errors import ProjectError
from floyd_tui.project.mounts import free_name
from runner.models import BadName, Launch, check_name

# More than these are a mistake rather than a sweep; more than ASK_ABOVE are asked for first.
MOST_JOBS = 500
ASK_ABOVE = 20
# What a shell takes as it stands. A quotation mark that nothing closes leaves alone all behind it.
_LITERAL = re.compile(
    r"""\\. | '[^']*' | "(?:\\.|[^"\\])*" | \$\{[^}]*\} | \$\([^)]*\) | `[^`]*` | ['"].*""", re.DOTALL | re.VERBOSE
)
_HIDDEN = "\0"
_WORD = re.compile(r"[^\s;&|()<>]+")
_INSIDE = r"[^\s{}\0'\"`$\\;&|()<>]"
_BRACE = re.compile(r"\{(?=" + _INSIDE + r"*(?:,|\.\.))" + _INSIDE + r"*\}")
_NAMED = re.compile(r"[-+]*([A-Za-z_][\w.-]*)=")
_FLAG = re.compile(r"--([A-Za-z_][\w.-]*)")
_SIGNS = re.compile(r"[\\{},]")
_MENTION = re.compile(r"\{([A-Za-z_][\w.-]*)\}")
_GRID_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Sweep:
    """How a launch is multiplied: `grid` by names of variables, the `group` its jobs are in, how many run at once."""

    grid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: str = ""
    max_parallel: int | None = None


NO_SWEEP = Sweep()


@dataclass(frozen=True, slots=True)
class _Slot:
    """A part of the command that varies: with `options` a brace, without a mention of the value `name`."""

    start: int
    end: int
    name: str
    options: tuple[str, ...] = ()


def choices(text: str) -> tuple[str, ...]:
    """What ``{a,b}`` or ``{1..5}`` stands for; one value where it stands for itself. Raises `ProjectError`."""
    import bracex

    try:
        # The values one by one: an empty one counts, too.
        found = bracex.expand(f"={text}", limit=MOST_JOBS)
    except bracex.ExpansionLimitException as error:
        raise ProjectError(f"{text} stands for more than {MOST_JOBS} values.", "Name fewer.") from error
    return tuple(dict.fromkeys(value[1:] for value in found))


def parse_grid(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The grid that words such as ``lr={0.1,0.01}`` say; raises `ProjectError`."""
    grid: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not text:
            raise ProjectError(f"{word!r} is not NAME={{A,B}}.", "Write such as lr={0.1,0.01} or seed={1..5}.")
        if name in grid:
            raise ProjectError(f"{name} is swept twice.", "Put all its values into one pair of braces.")
        grid[name] = choices(text)
    return checked_grid(grid)


def checked_grid(grid: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """`grid`, whose names can be variables and have values; raises `ProjectError`."""
    for name, values in grid.items():
        if not _GRID_NAME.fullmatch(name):
            raise ProjectError(f"{name!r} cannot be the name of what is swept.", "Use letters, digits and '_'.")
        if not values:
            raise ProjectError(f"{name} is to be swept and has no values.", f"Write such as {name}={{0.1,0.01}}.")
    return dict(grid)


def shown_grid(grid: Mapping[str, tuple[str, ...]]) -> str:
    """A grid as it is typed."""
    words = []
    for name, values in grid.items():
        texts = [_SIGNS.sub(r"\\\g<0>", value) for value in values]
        words.append(f"{name}={{{','.join(texts)}}}" if len(texts) > 1 else f"{name}={texts[0]}")
    # What needs no quotes for us would need some for a shell.
    return " ".join(word if shlex.split(word) == [word] else shlex.quote(word) for word in words)


def variants(launch: Launch, sweep: Sweep = NO_SWEEP) -> list[Launch]:
    """The launches that `launch` stands for, in the order they are written, the last name varying first.

    One without anything that varies stands for itself alone. Of a grid each job has its values as
    variables, too. `group` is still the one asked for, perhaps none. Raises `ProjectError` for too many.
    """
    grid = checked_grid(sweep.grid)
    slots = _slots(launch.command, grid)
    axes = {slot.name: slot.options for slot in slots if slot.options} | grid
    if not axes:
        return [replace(launch, group=sweep.group, max_parallel=sweep.max_parallel) if sweep.group else launch]
    _check_count(axes)
    made = []
    for picked in product(*axes.values()):
        values = dict(zip(axes, picked, strict=True))
        variables = {name: values[name] for name in grid}
        said = replace(
            launch,
            command=_filled(launch.command, slots, values),
            env={**launch.env, **variables},
            message=f"{launch.message}: {said_values(values)}" if launch.message else said_values(values),
        )
        made.append(replace(said, group=sweep.group or None, values=values, max_parallel=sweep.max_parallel))
    return made


def the_one(launch: Launch, sweep: Sweep = NO_SWEEP) -> Launch:
    """The one launch that `launch` stands for; raises `ProjectError` where it is a sweep, for what watches one job."""
    launches = variants(launch, sweep)
    if launches[0].values:
        raise ProjectError(
            f"Watching runs one job at a time, and this makes {len(launches)}: {said_values(launches[0].values)} …",
            "Name one value of each, or launch it as a sweep instead.",
        )
    return launches[0]


def joined(words: Sequence[str]) -> str:
    """`words` as a command, quoted but for the braces that vary: who gives it word by word means those, too."""
    return " ".join(_quoted(word, before) for before, word in zip(("", *words), words, strict=False))


def _quoted(word: str, before: str) -> str:
    lead = f"{before} " if _FLAG.fullmatch(before) else ""
    parts, done = [], 0
    for slot in _slots(lead + word, {}):
        start, end = slot.start - len(lead), slot.end - len(lead)
        parts += [shlex.quote(word[done:start]) if start > done else "", word[start:end]]
        done = end
    rest = word[done:]
    return "".join(parts) + (shlex.quote(rest) if rest or not parts else "")


def said_values(values: Mapping[str, str]) -> str:
    """``lr=0.1 seed=1``."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def check_group(name: str) -> str:
    """`name`, if a group can be called so; raises `ProjectError`."""
    try:
        return check_name(name, "group name")
    except BadName as error:
        raise ProjectError(str(error)) from error


def _check_count(axes: Mapping[str, tuple[str, ...]]) -> None:
    count = 1
    for options in axes.values():
        count *= len(options)
    if count > MOST_JOBS:
        raise ProjectError(
            f"This makes {count:,} jobs; {MOST_JOBS} are the most of one sweep.", "Name fewer values, or split it."
        )


def _filled(command: str, slots: list[_Slot], values: Mapping[str, str]) -> str:
    parts, done = [], 0
    for slot in slots:
        parts += [command[done : slot.start], values[slot.name]]
        done = slot.end
    return "".join(parts) + command[done:]


def _slots(command: str, grid: Mapping[str, tuple[str, ...]]) -> list[_Slot]:
    """What varies of `command`, from its begin to its end."""
    # Characters that the shell takes literally are hidden, the others keep their places.
    seen = _LITERAL.sub(lambda found: _HIDDEN * len(found[0]), command)
    braces = list(_braces(seen, set(grid)))
    names = {slot.name for slot in braces} | set(grid)
    mentions = [_Slot(found.start(), found.end(), found[1]) for found in _MENTION.finditer(seen) if found[1] in names]
    return sorted([*braces, *mentions], key=lambda slot: slot.start)


def _braces(seen: str, taken: set[str]) -> Iterator[_Slot]:
    flag = ""
    for word in _WORD.finditer(seen):
        named = _NAMED.match(word[0])
        name = named[1] if named else flag if word[0].startswith("{") else ""
        found = _FLAG.fullmatch(word[0])
        flag = found[1] if found else ""
        if not name or not _is_plain(word[0]):
            continue
        for brace in _BRACE.finditer(seen, word.start(), word.end()):
            if len(options := choices(brace[0])) > 1:
                own = free_name(name, taken)
                taken.add(own)
                yield _Slot(brace.start(), brace.end(), own, options)


def _is_plain(word: str) -> bool:
    """Whether all braces of `word` are lists, ranges or mentions, and none inside another."""
    rest = _MENTION.sub("", _BRACE.sub("", word))
    return "{" not in rest and "}" not in rest
