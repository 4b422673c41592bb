"""The settings of this laptop: which hosts there are, how they are reached, and how the app looks.

They live in ``config.yaml`` in the user's config folder (``FLOYD_TUI_CONFIG`` names another folder)::

    default_host: gpu1
    theme: floyd-dark
    large_code: 100MiB                   # asked about before it goes up; or never
    notify: {jobs: own, longer_than: 10m}  # when a job ends
    readonly: true                       # the app changes nothing on any host
    hosts:
      gpu1:
        ssh: ada@gpu1.example.org:2222   # or an alias of ~/.ssh/config
        data_dir: /scratch/ada/floyd

The file is the user's: what it says wrongly is refused with the key and what would be right, and writing back changes
only the key in question.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

import yaml

from floyd_tui.errors import ConfigError
from floyd_tui.notifying import Notify
from floyd_tui.sizes import parse_size
from floyd_tui.yaml_edit import EditFailed, set_key, write_atomically
from runner.models import BadName, check_name

LOCAL = "local"
FILE_NAME = "config.yaml"
COMMANDS_FILE = "commands.yaml"
FOLDER_VARIABLE = "FLOYD_TUI_CONFIG"
# FloydHub refused code folders above this size, in bytes; here they are asked about.
LARGE_CODE = 100 << 20
NEVER = "never"
# Columns of the list of jobs that may be chosen, by their keys; its others are always there.
JOB_COLUMNS = ("env", "tags", "gpus", "age", "time", "metrics")
_LIST = ("jobs_sort", "jobs_columns")
_DESTINATION = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?"
    r"(?:\[(?P<ip6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:@/\[\]]+)|(?P<bare6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*))"
    r"(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where SSH goes: `user` and `port` are None where ~/.ssh/config or SSH's own defaults say."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read ``user@host:port``, ``ssh://…`` or an alias; raises `ValueError` with a sentence."""
        match = _DESTINATION.fullmatch(text.strip())
        port = int(match["port"]) if match and match["port"] else None
        if match is None or text.strip().startswith("-") or (port is not None and not 0 < port < 65536):
            raise ValueError(f"{text!r} is not a place to reach by SSH. Write user@host, user@host:port or an alias.")
        return cls(match["host"] or match["ip6"] or match["bare6"], match["user"], port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}:{self.port}" if self.port else user + host


