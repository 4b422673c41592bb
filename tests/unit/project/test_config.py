"""floyd.yml as it is found in the wild."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floyd_tui.errors import ProjectError
from floyd_tui.project.config import NOTHING_SAID, RunSettings, load_config, parse_config
from runner.models import Limits, Mount, UtilizationPolicy

PATH = Path("floyd.yml")


def test_the_newer_dialect() -> None:
    config = parse_config(
        """
machine: gpu2
env: pytorch-1.4
description: first try
max_runtime: 3600
mode: job
input:
  - destination: mnist
    source: mckay/datasets/mnist/1
  - udacity/datasets/celeba/1:/celeba/
command: python a.py && echo "it's on" | tee log
task:
  evaluate:
    machine: cpu
    command: python evaluate.py
    input:
      - mckay/projects/p/3/output:/input
""",
        PATH,
    )
    assert config.settings == RunSettings(
        machine="gpu2",
        env="pytorch-1.4",
        description="first try",
        max_runtime=3600,
        mode="job",
        input=(Mount("mckay/datasets/mnist/1", "mnist"), Mount("udacity/datasets/celeba/1", "celeba")),
        command="""python a.py && echo "it's on" | tee log""",
    )
    assert config.warnings == ()
    task = config.for_task("evaluate")
    assert (task.machine, task.env) == ("cpu", "pytorch-1.4")
    assert task.input == (Mount("mckay/projects/p/3/output", "input"),)


def test_the_older_dialect() -> None:
    config = parse_config("data:\n  - mckay/datasets/mnist/1:mnist\n", PATH)
    assert config.settings.input == (Mount("mckay/datasets/mnist/1", "mnist"),)
    assert parse_config("data: mnist/2\n", PATH).settings.input == (Mount("mnist/2", "mnist"),)


@pytest.mark.parametrize("text", ["", "# only\n# comments\n", "---\n", "command:\n", "task:\n", "input: []\n"])
def test_a_file_that_says_nothing(text: str) -> None:
    settings = parse_config(text, PATH).settings
    assert (settings.command, settings.says_gpus, settings.input or ()) == (None, False, ())


def test_our_own_keys() -> None:
    config = parse_config(
        "gpus: 2\nlimits: {memory: 8GiB, cpus: 1.5, shm_size: 1G, pids: 100}\ntags: [a, b, a]\n"
        "env_vars: {SEED: 3, FAST: yes, NAME: x}\nmax_runtime: 2h30m\n"
        "gpu_memory: 8GiB\npriority: -5\nafter: [3, mnist/4, 3]\n",
        PATH,
    )
    assert config.settings == RunSettings(
        gpus=2,
        limits=Limits(8 * 1024**3, 1.5, 100, 10**9),
        tags=("a", "b"),
        env_vars={"SEED": "3", "FAST": "true", "NAME": "x"},
        max_runtime=9000,
        gpu_memory=8 * 1024**3,
        priority=-5,
        after=("3", "mnist/4"),
    )


@pytest.mark.parametrize(
    "value",
    [
        "10:30m",
        "10%:1800",
        "{min_gpu_utilization: 10, time_window: 30m}",
        "{min_gpu_utilization: 10.0, time_window: 1800}",
    ],
)
def test_a_utilization_policy_in_both_forms(value: str) -> None:
    found = parse_config(f"utilization_policy: {value}\n", PATH).settings.utilization_policy
    assert found == UtilizationPolicy(10.0, 1800)


def test_anchors_are_merged() -> None:
    config = parse_config("task:\n  a: &a {command: x, env: e}\n  b:\n    <<: *a\n    command: y\n", PATH)
    assert config.for_task("b") == RunSettings(command="y", env="e")


def test_unknown_keys_get_a_word() -> None:
    config = parse_config("comand: x\nzzz: 1\n", PATH)
    assert config.settings == NOTHING_SAID
    assert config.warnings == (
        "floyd.yml:1: 'comand' is not a key of floyd.yml; did you mean 'command'?",
        "floyd.yml:2: 'zzz' is not a key of floyd.yml.",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("env: x\nmachine: gpuu\n", "floyd.yml:2: machine: 'gpuu' is not one of .* did you mean gpu"),
        ("command: 3\n", "floyd.yml:1: command: 3 is not text"),
        ("command: [a, b]\n", "floyd.yml:1: command: .* is not text"),
        ("retry: often\n", "floyd.yml:1: retry: 'often' is not a retry; write 3, or such as 3 on .lost, oom, exit 75."),
        ("retry: 3 on [sunday]\n", "floyd.yml:1: retry: 'sunday' is no end to try again after"),
        ("max_runtime: soon\n", "floyd.yml:1: max_runtime: 'soon' is not a duration"),
        ("utilization_policy: 30m\n", "floyd.yml:1: utilization_policy: '30m' is not PERCENT:TIME, such as 10:30m."),
        ("utilization_policy: low:30m\n", "floyd.yml:1: utilization_policy: 'low:30m' is not PERCENT:TIME"),
        ("utilization_policy: 200:30m\n", "floyd.yml:1: utilization_policy: min_gpu_utilization is 200; it is a"),
        (
            "utilization_policy: {time_window: 3}\n",
            "floyd.yml:1: utilization_policy: it is made of `min_gpu_utilization",
        ),
        ("max_runtime: -5\n", "floyd.yml:1: max_runtime: '-5' is not a duration"),
        ("gpus: many\n", "floyd.yml:1: gpus: 'many' is not a number of GPUs"),
        ("gpus: true\n", "floyd.yml:1: gpus: True is not a number of GPUs"),
        ("limits: {memory: lots}\n", "floyd.yml:1: limits: 'lots' is not a size"),
        ("limits: {ram: 1G}\n", "floyd.yml:1: limits: 'ram' is not a limit"),
        ("env_vars: [A]\n", "floyd.yml:1: env_vars"),
        ("\ninput:\n  - {source: a, target: b}\n", "floyd.yml:2: .* is not an input; write SOURCE:DESTINATION"),
        ("input: [5]\n", "floyd.yml:1: 5 is not an input"),
        ("input: ['a:..']\n", "floyd.yml:1: The input a:.. cannot be mounted"),
        ("input: ['a:/']\n", "floyd.yml:1: The input a:/ has no name"),
        ("input: ['a/1:x', 'b/2:/x/']\n", "floyd.yml:1: a/1 and b/2 would both be mounted at x"),
        ("command: x\ncommand: y\n", "floyd.yml:2: 'command' is there twice"),
        ("- a\n- b\n", "floyd.yml:1: a floyd.yml is a list of keys"),
        ("just words\n", "floyd.yml:1: a floyd.yml is a list of keys"),
        ("a: [\n", "floyd.yml:2 is not YAML"),
        ("a: !!python/object:os.system x\ncommand: !!python/object:os.system x\n", "floyd.yml:2: cannot be understood"),
        ("command: 'a\0b'\n", "not YAML"),
        ("task: [a]\n", "floyd.yml:1: `task:` holds named sections"),
        ("task:\n  a:\n    mode: jup\n", "floyd.yml:3: mode: 'jup' is not one of"),
    ],
)
def test_what_cannot_be_right_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said) as caught:
        parse_config(text, PATH)
    assert caught.value.hint


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_is_a_traceback(text: str) -> None:
    with contextlib.suppress(ProjectError):
        assert parse_config(text, PATH).path == PATH


def test_flags_go_over_tasks_go_over_the_file() -> None:
    config = parse_config("machine: gpu\nenv: a\ngpus: 4\ntask: {t: {env: b, machine: cpu}}\n", PATH)
    assert config.for_task(None).gpus == 4
    assert (config.for_task("t").machine, config.for_task("t").gpus) == ("cpu", None)
    share = RunSettings(gpu_memory=1).over(config.for_task(None))
    assert (share.machine, share.gpus, share.gpu_memory) == ("gpu", None, 1)
    assert RunSettings(env="c", gpus=2).over(config.for_task("t")) == RunSettings(machine="cpu", env="c", gpus=2)
    with pytest.raises(ProjectError, match="no task 'u'") as caught:
        config.for_task("u")
    assert caught.value.hint == "It has: t."


def test_files_are_found_and_two_are_too_many(tmp_path: Path) -> None:
    assert load_config(tmp_path).settings == NOTHING_SAID
    (tmp_path / "floyd.yaml").write_text("command: x\n", "utf-8-sig")
    assert load_config(tmp_path).settings.command == "x"
    (tmp_path / "floyd.yml").write_text("command: y\n")
    with pytest.raises(ProjectError, match=r"has both floyd\.yml and floyd\.yaml"):
        load_config(tmp_path)
    (tmp_path / "floyd.yaml").unlink()
    (tmp_path / "floyd.yml").write_bytes(b"command: \xff\n")
    with pytest.raises(ProjectError, match="cannot be read"):
        load_config(tmp_path)
