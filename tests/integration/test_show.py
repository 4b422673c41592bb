"""Looking into files by the command line: a script gets text, a person colours and pictures, nobody control codes."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from floyd_tui.config import LOCAL, Config, HostConfig
from tests.support.api import Api
from tests.support.runner import RunnerProcess
from tests.support.shell import PROGRAM, Shell

STEERS = b"\x1b]0;title\x07\x1b[2Jhello\x1b[5n\n"


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "#2255cc").save(data, "PNG")
    return data.getvalue()


CLEAR = "\x1b[2J"
HEADER = json.dumps({f"{CLEAR}w": {"dtype": CLEAR, "shape": [1]}}).encode()

FILES = {
    "m.safetensors": len(HEADER).to_bytes(8, "little") + HEADER,
    "names.csv": f"a{CLEAR},[bold]b[/bold]\n{CLEAR}x,y\n".encode(),
    "a.json": b'{"lr":0.05,"to":["x"]}',
    "h.csv": b"epoch,loss\n" + b"".join(b"%d,0.5\n" % number for number in range(100)),
    "steers.txt": STEERS,
    "p.png": picture(),
    "model.bin": b"\0\1\2" * 10,
    "big.log": b"".join(b"line %d\n" % number for number in range(100_000)),
}


@pytest.fixture
def shell(tmp_path: Path, runner: RunnerProcess) -> Shell:
    (tmp_path / "work").mkdir()
    Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
    with runner.http() as http:
        Api(http).dataset("d", FILES)
    return Shell(tmp_path / "work", tmp_path / "config")


def on_terminal(shell: Shell, *words: str) -> bytes:
    """What ``floyd-tui WORDS`` writes to a terminal."""
    mine, its = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *words], cwd=shell.folder, env={**shell.env, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        stdin=its, stdout=its, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        os.close(its)
        said = b""
        try:
            while piece := os.read(mine, 65536):
                said += piece
        except OSError:  # Linux's word for the end of it
            pass
        finally:
            os.close(mine)
        assert program.stderr is not None
        error = program.stderr.read()
    assert program.returncode == 0, error
    return said


def test_each_kind_for_a_script(shell: Shell) -> None:
    assert shell("data", "show", "d", "a.json").stdout == '{\n  "lr": 0.05,\n  "to": [\n    "x"\n  ]\n}\n'
    table = shell("data", "show", "d/1", "h.csv", "-n", "2")
    assert [line.split() for line in table.stdout.splitlines()] == [["epoch", "loss"], ["0", "0.5"], ["1", "0.5"]]
    assert "98 rows more" in table.stderr
    assert shell("data", "show", "d", "h.csv", "-n", "1", "--tail").stdout.split()[-2:] == ["99", "0.5"]
    assert shell("data", "show", "d", "steers.txt").stdout == "hello\n"
    assert "00000000  00 01 02" in shell("data", "show", "d", "model.bin").stdout
    last = shell("data", "show", "d", "big.log", "--tail", "-n", "1")
    assert last.stdout == "line 99999\n"
    assert "--tail" in last.stderr
    assert "on a terminal only" in shell("data", "show", "d", "p.png", code=1).stderr
    assert "not a file" in shell("data", "show", "d", "", code=1).stderr
    assert "nothing" in shell("data", "show", "d", "nothing", code=1).stderr


def test_bytes_are_printed_as_they_are(shell: Shell) -> None:
    done = subprocess.run(
        [*PROGRAM, "data", "cat", "d", "p.png", "steers.txt"],
        cwd=shell.folder,
        env=shell.env,
        capture_output=True,
        check=True,
    )
    assert done.stdout == FILES["p.png"] + STEERS


def test_a_person_sees_colours_and_pictures_and_no_file_steers_the_terminal(shell: Shell) -> None:
    assert b"\x1b[36m" in on_terminal(shell, "data", "show", "d", "a.json")
    shown = on_terminal(shell, "data", "show", "d", "p.png")
    assert "▄".encode() in shown
    assert b"38;2;34;85;204" in shown
    assert on_terminal(shell, "data", "show", "d", "steers.txt").strip() == b"hello"
    for name in ("m.safetensors", "names.csv"):
        shown = on_terminal(shell, "data", "show", "d", name)
        assert b"\x1b[2J" not in shown
        assert "�[2J".encode() in shown
    assert b"[bold]b[/bold]" in shown


def test_what_a_running_job_wrote_is_shown(shell: Shell, runner: RunnerProcess) -> None:
    with runner.http() as http:
        api = Api(http)
        job = api.launch("mkdir sub; echo first > sub/log.txt; echo ready; while [ ! -e over ]; do sleep 0.05; done")
        api.prints(job.name, b"ready")
        assert shell("output", "show", "p/1", "sub/log.txt").stdout == "first\n"
        assert shell("output", "cat", "p/1/output/sub", "log.txt").stdout == "first\n"
        api.stop(job.name)