@dataclass(frozen=True, slots=True)
class HostConfig:
    """One GPU host. Every field but `name` is a key under ``hosts: NAME:``."""

    name: str
    ssh: str = ""
    """Where SSH goes: ``user@host``, ``user@host:port`` or an alias of ~/.ssh/config. Empty only for `local`."""
    data_dir: str = ""
    """The runner's data folder there. Empty: ~/.local/share/floyd-runner, or what FLOYD_RUNNER_HOME says there."""
    identity_file: str = ""
    """A private key to log in with, in place of those of ~/.ssh/config. The SSH agent is asked in any case."""
    python: str = ""
    """The Python ≥ 3.10 that runs the runner there. Empty: the first fitting python3 of the login's PATH."""

    @property
    def local(self) -> bool:
        """Whether this is the machine that floyd-tui runs on."""
        return not self.ssh

    @property
    def destination(self) -> Destination:
        """`ssh`, read; it was checked when the settings were."""
        return Destination.parse(self.ssh)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, as read. The methods that change one write the file and return the settings as they are then."""

    folder: Path
    hosts: Mapping[str, HostConfig] = field(default_factory=dict)
    """The hosts by name; `local` is among them on Linux."""
    default_host: str = LOCAL
    """The host that is meant where none is named."""
    theme: str = "floyd-dark"
    """The colours: a theme of floyd-tui, of Textual, or of your own themes folder."""
    large_code: int | None = LARGE_CODE
    """More code than this, in bytes, is asked about before it goes up; written as ``500MiB``, None as ``never``."""
    jobs_sort: str = "newest"
    """The order of the list of jobs: newest, name, state, duration, gpus or ``metric:NAME``; a minus turns it round."""
    jobs_columns: str = ""
    """The columns of the list of jobs, of env, tags, gpus, age, time, metrics; empty: those that there is room for."""
    readonly: bool = False
    """Whether the app only looks: whatever would change something on a host is refused."""
    notify: Notify = field(default_factory=Notify)
    """What is told when a job ends, and how: jobs, longer_than, bell, desktop, webhook."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Your own keys: the id of a binding (see ``?`` in the app) to a comma-separated list of keys."""

    @property
    def path(self) -> Path:
        """The file that the settings come from; it need not be there."""
        return self.folder / FILE_NAME

    @property
    def themes_folder(self) -> Path:
        """Where the user's own themes lie."""
        return self.folder / "themes"

    @classmethod
    def load(cls, folder: Path | None = None) -> Config:
        """Read the settings of `folder`, or of the user's config folder; raises `ConfigError`."""
        folder = folder or config_folder()
        return _read(folder, _load_yaml(folder / FILE_NAME))

    def with_host(self, host: HostConfig) -> Config:
        """Add a host, or replace the one of that name; raises `ConfigError` if it cannot be one."""
        values = {f.name: getattr(host, f.name) for f in fields(host) if f.name != "name"}
        return self._write(("hosts", host.name), {key: value for key, value in values.items() if value})

    def without_host(self, name: str) -> Config:
        """Forget a host; where it was the default, another becomes that. Raises `ConfigError` if it is not there."""
        if name not in self.hosts or name == LOCAL:
            raise ConfigError(f"There is no host {name!r} to remove in {self.path}.")
        config = self._write(("default_host",), None) if self.default_host == name else self
        return config._write(("hosts", name), None)

    def with_default_host(self, name: str) -> Config:
        """Make `name` the host that is meant where none is named."""
        return self._write(("default_host",), name)

    def with_theme(self, name: str) -> Config:
        """Choose the colours."""
        return self._write(("theme",), name)

    def with_jobs_sort(self, order: str) -> Config:
        """Choose the order of the list of jobs."""
        return self._write(("jobs_sort",), order)

    def with_jobs_columns(self, names: str) -> Config:
        """Choose the columns of the list of jobs; empty: those that there is room for."""
        return self._write(("jobs_columns",), names or None)

    def _write(self, key: tuple[str, ...], value: object) -> Config:
        """Set one key in the file (None: remove it), unless the settings would no longer be right then."""
        data = _load_yaml(self.path)
        text = self.path.read_text("utf-8") if self.path.exists() else ""
        try:
            text = set_key(text, data, key, value)
            new = _read(self.folder, yaml.safe_load(text) or {})
            write_atomically(self.path, text)
        except (EditFailed, OSError) as error:
            raise ConfigError(f"{self.path} cannot be written: {error}.", "Mend the file or its folder.") from error
        return new


