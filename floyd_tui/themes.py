"""Themes: one YAML file each, shipped in the wheel and added to by people in their config folder.

A file names Textual's base colours and may set `variables`. The colours that carry meaning here (`dim` text, a job
`running`, …) are worked out from the base colours where a theme does not set them, and moved towards the foreground
until they read well (WCAG contrast of 4.5 on every background used): so any theme, Textual's own included, is legible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from textual.color import Color, ColorParseError
from textual.theme import Theme

from floyd_tui.errors import ConfigError

DEFAULT = "floyd-dark"
CONTRAST = 4.5
_COLORS = frozenset(
    {"primary", "secondary", "accent", "foreground", "background", "surface", "panel", "boost"}
    | {"success", "warning", "error"}
)
_KEYS = _COLORS | {"name", "dark", "variables"}


@dataclass(frozen=True, slots=True)
class Themes:
    """What could be loaded, and a sentence for each file that could not."""

    themes: tuple[Theme, ...] = ()
    problems: tuple[str, ...] = field(default=())


def load(user_folder: Path | None = None) -> Themes:
    """The shipped themes and those of `user_folder`, which win by name; a bad file is a sentence in `problems`."""
    found: dict[str, Theme] = {}
    problems: list[str] = []
    for place in (shipped(), user_folder):
        for file in _yaml_files(place):
            read = _read(file)
            if isinstance(read, Theme):
                found[read.name] = read
            else:
                problems.append(read)
    return Themes(tuple(found.values()), tuple(problems))


def _read(file: Traversable) -> Theme | str:
    try:
        return parse(file.read_text(encoding="utf-8"), file.name)
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        return str(error)


def shipped() -> Traversable:
    """The folder of the themes that come with the program: in the wheel, or beside it in the repository."""
    inside = files("floyd_tui") / "themes"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "themes"


def _yaml_files(place: Traversable | Path | None) -> Iterator[Traversable]:
    if place is None or not place.is_dir():
        return
    yield from sorted((f for f in place.iterdir() if f.name.endswith((".yaml", ".yml"))), key=lambda f: f.name)


def parse(text: str, file: str) -> Theme:
    """Read one theme; raises `ConfigError` naming the file, the key and what would be right."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"The theme {file} is not YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or "primary" not in data:
        raise ConfigError(f"The theme {file} lacks `name` or `primary`.", "Start from one of the shipped themes.")
    if unknown := sorted(str(key) for key in set(data) - _KEYS):
        raise ConfigError(f"The theme {file} has an unknown key `{unknown[0]}`.", f"Known: {', '.join(sorted(_KEYS))}.")
    variables = data.get("variables") or {}
    if not isinstance(variables, dict):
        raise ConfigError(f"`variables` of the theme {file} must be a mapping of names to colours.")
    colors: dict[str, Any] = {key: str(data[key]) for key in _COLORS & set(data)}
    for key, value in [*colors.items(), *variables.items()]:
        _check_color(file, str(key), str(value))
    dark = data.get("dark", True)
    if not isinstance(dark, bool):
        raise ConfigError(f"`dark` of the theme {file} must be true or false.")
    return Theme(data["name"], dark=dark, variables={str(k): str(v) for k, v in variables.items()}, **colors)


def _check_color(file: str, key: str, value: str) -> None:
    try:
        Color.parse(value)
    except ColorParseError as error:
        raise ConfigError(
            f"`{key}` of the theme {file} is no colour: {value!r}.", 'Write it like "#79b8ff".'
        ) from error


def meanings(theme: Theme) -> dict[str, str]:
    """The variables of this program for `theme`: each legible on every background that text lies on."""
    generated = theme.to_color_system().generate()
    if theme.ansi:
        return _ansi_meanings(generated)
    back, front = Color.parse(generated["background"]), Color.parse(generated["foreground"])
    surface, panel = Color.parse(generated["surface"]), Color.parse(generated["panel"])
    accent = Color.parse(generated["accent"])
    cursor = surface.blend(accent, 0.14, alpha=1)
    grounds = (back, surface, panel, cursor)
    wished = {
        "dim": back.blend(front, 0.55, alpha=1),
        "faint": back.blend(front, 0.35, alpha=1),
        "running": accent,
        "busy": Color.parse(generated["secondary"]),
        "good": Color.parse(generated["success"]),
        "warn": Color.parse(generated["warning"]),
        "bad": Color.parse(generated["error"]),
        "key": accent,
    }
    names = {name: Color.parse(theme.variables.get(name, color.hex)) for name, color in wished.items()}
    readable = {name: legible(color, grounds, front).hex for name, color in names.items() if name != "faint"}
    # Rules and tracks of gauges: not text, so it may be faint.
    return {**readable, "faint": names["faint"].hex, "cursor-row": cursor.hex, "row-hover": panel.hex}


def _ansi_meanings(generated: Mapping[str, str]) -> dict[str, str]:
    """An ANSI theme takes the terminal's own colours, which cannot be measured here."""
    return {
        "dim": "ansi_bright_black",
        "faint": "ansi_bright_black",
        "running": "ansi_cyan",
        "busy": "ansi_magenta",
        "good": "ansi_green",
        "warn": "ansi_yellow",
        "bad": "ansi_red",
        "key": generated["accent"],
        "cursor-row": "ansi_black",
        "row-hover": "ansi_black",
    }


def legible(color: Color, grounds: tuple[Color, ...], towards: Color) -> Color:
    """`color`, moved towards the foreground until its contrast on each of `grounds` is enough."""
    for step in range(21):
        moved = color.blend(towards, step / 20, alpha=1)
        if all(contrast(moved, ground) >= CONTRAST for ground in grounds):
            return moved
    return towards


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it with its relative luminance."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def linear(channel: float) -> float:
    """An sRGB channel, 0 to 1, as the light it stands for."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _luminance(color: Color) -> float:
    red, green, blue = (linear(channel) for channel in color.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
