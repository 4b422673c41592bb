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
GUIDE = ROOT / "docs" / "guide"
TRAIN = """
import argparse, pathlib
options = argparse.ArgumentParser()
options.add_argument("--data", type=pathlib.Path)
options.add_argument("--resume", type=pathlib.Path)
options.add_argument("--lr", type=float, default=0.0)
options.add_argument("--seed", type=int)
said = options.parse_args()
pathlib.Path("checkpoints").mkdir()
before = (said.resume / "best.pt").read_text() if said.resume else ""
seen = (said.data / "train.txt").read_text() if said.data else ""
for name in ("checkpoints/best.pt", "model.pt"):
    pathlib.Path(name).write_text(before + seen)
print("trained")
print('{"metric": "loss", "value": %g}' % said.lr)
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


def person(home: Path) -> None:
    """What the one who types has: a folder of data and one of code."""
    (home / "data" / "mnist").mkdir(parents=True)
    (home / "data" / "mnist" / "train.txt").write_text("seen\n")
    (home / "my-project").mkdir()
    (home / "my-project" / "train.py").write_text(TRAIN)


def typed(host: RunnerProcess, home: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    """Type `lines` into a shell; the first that fails ends it."""
    # Without a person at a terminal; the login is that of ~/.ssh/config, the runner the one that runs already.
    add = rf"\1\3 --data-dir {host.data_dir}"
    script = "\n".join(re.sub(r"(floyd-tui host add \w+ )(\w+@)(\S+)", add, line) for line in lines)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-exc", script], cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def pages() -> list[str]:
    """The guide's pages, in the order of its index."""
    return [name for name in re.findall(r"\]\(([^)]+\.md)\)", (GUIDE / "README.md").read_text()) if "/" not in name]


def shell_lines(page: str) -> list[str]:
    """All that a page of the guide tells to type; what goes on until Ctrl-C is ended by one."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (GUIDE / page).read_text(), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [re.sub(r"^(?=floyd-tui (watch|web)\b)", "interrupted ", line) for line in lines]


# It ends as one who was interrupted does, or well, and not by an error of its own.
INTERRUPTED = """interrupted() {
  timeout --preserve-status -s INT 4 "$@" || [ $? = 130 ]
}"""


def test_what_the_guide_says_to_type_works(host: RunnerProcess, home: Path) -> None:
    person(home)
    lines = [line for page in pages() for line in shell_lines(page)]
    with host:
        done = typed(host, home, [INTERRUPTED, *lines])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it is there" in done.stdout
    assert (home / "results" / "model.pt").exists()
    assert len(list((home / "pictures").iterdir())) == 1


def test_the_guide_is_found_and_tells_keys_that_there_are() -> None:
    assert "(docs/guide/README.md)" in (ROOT / "README.md").read_text()
    assert sorted([*pages(), "README.md"]) == sorted(path.name for path in GUIDE.iterdir())
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs" / "keys.md").read_text(), re.M)
    keys = {"ctrl+p", *(key for row in rows for key in re.findall(r"`(.+?)`", row))}
    for page in GUIDE.iterdir():
        told = set(re.findall(r"<kbd>(.+?)</kbd>", page.read_text()))
        assert not told - keys, page
    for page in GUIDE.iterdir():
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (GUIDE / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(
    ("documents", "jobs"),
    [(("docs/getting-started.md", "docs/cli.md", "docs/sweeps.md"), 9), (("README.md",), 1)],
    ids=["docs", "readme"],
)
def test_what_the_documents_say_to_type_works(
    host: RunnerProcess, home: Path, documents: tuple[str, ...], jobs: int
) -> None:
    person(home)
    lines = [line for document in documents for line in commands(document)]
    assert any(" host add " in line for line in lines)
    with host, host.http() as http:
        done = typed(host, home, lines)
        assert done.returncode == 0, done.stdout + done.stderr
        made = http.get("/v1/jobs", params={"project": "my-project"}).json()
    assert "trained" in done.stdout
    assert len(made) == jobs
    assert made[-1]["gpus"] == 1