def config_folder() -> Path:
    """The folder of the settings: ``FLOYD_TUI_CONFIG``, else the platform's own place for them."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    from platformdirs import user_config_path

    return user_config_path("floyd-tui", appauthor=False)


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", "Mend it, or move it away to start anew.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it does not parse"
        raise ConfigError(f"{path}{where} is not YAML: {what}.", "Mend that line.") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds no settings.", "It should be lines such as `default_host: gpu1`.")
    return data


def _read(folder: Path, data: dict[str, Any]) -> Config:
    path = folder / FILE_NAME
    _only_known(path, data, ("hosts", "default_host", "theme", "large_code", "readonly", "notify", "keys", *_LIST), "")
    hosts = _read_hosts(path, _mapping(path, data, "hosts"))
    default = LOCAL if LOCAL in hosts else next(iter(hosts), "")
    if data.get("default_host") is not None:
        default = _string(path, data, "default_host")
        if default not in hosts:
            known = ", ".join(hosts) or "none yet"
            raise ConfigError(f"{path}: default_host is {default!r}, which is not a host.", f"Hosts are: {known}.")
    keys = _mapping(path, data, "keys")
    config = Config(folder, hosts, default, keys={str(key): _string(path, keys, key, "keys.") for key in keys})
    if data.get("large_code") is not None:
        config = replace(config, large_code=_size(path, data, "large_code"))
    if data.get("readonly") is not None:
        config = replace(config, readonly=_flag(path, data, "readonly"))
    try:
        config = replace(config, notify=Notify.read(_mapping(path, data, "notify")))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", "docs/look.md shows all of notify.") from error
    said = {key: _string(path, data, key) for key in ("theme", *_LIST) if data.get(key) is not None}
    config = replace(config, **cast("dict[str, Any]", said))
    if unknown := [name for name in config.jobs_columns.split(",") if name and name not in JOB_COLUMNS]:
        raise ConfigError(f"{path}: jobs_columns has no {unknown[0]!r}.", f"Columns are: {', '.join(JOB_COLUMNS)}.")
    return config


def _read_hosts(path: Path, data: Mapping[Any, Any]) -> dict[str, HostConfig]:
    hosts = {LOCAL: HostConfig(LOCAL)} if sys.platform == "linux" else {}
    known = tuple(f.name for f in fields(HostConfig) if f.name != "name")
    for name in data:
        try:
            check_name(str(name), "host name")
        except BadName as error:
            raise ConfigError(f"{path}: {error}") from error
        values = _mapping(path, data, name, "hosts.")
        _only_known(path, values, known, f"hosts.{name}.")
        host = HostConfig(str(name), **{key: _string(path, values, key, f"hosts.{name}.") for key in values})
        _check_host(path, host)
        hosts[host.name] = host
    return hosts


def _check_host(path: Path, host: HostConfig) -> None:
    if host.name == LOCAL:
        if host.ssh:
            raise ConfigError(f"{path}: hosts.local is this machine, and SSH has no part in it.", "Take `ssh` out.")
        return
    if not host.ssh:
        raise ConfigError(f"{path}: hosts.{host.name}.ssh is missing.", "Write `ssh: user@host` below it.")
    try:
        Destination.parse(host.ssh)
    except ValueError as error:
        raise ConfigError(f"{path}: hosts.{host.name}.ssh: {error}") from error


def _only_known(path: Path, data: Mapping[Any, Any], known: tuple[str, ...], prefix: str) -> None:
    from difflib import get_close_matches

    for key in data:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"Do you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}."
            raise ConfigError(f"{path}: there is no setting {prefix}{key}.", hint)


def _string(path: Path, data: Mapping[Any, Any], key: Any, prefix: str = "") -> str:
    value = data[key]
    if isinstance(value, str) and value:
        return value
    shown = "empty" if value in (None, "") else repr(value)
    raise ConfigError(f"{path}: {prefix}{key} is {shown}, and should be a text.", f'Write `{key}: "…"`.')


def _flag(path: Path, data: Mapping[Any, Any], key: Any) -> bool:
    value = data[key]
    if isinstance(value, bool):
        return value
    raise ConfigError(f"{path}: {key} is {value!r}, and should be true or false.", f"Write `{key}: true`.")


def _size(path: Path, data: Mapping[Any, Any], key: Any) -> int | None:
    """Bytes, None for `NEVER`."""
    value = str(data[key])
    try:
        return None if value == NEVER else parse_size(value)
    except ValueError as error:
        raise ConfigError(f"{path}: {key}: {error}", f"Or write `{key}: {NEVER}`.") from error


def _mapping(path: Path, data: Mapping[Any, Any], key: Any, prefix: str = "") -> Mapping[Any, Any]:
    value = data.get(key)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise ConfigError(f"{path}: {prefix}{key} is {value!r}.", "It should be `name: value` lines, indented below it.")
