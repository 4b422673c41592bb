"""From a folder to a launch, and to a job on a host (the fake one: the real one is in tests/integration)."""

from __future__ import annotations

from pathlib import Path

import pytest

from floyd_tui.client.fake import FakeLink
from floyd_tui.client.fake_data import laptop_host
from floyd_tui.errors import ProjectError
from floyd_tui.project.config import RunSettings
from floyd_tui.project.link import write_link
from floyd_tui.project.run import Stage, adjust, prepare, relaunch, submit, upload_dataset
from runner.models import Job, JobState, Launch, Limits, Mount


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    write_link(folder, "mnist")
    (folder / "floyd.yml").write_text(
        "machine: gpu\nenv: pytorch-2.4\ndescription: base\ninput: ['digits:data']\ncommand: python a.py\n"
        "limits: {memory: 1G}\nenv_vars: {A: 1}\ntask:\n  eval: {command: python e.py, machine: cpu}\n"
    )
    return folder


@pytest.fixture
def link() -> FakeLink:
    return FakeLink("local", laptop_host())


def test_the_file_makes_the_launch(project: Path) -> None:
    (project / "src").mkdir()
    draft = prepare(project / "src")
    assert draft.folder == project
    assert draft.launch == Launch(
        "mnist",
        "python a.py",
        mounts=(Mount("digits", "data"),),
        environment="pytorch-2.4",
        message="base",
        machine="gpu",
        env={"A": "1"},
        limits=Limits(memory=10**9),
    )
    assert draft.notes == (f"The project is the folder {project}.",)


def test_requirements_are_not_passed_over_in_silence(project: Path) -> None:
    (project / "floyd_requirements.txt").write_text("tqdm\n")
    (note,) = prepare(project).notes
    assert "floyd_requirements.txt is not installed" in note


def test_flags_win_and_add_to_variables_and_limits(project: Path) -> None:
    flags = RunSettings(
        command="x",
        gpus=2,
        env="e",
        input=(),
        env_vars={"B": "2"},
        limits=Limits(cpus=2.0),
        max_runtime=60,
        tags=("t",),
    )
    launch = prepare(project, flags, task="eval", executor="process", project="other").launch
    assert launch == Launch(
        "other", "x", environment="e", message="base", machine="cpu", gpus=2, max_runtime=60, tags=("t",),
        executor="process", env={"B": "2"}, limits=Limits(cpus=2.0),
    )  # fmt: skip
    assert prepare(project, RunSettings(machine="cpu")).launch.machine == "cpu"
    none = prepare(project, RunSettings(gpus=0)).launch
    assert (none.machine, none.gpus) == (None, 0)
    share = prepare(project, RunSettings(gpu_memory=5, priority=2, after=("1",), hold=True)).launch
    assert (share.machine, share.gpus, share.gpu_memory) == ("gpu", 0, 5)
    assert (share.priority, share.after, share.held) == (2, ("1",), True)


def test_what_cannot_be_run_says_why(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not a project yet") as caught:
        prepare(tmp_path)
    assert "floyd-tui init" in caught.value.hint
    with pytest.raises(ProjectError, match="no task 'tune'"):
        prepare(project, task="tune")
    with pytest.raises(ProjectError, match="'jupyter' is not run here yet"):
        prepare(project, RunSettings(mode="jupyter"))
    with pytest.raises(ProjectError, match="'1X' cannot be an environment variable"):
        prepare(project, RunSettings(env_vars={"1X": ""}))
    with pytest.raises(ProjectError, match="cannot be a project name"):
        prepare(project, project="a b")
    (project / "floyd.yml").unlink()
    with pytest.raises(ProjectError, match="Nothing says what to run"):
        prepare(project)


def test_a_relaunch_keeps_what_is_not_said() -> None:
    job = Job(
        "ada", "mnist", 3, JobState.FAILED, "python a.py", 0.0, code="c" * 64, gpus=1, env={"A": "1"},
        limits=Limits(memory=5), message="old",
    )  # fmt: skip
    again = relaunch(job, RunSettings(env_vars={"B": "2"}, limits=Limits(cpus=1.0), machine="cpu"))
    assert (again.command, again.code_from, again.relaunched_from) == ("python a.py", job.name, job.name)
    assert (again.env, again.limits, again.gpus) == ({"A": "1", "B": "2"}, Limits(memory=5, cpus=1.0), 0)
    assert adjust(again, RunSettings(command="y")).message == "old"


async def test_submit_sends_the_folder_and_launches(project: Path, link: FakeLink) -> None:
    draft = prepare(project)
    stages: list[Stage] = []
    job = await submit(link, draft.folder, draft.launch, stages.append)
    assert job.code is not None
    assert [entry.path for entry in link.host.trees[job.code]] == ["floyd.yml"]
    assert (project / "floyd.yml").read_bytes() in link.host.blobs.values()
    phases = [stage.phase for stage in stages]
    assert phases == sorted(phases, key=["scanning", "comparing", "uploading", "launching"].index)
    sent = [stage for stage in stages if stage.phase == "uploading"][-1]
    assert sent.done_bytes == sent.total_bytes == (project / "floyd.yml").stat().st_size
    assert sent.snapshot is not None
    assert [str(one.rule) for one in sent.snapshot.left_out] == [".floydexpt (built in)"]


async def test_an_empty_folder_is_no_code(tmp_path: Path, link: FakeLink) -> None:
    write_link(tmp_path, "bare")
    job = await submit(link, tmp_path, Launch("bare", "nvidia-smi"))
    assert job.code is None


async def test_a_dataset_needs_a_name_and_content(tmp_path: Path, link: FakeLink) -> None:
    with pytest.raises(ProjectError, match="cannot be a dataset name"):
        await upload_dataset(link, tmp_path, "a b")
    with pytest.raises(ProjectError, match="nothing in"):
        await upload_dataset(link, tmp_path, "digits")
    (tmp_path / "x.pyc").write_text("data")
    added = await upload_dataset(link, tmp_path, "odd", "first")
    assert (added.created, added.version.files, added.version.message) == (True, 1, "first")
