"""The commands of the documents, run as they stand there, over a real sshd and a real runner with a played GPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nvml import FakeDriver, FakeGpu
from tests.support.runner import RunnerProcess
from tests.support.sshd import Sshd

pytestmark = [pytest.mark.sshd, pytest.mark.gcc]

ROOT = Path(__file__).parents[2]
TRAIN = """
import argparse, pathlib
options = argparse.ArgumentParser()
options.add_argument("--data", type=pathlib.Path)
options.add_argument("--resume", type=pathlib.Path)
said = options.parse_args()
pathlib.Path("checkpoints").mkdir()
before = (said.resume / "best.pt").read_text() if said.resume else ""
seen = (said.data / "train.txt").read_text() if said.data else ""
for name in ("checkpoints/best.pt", "model.pt"):
    pathlib.Path(name).write_text(before + seen)
print("trained")
"""


def commands(document: str) -> list[str]:
    """The lines of the document's shell blocks that call floyd-tui or go into a folder."""
    text = (ROOT / document).read_text()
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    indented = re.findall(r"(?:^    .*\n)+", text, re.M)
    lines = [line.strip() for block in fenced + indented for line in block.splitlines()]
    return [line for line in lines if re.match(r"(floyd-tui \w|cd |job=)", line)]


@pytest.fixture
def host(sshd: Sshd, home: Path, tmp_path: Path) -> RunnerProcess:
    """A host with a GPU, which ~/.ssh/config knows by the names of the documents."""
    sshd.trust(home / ".ssh" / "known_hosts")
    where = f"HostName 127.0.0.1\nPort {sshd.port}\nUser {sshd.user}\nIdentityFile {sshd.client_key}\n"
    (home / ".ssh" / "config").write_text(f"Host gauss.example.org gpu1.example.org\n{where}")
    driver = FakeDriver(tmp_path / "driver")
    driver.set(FakeGpu())
    # The documents say `python`, which an image has and not every host.
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python").symlink_to("/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable)
    return RunnerProcess(tmp_path / "runner", env={**driver.env, "PATH": f"{tools}:{os.environ['PATH']}"})


@pytest.mark.parametrize(
    ("documents", "jobs"),
    [(("docs/getting-started.md", "docs/cli.md"), 3), (("README.md",), 1)],
    ids=["docs", "readme"],
)
def test_what_the_documents_say_to_type_works(
    host: RunnerProcess, home: Path, documents: tuple[str, ...], jobs: int
) -> None:
    (home / "data" / "mnist").mkdir(parents=True)
    (home / "data" / "mnist" / "train.txt").write_text("seen\n")
    (home / "my-project").mkdir()
    (home / "my-project" / "train.py").write_text(TRAIN)
    lines = [line for document in documents for line in commands(document)]
    assert any(" host add " in line for line in lines)
    # Without a person at a terminal; the login is that of ~/.ssh/config, the runner the one that runs already.
    add = rf"\1\3 --data-dir {host.data_dir}"
    script = "\n".join(re.sub(r"(floyd-tui host add \w+ )(\w+@)(\S+)", add, line) for line in lines)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with host, host.http() as http:
        done = subprocess.run(
            ["bash", "-exc", script], cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        made = http.get("/v1/jobs", params={"project": "my-project"}).json()
    assert "trained" in done.stdout
    assert len(made) == jobs
    assert made[-1]["gpus"] == 1
