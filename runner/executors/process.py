"""Runs jobs as plain processes of this host, each under a supervisor that outlives the runner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Literal

from runner.clock import boot_id
from runner.errors import Unavailable
from runner.executors.base import Ended, Say, Standing, Task
from runner.executors.processes import Process, descendants, look, send, still_there
from runner.executors.sandbox import command_line, environment, lay_out_inputs
from runner.executors.usage import Place
from runner.store.disk import format_size, remove_tree, write_durably
from runner.threads import to_the_end

STATE_FOLDER = "process"
_POLL = 0.1
# Part of the sandbox, not of the job: it must live to tell the exit code.
_SANDBOX = "bwrap"


class ProcessExecutor:
    """The executor where no engine is. Of the limits it holds memory only."""

    def __init__(self) -> None:
        # Kept so that ended supervisors are collected and not left as zombies.
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def name(self) -> Literal["process"]:
        """How this executor is called in settings and jobs."""
        return "process"

    async def prepare(self, task: Task, say: Say) -> str:
        """Lay out the folder of inputs."""
        await asyncio.to_thread(lay_out_inputs, task)
        return ""

    async def start(self, task: Task) -> None:
        """Start the supervisor, note its pid durably, and only then let it begin."""
        await to_the_end(lambda: self._start(task))

    async def standing(self, task: Task) -> Standing:
        """How the job stands by what its supervisor wrote and whether it lives."""
        folder = task.folder / STATE_FOLDER
        if (folder / "ended").exists():
            return Standing.ENDED
        # One that has not begun either reads its word in a moment, or sees that nobody is left to give it.
        while self._supervisor(task) is not None:
            if (folder / "began").exists():
                return Standing.RUNNING
            await asyncio.sleep(_POLL)
        # Looked at again: it may have ended between the two looks.
        if (folder / "ended").exists():
            return Standing.ENDED
        if (folder / "began").exists():
            return Standing.VANISHED
        return Standing.READY if folder.exists() else Standing.ABSENT

    async def wait(self, task: Task) -> Ended:
        """Wait until the supervisor has written the end, or has vanished without (a reboot)."""
        file = task.folder / STATE_FOLDER / "ended"
        while not file.exists():
            if self._supervisor(task) is None and not file.exists():
                return Ended(None, reason="Its processes vanished: the host was restarted, or its supervisor killed.")
            await asyncio.sleep(_POLL)
        self._collect(task)
        told = json.loads(file.read_text())
        return _ended(task, told["exit_code"], told["time"], told.get("oom", ""))

    async def terminate(self, task: Task) -> None:
        """Ask all processes of the job to end.

        A shell would go on with its next command when the one it waits for ends: it is held until the others have gone.
        """
        family = self._family(task)
        if not family:
            return
        main, others = family[0], family[1:]
        send([main], signal.SIGSTOP)
        send(others, signal.SIGTERM)
        while still_there(others):  # noqa: ASYNC110 (other processes set no asyncio.Event)
            await asyncio.sleep(_POLL)
        # Only now: of two signals that are pending, the kernel delivers SIGTERM before SIGSTOP.
        send([main], signal.SIGTERM)
        send([main], signal.SIGCONT)

    async def kill(self, task: Task) -> None:
        """Kill all processes of the job, also those that are born meanwhile."""
        while (supervisor := self._supervisor(task)) is not None and (family := descendants(supervisor.pid)):
            send(family, signal.SIGKILL)
            await asyncio.sleep(_POLL)

    async def give_back(self, task: Task) -> None:
        """Nothing to do: the job ran as its owner."""

    async def remove(self, task: Task) -> None:
        """End a supervisor that never began, and forget the rest."""
        if (supervisor := self._supervisor(task)) is not None:
            send([*descendants(supervisor.pid), supervisor], signal.SIGKILL)
        self._collect(task)
        await asyncio.to_thread(remove_tree, task.folder / STATE_FOLDER)

    async def place(self, task: Task) -> Place | None:
        """The supervisor, below which the job's processes are."""
        supervisor = self._supervisor(task)
        return Place(supervisor.pid) if supervisor is not None else None

    async def close(self) -> None:
        """Nothing is held."""

    def _start(self, task: Task) -> None:
        folder = task.folder / STATE_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        script = folder / "supervisor.py"
        script.write_text(resources.files("runner.executors").joinpath("supervisor.py").read_text("utf-8"))
        identity = task.identity
        other = (
            {"user": identity.uid, "group": identity.gid, "extra_groups": []} if os.geteuid() != identity.uid else {}
        )
        if other:
            shutil.chown(folder, identity.uid, identity.gid)
        arguments = [sys.executable, "-I", str(script), str(folder), str(task.limits.memory or 0)]
        with task.log.open("ab") as log:
            try:
                child = subprocess.Popen(
                    [*arguments, *command_line(task)],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=task.home,
                    env=environment(task),
                    start_new_session=True,
                    **other,  # type: ignore[call-overload]
                )
            except OSError as error:
                raise Unavailable(f"The job's process could not be started: {error}.", "See the host's log.") from error
        self._children[task.job.name] = child
        self._let_begin(child, folder)

    def _let_begin(self, child: subprocess.Popen[bytes], folder: Path) -> None:
        process = look(child.pid)
        assert child.stdin is not None
        assert process is not None, "a child that was not waited for is there"
        write_durably(folder / "pid", f"{child.pid} {process.started} {boot_id()}".encode())
        with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
            pipe.write(b"go\n")

    def _supervisor(self, task: Task) -> Process | None:
        try:
            pid, started, *boot = (task.folder / STATE_FOLDER / "pid").read_text().split()
        except (OSError, ValueError):
            return None
        # After a restart of the machine another process may have its pid, and have begun as late after that.
        if boot != [boot_id()]:
            return None
        process = look(int(pid))
        return process if process is not None and process.started == int(started) and process.alive else None

    def _family(self, task: Task) -> list[Process]:
        """The job's processes, its first one first."""
        supervisor = self._supervisor(task)
        found = descendants(supervisor.pid) if supervisor is not None else []
        return [process for process in found if process.name != _SANDBOX]

    def _collect(self, task: Task) -> None:
        child = self._children.pop(task.job.name, None)
        if child is not None:
            child.wait()


def _ended(task: Task, code: int, ended_at: float, oom: str) -> Ended:
    limit = task.limits.memory
    if oom == "limit" and limit:
        return Ended(code, ended_at, f"It ran out of memory: its limit is {format_size(limit)}.", oom=True)
    if oom:
        return Ended(code, ended_at, "It was ended by SIGKILL as the host ran out of memory.", oom=True)
    return Ended(code, ended_at)
