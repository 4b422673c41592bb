"""A person's own commands: what is in the file, what is refused, and that no value gets out of its quotes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.custom import VALUES, CustomCommand, load

DOCS = Path(__file__).parents[2] / "docs" / "custom-commands.md"


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a commands.yaml that says `text`."""
    (folder / "commands.yaml").write_text(text)
    return load(folder).problems


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: x", "should be a list"),
        ("- [", "cannot be read"),
        ("- just words", "is no command"),
        ("- {name: x}", "command is missing"),
        ("- {name: x, comand: ls}", "there is no comand. Do you mean command?"),
        ("- {name: x, command: ls, key: 5}", "key is 5"),
        ("- {name: x, command: ls, where: moon}", "where is 'moon'"),
        ("- {name: x, command: ls, run: fast}", "run is 'fast'"),
        ("- {name: x, command: 'ls {jop}', where: job}", "{jop} is not known of a job. Do you mean job?"),
        ("- {name: x, command: 'ls {job}'}", "{job} is not known anywhere"),
        ("""- {name: x, command: 'echo "{host}"'}""", "{host} is within quotes"),
        ("""- {name: x, command: "sh -c 'ls {host}'"}""", "{host} is within quotes"),
        (r"""- {name: x, command: 'echo \{host}'}""", "{host} is within quotes"),
        ("- {name: x, command: 'echo `ls {host}`'}", "not safe"),
        ("- {name: x, command: 'cat <<E {host}'}", "not safe"),
        ("- {name: x, command: ls}\n- {name: X, command: ls}", "command 2: 'X' has the name"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_counts(tmp_path: Path, text: str, why: str) -> None:
    (said,) = problems(tmp_path, text)
    assert why in said
    if text.startswith("- {"):
        assert not problems(tmp_path, "- {name: y, command: ls}")
        assert problems(tmp_path, f"- {{name: y, command: ls}}\n{text}")
        assert next(one.name for one in load(tmp_path).commands) == "y"


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path).commands == []


def test_the_examples_of_the_docs_are_commands_and_its_values_are_all(tmp_path: Path) -> None:
    text = DOCS.read_text("utf-8")
    for block in text.split("```yaml\n")[1:]:
        example = block.partition("```")[0]
        assert not problems(tmp_path, example), example
        assert len(load(tmp_path).commands) == len(yaml.safe_load(example))
    for names in VALUES.values():
        assert all(f"`{{{name}}}`" in text for name in names)


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20))
def test_no_value_gets_out_of_its_quotes(value: str) -> None:
    one = CustomCommand("x", "{message}; {message:remote}")
    plain, twice = one.line({"message": value}).split("; ") if "; " not in value else ("", "")
    if plain:
        import shlex

        assert shlex.split(plain) == [value]
        assert shlex.split(shlex.split(twice)[0]) == [value]


def test_a_shell_sees_the_value_itself(tmp_path: Path) -> None:
    value = "$(touch made) `touch made`; touch made\n'\"\\"
    line = CustomCommand("x", "printf %s {message}").line({"message": value})
    said = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == value
    assert not (tmp_path / "made").exists()
