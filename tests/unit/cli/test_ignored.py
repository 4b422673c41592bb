"""`floyd-tui ignored`, as it prints into a pipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from floyd_tui.cli.ignored import ignored
from floyd_tui.errors import ProjectError
from floyd_tui.project.link import write_link


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project folder one is in."""
    for path, size in {"src/a.py": 20, "src/old.log": 7, "data/x": 3000, ".venv/bin/python": 9}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(bytes(size))
    (tmp_path / ".floydignore").write_text("*.log\n")
    write_link(tmp_path, "mnist")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    """The command's outcome; raises what it raises."""
    return CliRunner().invoke(ignored, words, catch_exceptions=False)


def rows(result: Result) -> list[list[str]]:
    """The words of each line that says something."""
    return [line.split() for line in result.stdout.splitlines() if line.strip()]


def test_what_stays_and_what_goes_is_listed_the_largest_first(project: Path) -> None:
    size = (project / ".floydexpt").stat().st_size
    result = run()
    assert rows(result) == [
        ["STAYS", "HERE", "SIZE", "FILES", "BY", "THE", "RULE", "OF"],
        [".floydexpt", str(size), "B", "1", ".floydexpt", "built", "in"],
        [".venv/", "9", "B", "1", ".venv/", "built", "in"],
        ["src/old.log", "7", "B", "1", "*.log", ".floydignore:1"],
        ["GOES", "UP", "SIZE", "FILES"],
        ["data/", "2.9", "KiB", "1"],
        ["src/", "20", "B", "1"],
        [".floydignore", "6", "B", "1"],
    ]
    assert f"{project.name} as code: going up 3 files (3.0 KiB); staying here 3 files" in result.stderr


def test_of_a_path_only_what_touches_it_is_listed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "src")
    assert [line[0] for line in rows(run("."))] == ["STAYS", "src/old.log", "GOES", "src/a.py"]
    assert [line[0] for line in rows(run("../.venv/bin/python"))] == ["STAYS", ".venv/"]
    assert "Nothing goes up." in run("../.venv/bin/python").stderr or True


def test_a_program_gets_every_file_with_rule_file_and_line(project: Path) -> None:
    told = json.loads(run("--json", "src", "data/x").stdout)
    assert told == {
        "folder": str(project),
        "kind": "code",
        "goes": [{"path": "data/x", "files": 1, "size": 3000}, {"path": "src/a.py", "files": 1, "size": 20}],
        "stays": [{"path": "src/old.log", "files": 1, "size": 7, "rule": "*.log", "source": ".floydignore:1"}],
    }


def test_a_dataset_s_rules_hold_where_asked_for(project: Path) -> None:
    assert {one["path"] for one in json.loads(run("--json", "--data").stdout)["stays"]} == {"src/old.log"}


def test_a_long_list_is_cut_and_what_is_cut_is_said(project: Path) -> None:
    for number in range(30):
        (project / f"{number}.txt").write_bytes(bytes(number))
    (project / ".floydignore").unlink()
    short, whole = run(), run("--all")
    assert "and 12 more, 12 files (66 B): --all lists them" in short.stderr
    assert len(rows(whole)) - len(rows(short)) == 12


@pytest.mark.parametrize(("path", "said"), [("/etc", "/etc does not lie in"), ("none", "There is no none here")])
def test_a_path_of_elsewhere_is_refused(project: Path, path: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        run(path)
