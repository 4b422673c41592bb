"""Whose a process is, by the control groups of all engines in use, and by its parents."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runner.executors.usage import Place, Usage, container_of, groups_of, job_of, parse_groups, usage_of
from tests.support.wait import wait_for

ID = "cda2611364ef7b9facd45815dd5227aaa4809dc2eb603522bb60a575854c3649"
OTHER = "0" * 64


@pytest.mark.parametrize(
    "text",
    [
        f"4:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/docker/{ID}\n",
        f"12:cpu,cpuacct:/docker/{ID}\n11:memory:/docker/{ID}\n",
        f"0::/system.slice/docker-{ID}.scope\n",
        f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope\n",
        f"0::/../docker-{ID}.scope/init\n",
        f"0::/docker/{OTHER}/docker/{ID}\n",
        f"10:memory:/kubepods/besteffort/pod3/{ID}\n9:cpu:/\n",
    ],
    ids=["v1 hybrid", "v1 together", "v2 systemd", "v2 rootless", "v2 private", "nested", "kubelet"],
)
def test_a_container_is_known_by_its_group_in_every_form(text: str) -> None:
    assert container_of(parse_groups(text)) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0::/\n",
        "0::/user.slice/user-0.slice/session-3.scope\n",
        f"0::/x/{ID}aa\n",
        "nonsense\n",
        "4:memory:/process_api/275197b925960a53da8e5fa374f3512e\n",
    ],
)
def test_what_is_no_container_is_none(text: str) -> None:
    assert container_of(parse_groups(text)) == ""


def test_controllers_that_share_a_group_are_each_found() -> None:
    assert parse_groups("2:cpu,cpuacct:/a:b\n0::/c\n") == {"cpu": "/a:b", "cpuacct": "/a:b", "": "/c"}


# A parent whose child says its pid, and waits.
TWO = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"])
"""
# A parent that holds memory, and whose child has worked and ended.
WORKED = """
import subprocess, sys
block = bytearray(60 << 20)
subprocess.run([sys.executable, "-c", "sum(i for i in range(3_000_000))"])
print("ended", flush=True)
sys.stdin.read()
"""


def run(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_plain_process_is_told_by_its_parents() -> None:
    with run(TWO) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        places = {"a": Place(parent.pid), "b": Place(2**22 + 1), "c": Place(parent.pid, ID)}
        assert job_of(child, places) == job_of(parent.pid, places) == "a"
        assert job_of(os.getpid(), places) == job_of(1, places) == ""
        parent.communicate()
    assert job_of(child, places) == ""


def test_what_a_family_uses_counts_children_that_have_ended() -> None:
    with run(WORKED) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        usage = usage_of(Place(parent.pid))
        assert (usage.cpu_seconds or 0) > 0.05
        assert 5 << 20 < (usage.memory or 0) < 500 << 20
        assert usage.disk_read is not None
        parent.communicate()
    wait_for(lambda: not groups_of(parent.pid), "the process to go")
    assert usage_of(Place(parent.pid)) == usage_of(Place(parent.pid, ID)) == Usage()
