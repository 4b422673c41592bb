"""The catalogue of environments: what ships with the runner, and what the host's owner adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from runner.errors import BadRequest
from runner.models import BadMessage, Environment, from_dict

HOST = "host"
CATALOGUE = "environments.yml"
# An image as Docker names it: registry, path, tag or digest. One without any of these must be in the catalogue.
_IMAGE = re.compile(
    r"(?=.*[:/])[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(:[A-Za-z0-9_][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


class Environments:
    """Environments by name, from the shipped catalogue and the one in the data folder, which is read anew each time."""

    def __init__(self, data_dir: Path, default: str) -> None:
        self._own = data_dir / CATALOGUE
        self._default = default
        self._shipped = _read(resources.files("runner").joinpath(CATALOGUE).read_text("utf-8"), "the catalogue")

    def all(self) -> dict[str, Environment]:
        """The catalogue, sorted by name; raises `BadRequest` where the host's own file is not right."""
        try:
            own = _read(self._own.read_text("utf-8"), str(self._own))
        except FileNotFoundError:
            own = {}
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f"{self._own} cannot be read: {error}.", "Correct it, or remove it.") from error
        return dict(sorted({**self._shipped, **own}.items()))

    def get(self, name: str | None) -> Environment:
        """The environment called `name` (None: the host's default); the reference of an image is one of its own.

        Raises `BadRequest` with the sorted list where there is none of that name.
        """
        wanted = name or self._default
        known = self.all()
        if wanted in known:
            return known[wanted]
        if _IMAGE.fullmatch(wanted):
            return Environment(wanted, wanted, "an image, named directly")
        raise BadRequest(
            f"There is no environment {wanted!r} here.",
            f"Known are: {', '.join(known)}. Or name an image, as in repository/name:tag.",
        )


def _read(text: str, where: str) -> dict[str, Environment]:
    # PyYAML is imported late: a runner that starts and idles needs it only here and for runner.yml.
    import yaml

    try:
        data: Any = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadRequest(f"{where} is not YAML: {error}.", "Correct it, or remove it.") from error
    if not isinstance(data, Mapping):
        raise BadRequest(f"{where} holds no environments.", 'Write lines like `name: {image: "repository/name:tag"}`.')
    found: dict[str, Environment] = {}
    for name, fields in data.items():
        try:
            environment = from_dict({**fields, "name": str(name)}, Environment)
        except (BadMessage, TypeError) as error:
            raise BadRequest(f"{where}: environment {name!r} is not right: {error}.", "Correct it.") from error
        if environment.user not in ("", "root"):
            raise BadRequest(f"{where}: {name!r} has user {environment.user!r}.", "Only `root` may be said there.")
        found[environment.name] = environment
    return found
