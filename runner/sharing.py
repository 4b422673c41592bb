"""``floyd-runner share``: one runner for everybody on this host, set up by root and started with the machine.

It has its data in `FOLDER` and answers on `SOCKET`. Where systemd runs the machine it is a service; systemd is never
told to reload, for that takes the GPUs from containers that run: a unit that is new is read without, and one that is
there stays as it is, since it starts whatever version ``current`` leads to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from runner import __version__, daemon
from runner.errors import Unavailable
from runner.folder import prepare_folder
from runner.settings import SETTINGS_FILE, Settings
from runner.store.disk import write_durably
from runner.versions import own_archive

FOLDER = Path("/var/lib/floyd-runner")
SOCKET = Path("/run/floyd-runner/runner.sock")
UNIT = Path("/etc/systemd/system/floyd-runner.service")
_SYSTEMD = Path("/run/systemd/system")
_CURRENT = "current"
_PROGRAM = "floyd-runner.pyz"
_OWN_KEYS = ("shared_socket:", "shared_group:")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shared runner is: its data, its socket, and who may use it (None: as it was, or everybody)."""

    folder: Path = FOLDER
    socket: Path = SOCKET
    group: str | None = None


def share(place: Place) -> str:
    """Set up and start the runner of this version at `place`, in place of another one; jobs run on.

    Returns a sentence on how it is kept running. Raises `Unavailable` for whoever is not root, or what it says itself.
    """
    if os.geteuid() != 0:
        raise Unavailable("A runner for everybody is root's to set up.", "Run it with sudo, or log in as root.")
    prepare_folder(place.folder)
    _write_settings(place)
    settings = Settings.load(place.folder)
    program = _put_program(place.folder)
    if program is not None and _SYSTEMD.is_dir():
        return _serve_by_systemd(settings, program)
    daemon.start(settings, replace=True)
    return "It runs, but does not come back by itself when the machine starts: no systemd is here to see to that."


def unit_text(folder: Path, program: Path) -> str:
    """The service as systemd reads it. Jobs are containers, and so no part of it; what else it has begun runs on."""
    return f"""\
[Unit]
Description=floyd-tui's runner, for everybody on this host
Documentation=man:floyd-runner(1)
Wants=network-online.target
After=network-online.target docker.service

[Service]
ExecStart={sys.executable} {program} serve --log-file --data-dir {folder}
Restart=on-failure
RestartSec=2
KillMode=process
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
"""


def _write_settings(place: Place) -> None:
    """Say in runner.yml that it is shared; what else stands there stays."""
    file = place.folder / SETTINGS_FILE
    text = file.read_text("utf-8") if file.exists() else 'gc_at: "03:30"\n'
    kept = [line for line in text.splitlines() if not line.startswith(_OWN_KEYS)]
    before = next((line for line in text.splitlines() if line.startswith("shared_group:")), None)
    group = before if place.group is None else f"shared_group: {place.group}" if place.group else None
    lines = [*kept, f"shared_socket: {place.socket}", *([group] if group else [])]
    write_durably(file, ("\n".join(lines) + "\n").encode("utf-8"))


def _put_program(folder: Path) -> Path | None:
    """Keep this very program below ``versions/`` and let ``current`` lead to it; None where it is no single file."""
    own = own_archive()
    if own is None:
        return None
    place = folder / "versions" / __version__ / _PROGRAM
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if own != place:
        part = place.with_suffix(".part")
        shutil.copyfile(own, part)
        part.replace(place)
    link, new = folder / _CURRENT, folder / f".{_CURRENT}"
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    new.symlink_to(place.parent.relative_to(folder))
    new.replace(link)
    return link / _PROGRAM


def _serve_by_systemd(settings: Settings, program: Path) -> str:
    text = unit_text(settings.data_dir, program)
    changed = UNIT.exists() and UNIT.read_text("utf-8") != text
    if not UNIT.exists():
        write_durably(UNIT, text.encode("utf-8"), 0o644)
    _systemctl("--no-reload", "enable", UNIT.name)
    # One that was started by hand would hold the folder.
    if _systemctl("is-active", "--quiet", UNIT.name, check=False):
        daemon.stop(settings)
    _systemctl("restart", UNIT.name)
    daemon.wait_until_it_answers(settings)
    if changed:
        return f"{UNIT} was changed by hand and is left as it is."
    return f"It is the service {UNIT.stem}, which starts with the machine."


def _systemctl(*words: str, check: bool = True) -> int:
    """Run systemctl; its exit code. Raises `Unavailable` with its words where that must be 0."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise Unavailable(f"systemctl {' '.join(words)}: {said[0]}", f"See journalctl -u {UNIT.stem}.")
    return done.returncode
