"""Put the runner on a host: one file over SFTP, started with the host's own Python."""

from __future__ import annotations

import asyncio
import posixpath
import shlex
from pathlib import Path

import asyncssh

from floyd_tui.client.pack import pack
from floyd_tui.client.remote import RemoteHost, find_python, look, run_pyz, run_words
from floyd_tui.config import HostConfig
from floyd_tui.errors import HostError, RunnerMissing

_FILE = "floyd-runner.pyz"


async def install(connection: asyncssh.SSHClientConnection, host: HostConfig) -> str:
    """Put this version of the runner on the host, start it in the place of one that runs, and return the version.

    Jobs run on meanwhile. Other versions stay where they are, in folders of their own. Raises `HostError`s.
    """
    remote = await _look(connection, host)
    if remote.shared:
        raise HostError(
            f"{host.name} has a runner for many already ({remote.shared}).",
            f"Its administrator updates it: floyd-tui host install {host.name} --shared. "
            f"For a runner of your own, set hosts.{host.name}.data_dir in config.yaml.",
        )
    python = await find_python(connection, host)
    version, place = await _put(connection, host, remote)
    if remote.has_socket:
        await run_pyz(connection, host, python, place, "stop", remote.data_dir)
    await run_pyz(connection, host, python, place, "start", remote.data_dir)
    return version


async def install_shared(
    connection: asyncssh.SSHClientConnection, host: HostConfig, group: str | None, data_dir: str | None
) -> str:
    """Set up one runner for everybody on the host, or this version of it; what it says. Raises `HostError`s.

    The login must be root's, or one that `sudo` asks no password of. `group` and `data_dir` are as the runner's own
    command ``share`` has them.
    """
    if host.data_dir:
        raise HostError(
            f"hosts.{host.name}.data_dir names a runner of your own.", "Take it out of config.yaml to use one for all."
        )
    remote = await _look(connection, host)
    python = await find_python(connection, host)
    _, place = await _put(connection, host, remote)
    chosen = (("--socket", remote.place), ("--group", group), ("--data-dir", data_dir))
    words = [python, place, "share", *(word for key, value in chosen if value is not None for word in (key, value))]
    if not remote.root:
        try:
            await run_words(connection, host, ["sudo", "-n", "true"], "share", remote.data_dir)
        except RunnerMissing as error:
            raise HostError(
                f"The login on {host.name} is not root's, and sudo wants a password there.",
                f"Run it there yourself: sudo {shlex.join(words)}",
            ) from error
        words = ["sudo", "-n", *words]
    return await run_words(connection, host, words, "share", data_dir or "/var/lib/floyd-runner")


async def _look(connection: asyncssh.SSHClientConnection, host: HostConfig) -> RemoteHost:
    remote = await look(connection, host)
    if remote.system != "Linux":
        raise HostError(f"{host.name} runs {remote.system or 'an unknown system'}.", "Hosts have to run Linux.")
    return remote


async def _put(connection: asyncssh.SSHClientConnection, host: HostConfig, remote: RemoteHost) -> tuple[str, str]:
    """Pack the runner and put it into the login's own folder there; its version and its path."""
    try:
        version, pyz = await asyncio.to_thread(pack, _cache_folder())
    except OSError as error:
        raise HostError(f"The runner cannot be packed here: {error}.", "Make room in the cache folder.") from error
    place = posixpath.join(remote.data_dir, "versions", version, _FILE)
    await _send(connection, host, remote, pyz, place)
    return version, place


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("floyd-tui", appauthor=False)


async def _send(
    connection: asyncssh.SSHClientConnection, host: HostConfig, remote: RemoteHost, pyz: Path, place: str
) -> None:
    """Write `pyz` under another name, then rename: a broken line leaves no half of a runner to be started."""
    part = f"{place}.part"
    private = asyncssh.SFTPAttrs(permissions=0o700)
    try:
        async with connection.start_sftp_client() as sftp:
            await sftp.makedirs(remote.data_dir, private, exist_ok=True)
            await sftp.makedirs(posixpath.dirname(place), exist_ok=True)
            if not await sftp.exists(place):
                await sftp.put(str(pyz), part)
                await sftp.posix_rename(part, place)
            # The newest file is the one that is started when the host comes up again.
            await sftp.utime(place)
    except (asyncssh.Error, OSError) as error:
        reason = getattr(error, "reason", "") or str(error)
        raise HostError(
            f"The runner cannot be put into {remote.data_dir} on {host.name}: {reason}.",
            f"See the room and the rights there, or name another folder: hosts.{host.name}.data_dir in config.yaml.",
        ) from error
