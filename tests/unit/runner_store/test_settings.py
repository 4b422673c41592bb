"""runner.yml and where the data lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import BadRequest
from runner.limits import Machine
from runner.models import Limits, UtilizationPolicy
from runner.settings import Settings, default_data_dir


def test_no_file_means_defaults(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert settings == Settings(tmp_path)
    assert settings.socket == tmp_path / "runner.sock"


def test_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "runner.yml").write_text("executor: process\nmax_running: 2\nlimits:\n  memory: 1024\n  cpus: 2\n")
    settings = Settings.load(tmp_path)
    assert (settings.executor, settings.max_running, settings.limits) == ("process", 2, Limits(memory=1024, cpus=2.0))


def test_sizes_and_durations_are_numbers_or_words(tmp_path: Path) -> None:
    (tmp_path / "runner.yml").write_text(
        "limits: {memory: 64GiB, shm_size: 500MB}\nmachines: {big: {gpu_memory: 8 GiB, memory: 1024}}\n"
        "disk_reserve: 2G\nmax_runtime: 1d\nstop_grace: 1m30s\nretry_delay: 0.5\ngc_grace: 2h\n"
        "utilization_policy: {min_gpu_utilization: 10, time_window: 30m}\nhints: {seconds: 10m}\n"
    )
    settings = Settings.load(tmp_path)
    assert settings.limits == Limits(memory=64 << 30, shm_size=500_000_000)
    assert settings.machine("big") == Machine(gpu_memory=8 << 30, memory=1024)
    assert (settings.disk_reserve, settings.max_runtime, settings.stop_grace) == (2_000_000_000, 86400, 90.0)
    assert (settings.retry_delay, settings.gc_grace, settings.hints.seconds) == (0.5, 7200.0, 600.0)
    assert settings.utilization_policy == UtilizationPolicy(10.0, 1800)


def test_machines_of_the_host_are_beside_floydhubs_or_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "runner.yml").write_text("machines: {gpu2: {gpus: 4, memory: 1024}, small: {gpu_memory: 5}}\n")
    settings = Settings.load(tmp_path)
    assert settings.machine("gpu") == Machine(gpus=1)
    assert settings.machine("gpu2") == Machine(gpus=4, memory=1024)
    assert settings.machine("small") == Machine(gpu_memory=5)
    with pytest.raises(BadRequest, match="no machine 'tpu'") as told:
        settings.machine("tpu")
    assert told.value.hint == "It has: cpu, cpu2, gpu, gpu2, small."


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_means_defaults(tmp_path: Path, text: str) -> None:
    (tmp_path / "runner.yml").write_text(text)
    assert Settings.load(tmp_path) == Settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("executer: docker", "executer"),
        ("- a list", "whole file"),
        ("data_dir: /x", "data_dir"),
        ("max_running: many", "max_running"),
        ("executor: slurm", "executor"),
        ("limits: {memory: lots}", "memory: 'lots' is not a size; write one such as 8GiB"),
        ("limits: {memory: [1]}", "memory"),
        ("machines: {big: {memory: 8 GiBs}}", "memory: '8 GiBs' is not a size"),
        ("gc_grace: soon", "gc_grace: 'soon' is not a duration; write seconds (3600) or such as 90m"),
        ("max_runtime: 1.5h", "max_runtime: '1.5h' is not a duration"),
        ("disk_reserve: -1", "disk_reserve: -1 is below nothing"),
        ("stop_grace: -0.5", "stop_grace: -0.5 is below nothing"),
        ("max_running: 0", "max_running"),
        ("max_running_each: 0", "max_running_each"),
        ("max_gpus_each: 0", "max_gpus_each"),
        ("machines: {big: {gpus: -1}}", "'big'"),
        ("machines: {big: {gpus: 2, gpu_memory: 1}}", "'big'"),
        ("machines: {big: {gpus: many}}", "gpus"),
        ("a: [", "not YAML"),
        ("\x01", "not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "runner.yml").write_text(text)
    with pytest.raises(BadRequest) as told:
        Settings.load(tmp_path)
    assert named in told.value.detail
    assert "runner.yml" in told.value.detail
    assert told.value.hint


def test_the_folder_comes_from_the_environment() -> None:
    assert default_data_dir({"FLOYD_RUNNER_HOME": "/a", "XDG_DATA_HOME": "/b"}) == Path("/a")
    assert default_data_dir({"XDG_DATA_HOME": "/b"}) == Path("/b/floyd-runner")
    assert default_data_dir({}) == Path.home() / ".local/share/floyd-runner"
