"""The queue at the prompt: launch with a place in line, list it, hold, release and move."""

from __future__ import annotations

from pathlib import Path

from floyd_tui.config import LOCAL, Config, HostConfig
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell


def test_the_queue_at_the_prompt(tmp_path: Path) -> None:
    with RunnerProcess(tmp_path / "runner", settings={"max_running": 1}) as runner:
        folder = tmp_path / "work"
        folder.mkdir()
        Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
        shell = Shell(folder, tmp_path / "config")
        shell("init", "net")
        shell("run", "sleep 600")
        shell("run", "--hold", "true")
        assert "queued on local: waits for a place: 1 of 1 jobs run." in shell("run", "true").stderr
        assert "waits for a place" in shell("status").stdout
        shell("run", "--priority", "5", "true")
        after = shell("run", "--after", "3", "--data", "net/3/output:from", "--", "true").stdout.strip()
        listed = [row.split() for row in shell("queue").stdout.splitlines()]
        assert listed[0] == ["#", "JOB", "STATE", "PRIORITY", "GPUS", "AGE", "WAITS"]
        assert [row[:2] for row in listed[2:5]] == [["1", "net/4"], ["2", "net/3"], ["3", after]]
        assert listed[5][:2] == ["net/2", "held"]
        assert "waits for net/3 to succeed" in shell("queue", "net").stdout

        assert "net/3 is moved: number 1 in line" in shell("move", "3", "--top").stderr
        assert [job["number"] for job in shell.json("queue")] == [1, 3, 4, 5, 2]
        assert "net/4 is held. Let it start: floyd-tui release net/4" in shell("hold", "4").stderr
        assert "queued on hold" in shell("info", "4").stdout
        assert "net/4 is released" in shell("release", "4").stderr
        assert "does not wait any more" in shell("hold", "1", code=1).stderr
        assert "Say where to" in shell("move", "3", code=2).stderr
        shell("move", "3", "--priority", "-1")
        assert "net/1 is tagged long, best" in shell("tag", "1", "long", "best").stderr
        assert shell.json("tag", "1", "--remove", "long")["tags"] == ["best"]
        assert "net/1 has no tags" in shell("tag", "1", "--remove", "best").stderr
        assert "Name tags to give" in shell("tag", "1", code=2).stderr
        assert [job["number"] for job in shell.json("queue")] == [1, 4, 5, 3, 2]
        told = shell("info", "5").stdout
        assert "/projects/net/3 at /floyd/input/from  when that has succeeded" in told
        assert "After        " in told
