"""What a host is asked in its shell: where its runner is, with which Python, and to start it."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from dataclasses import dataclass

import asyncssh

from floyd_tui.config import HostConfig
from floyd_tui.errors import HostError, HostUnreachable, RunnerMissing

# Seconds for a question that costs nothing, and for a runner to start: it opens its database and adopts jobs first.
_ASK = 20.0
_START = 45.0
OLDEST_PYTHON = (3, 10)

# `sh -s` reads these from its input, so that it does not matter which shell the login has. Answers carry a mark,
# since a .bashrc may print what it likes.
_LOOK = """
d=$1
s=${FLOYD_RUNNER_SHARED:-/run/floyd-runner/runner.sock}
echo "floyd:system=$(uname -s)"
echo "floyd:place=$s"
[ "$(id -u)" = 0 ] && echo floyd:root=yes
if [ -z "$d$FLOYD_RUNNER_HOME" ] && [ -S "$s" ]; then
  echo "floyd:shared=$s"
  [ -w "$s" ] && echo floyd:socket=yes
fi
case $d in
  '') d=${FLOYD_RUNNER_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/floyd-runner} ;;
  '~/'*) d=$HOME/${d#??} ;;
esac
echo "floyd:data_dir=$d"
[ -S "$d/runner.sock" ] && echo floyd:socket=yes
installed=$(ls -1t "$d"/versions/*/floyd-runner.pyz 2>/dev/null | head -n 1)
echo "floyd:installed=$installed"
"""
_FIND_PYTHON = """
case $1 in
  '') set -- python3 python3.14 python3.13 python3.12 python3.11 python3.10 ;;
  '~/'*) set -- "$HOME/${1#??}" ;;
esac
for p in "$@"; do
  v=$("$p" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
  echo "floyd:seen=$p $v"
  if "$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "floyd:python=$p"
    break
  fi
done
"""


@dataclass(frozen=True, slots=True)
class RemoteHost:
    """A host as its shell tells: the runner's data folder, whether its socket is there, and the newest pyz.

    `shared` is the socket of a runner that serves everybody there, empty where there is none or `data_dir` is chosen;
    `place` is where one would have it. `root` says that it is root who has logged in.
    """

    data_dir: str
    system: str
    has_socket: bool
    installed: str
    shared: str = ""
    place: str = ""
    root: bool = False

    @property
    def socket(self) -> str:
        """The runner's socket there."""
        return self.shared or f"{self.data_dir}/runner.sock"


async def look(connection: asyncssh.SSHClientConnection, host: HostConfig) -> RemoteHost:
    """Ask where the runner is.

    This is also the one trivial command without which sshd lets Nagle's algorithm hold each request back for 40 ms.
    """
    answers = await ask(connection, host, _LOOK, host.data_dir)
    if "data_dir" not in answers:
        raise HostError(f"The login on {host.name} runs no commands.", "floyd-tui needs an account with a shell there.")
    given = {key: answers.get(key, "") for key in ("system", "installed", "shared", "place")}
    return RemoteHost(answers["data_dir"], has_socket="socket" in answers, root="root" in answers, **given)


async def find_python(connection: asyncssh.SSHClientConnection, host: HostConfig) -> str:
    """A Python of the host that is new enough for the runner; raises `RunnerMissing`."""
    answers = await ask(connection, host, _FIND_PYTHON, host.python)
    if "python" in answers:
        return answers["python"]
    wanted = ".".join(map(str, OLDEST_PYTHON))
    seen = answers.get("seen", "").replace(" ", " is ")
    raise RunnerMissing(
        f"{host.name} has no Python {wanted} or newer{f' ({seen})' if seen else ''}, and the runner needs one.",
        f"Install one there, or name it: hosts.{host.name}.python in config.yaml.",
    )


async def run_pyz(
    connection: asyncssh.SSHClientConnection, host: HostConfig, python: str, pyz: str, command: str, data_dir: str
) -> None:
    """Run ``start`` or ``stop`` of an installed runner; raises `RunnerMissing` with what it said."""
    await run_words(connection, host, [python, pyz, command, "--data-dir", data_dir], command, data_dir)


async def run_words(
    connection: asyncssh.SSHClientConnection, host: HostConfig, words: list[str], command: str, data_dir: str
) -> str:
    """Run a `command` of the runner, as `words` say in full; what it says, or raises `RunnerMissing` with that."""
    status, out, err = await _run(connection, host, shlex.join(words), "", _START)
    if status:
        said = (err.strip() or out.strip()).splitlines()[-1:] or [f"exit code {status}"]
        raise RunnerMissing(
            f"The runner on {host.name} does not {command}: {said[0]}", f"See {data_dir}/runner.log there."
        )
    return out.strip()


async def ask(
    connection: asyncssh.SSHClientConnection, host: HostConfig, script: str, *arguments: str
) -> dict[str, str]:
    """Run `script` in the host's sh and gather its ``floyd:key=value`` lines."""
    command = shlex.join(["sh", "-s", "--", *arguments])
    _, out, _ = await _run(connection, host, command, script, _ASK)
    answers = [line.removeprefix("floyd:").partition("=") for line in out.splitlines() if line.startswith("floyd:")]
    return {key: value for key, _, value in answers}


async def _run(
    connection: asyncssh.SSHClientConnection, host: HostConfig, command: str, text: str, seconds: float
) -> tuple[int, str, str]:
    try:
        async with asyncio.timeout(seconds):
            async with connection.create_process(command, errors="replace", request_pty=False) as process:
                with contextlib.suppress(OSError):  # a command that ends without reading has said what it has to say
                    process.stdin.write(text)
                    process.stdin.write_eof()
                done = await process.wait()
    except TimeoutError as error:
        raise HostUnreachable(
            f"The shell of {host.name} does not answer within {seconds:.0f} s.", "Log in with `ssh` and see why."
        ) from error
    except (asyncssh.Error, OSError) as error:
        raise HostUnreachable(f"The connection to {host.name} broke: {error}.", "Trying again may help.") from error
    return done.returncode or 0, str(done.stdout or ""), str(done.stderr or "")
