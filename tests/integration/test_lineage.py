"""Lineage by a real runner and at the prompt: a chain of jobs, a fan of them, a deleted one, and a renewed runner."""

from __future__ import annotations

from pathlib import Path

from floyd_tui.config import LOCAL, Config, HostConfig
from tests.support.runner import RunnerProcess
from tests.support.shell import Shell


def test_a_chain_and_a_fan_of_jobs_at_the_prompt(tmp_path: Path) -> None:
    with RunnerProcess(tmp_path / "runner") as runner:
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / "train.py").write_text("print(1)\n")
        Config.load(tmp_path / "config").with_host(HostConfig(LOCAL, data_dir=str(runner.data_dir)))
        shell = Shell(folder, tmp_path / "config")
        shell("init", "net")
        shell("data", "upload", "--name", "digits")
        shell("run", "--follow", "--data", "digits/1:d", "echo 1 >model")
        shell("run", "--follow", "--data", "net/1/output:from", "echo 2 >model")
        for name in ("left", "right"):
            shell("run", "--follow", "--data", "net/2/output:from", "-m", name, "echo 3 >model")
        shell("restart", "--follow", "4")
        told = [line[:14].rstrip() for line in shell("lineage", "2").stdout.splitlines()[1:]]
        assert told == ["  ┌ digits/1", "┌ net/1", "net/2", "├ net/5", "├ net/4", "│ └ net/5", "└ net/3"]
        done = shell("lineage", "4")
        assert "↻ launched again" in done.stdout
        assert "→ as from" in done.stdout
        assert "same code as net/5, net/3, net/2, net/1" in done.stderr
        found = shell.json("lineage", "datasets/digits", "--depth", "1")
        assert [node["name"].partition("/")[2] for node in found["nodes"]] == ["datasets/digits/1", "projects/net/1"]
        assert found["nodes"][1]["more"]
        shell("delete", "--yes", "1")
        assert "deleted, in the trash" in shell("lineage", "2").stdout
        shell("gc", "--yes")
        gone = shell("lineage", "2").stdout
        assert "deleted, or not yours to see" in gone
        assert "digits/1" not in gone
        assert "no job" in shell("lineage", "9", code=1).stderr
        assert "digits/7" in shell("lineage", "datasets/digits/7", code=1).stderr
