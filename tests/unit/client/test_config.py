"""config.yaml: what is read, what is refused and how, and that writing back touches one key only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from floyd_tui.config import Config, Destination, HostConfig, config_folder
from floyd_tui.errors import ConfigError

WRITTEN = """\
# my hosts
theme: floyd-light  # easier on my eyes
hosts:
  # the big one
  gpu1:
    ssh: ada@gpu1.example.org:2222

  gpu2:
    ssh: gpu2   # from ~/.ssh/config
    data_dir: /scratch/ada
# the end
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(text)
    return folder


def test_without_a_file_this_machine_is_the_only_host(tmp_path: Path) -> None:
    config = Config.load(tmp_path / "nothing")
    assert list(config.hosts) == ["local"]
    assert config.hosts["local"].local
    assert config.default_host == "local"
    assert not config.path.exists()


def test_the_environment_names_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOYD_TUI_CONFIG", str(tmp_path / "mine"))
    assert config_folder() == tmp_path / "mine"
    monkeypatch.delenv("FLOYD_TUI_CONFIG")
    assert config_folder().is_relative_to(Path.home())


def test_hosts_are_read_in_their_order(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, WRITTEN))
    assert list(config.hosts) == ["local", "gpu1", "gpu2"]
    assert config.hosts["gpu1"].destination == Destination("gpu1.example.org", "ada", 2222)
    assert config.hosts["gpu2"].data_dir == "/scratch/ada"
    assert config.theme == "floyd-light"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu", Destination("gpu")),
        ("ada@gpu", Destination("gpu", "ada")),
        ("ada@gpu:22022", Destination("gpu", "ada", 22022)),
        ("ssh://ada@gpu:2/", Destination("gpu", "ada", 2)),
        ("10.0.0.7:22", Destination("10.0.0.7", None, 22)),
        ("[::1]:2222", Destination("::1", None, 2222)),
        ("ada@fe80::1", Destination("fe80::1", "ada")),
    ],
)
def test_destinations(text: str, expected: Destination) -> None:
    assert Destination.parse(text) == expected
    assert Destination.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "ada@", "gpu:port", "gpu:0", "gpu:70000", "-oProxyCommand=x", "a b", "gpu/x", "@h"]
)
def test_what_is_no_destination(text: str) -> None:
    with pytest.raises(ValueError, match="user@host"):
        Destination.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hots: {}", "hots"),
        ("default_host: gpu9", "gpu9"),
        ("theme: 3", "theme"),
        ("theme: ''", "theme"),
        ("hosts: [gpu1]", "hosts"),
        ("hosts: {gpu1: ada@gpu1}", "hosts.gpu1"),
        ("hosts: {gpu1: {}}", "hosts.gpu1.ssh"),
        ("hosts: {gpu1: {ssh: a@b, port: 22}}", "hosts.gpu1.port"),
        ("hosts: {gpu1: {ssh: [a]}}", "hosts.gpu1.ssh"),
        ("hosts: {gpu1: {ssh: 'a b'}}", "hosts.gpu1.ssh"),
        ("hosts: {'a/b': {ssh: a@b}}", "a/b"),
        ("hosts: {local: {ssh: a@b}}", "hosts.local"),
        ("keys: {job.stop: 3}", "keys.job.stop"),
        ("- a", "no settings"),
        ("theme: [", "line"),
        ("theme: \x00", "YAML"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    folder = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Config.load(folder)
    assert said in caught.value.message
    assert str(folder / "config.yaml") in caught.value.message
    assert (folder / "config.yaml").read_text() == text


def test_a_near_miss_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="default_host"):
        Config.load(write(tmp_path, "defaulthost: local"))


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path)


def test_adding_a_host_leaves_the_rest_as_it_was_written(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, WRITTEN))
    new = config.with_host(HostConfig("gpu3", "ada@gpu3", identity_file="~/.ssh/gpu3"))
    assert new == Config.load(tmp_path)
    assert new.hosts["gpu3"].identity_file == "~/.ssh/gpu3"
    text = config.path.read_text()
    assert [line for line in WRITTEN.splitlines() if line not in text.splitlines()] == []


def test_changing_and_removing(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, WRITTEN)).with_theme("floyd-dark").with_default_host("gpu2")
    assert "theme: floyd-dark  # easier on my eyes" in config.path.read_text()
    config = config.with_host(HostConfig("gpu1", "gpu1.example.org"))
    assert config.hosts["gpu1"] == HostConfig("gpu1", "gpu1.example.org")
    config = config.without_host("gpu2")
    assert list(config.hosts) == ["local", "gpu1"]
    assert config.default_host == "local"
    assert "# my hosts" in config.path.read_text()


def test_flow_style_is_written_anew_with_every_key(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, "{theme: x, hosts: {a: {ssh: a@b}}, keys: {q: x}}"))
    config = config.with_host(HostConfig("b", "b"))
    data = yaml.safe_load(config.path.read_text())
    assert data == {"theme": "x", "hosts": {"a": {"ssh": "a@b"}, "b": {"ssh": "b"}}, "keys": {"q": "x"}}


def test_what_cannot_be_a_host_is_not_written(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, WRITTEN))
    for host in (HostConfig("gpu3", "a b"), HostConfig("a b", "gpu"), HostConfig("gpu3")):
        with pytest.raises(ConfigError):
            config.with_host(host)
    with pytest.raises(ConfigError, match="gpu9"):
        config.with_default_host("gpu9")
    with pytest.raises(ConfigError, match="gpu9"):
        config.without_host("gpu9")
    assert config.path.read_text() == WRITTEN
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_new_file_is_private_and_a_link_is_followed(tmp_path: Path) -> None:
    config = Config.load(tmp_path / "new").with_host(HostConfig("a", "b"))
    assert stat.S_IMODE(config.path.stat().st_mode) == 0o600
    dotfiles = write(tmp_path / "dotfiles", WRITTEN)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/config.yaml").symlink_to(dotfiles / "config.yaml")
    Config.load(tmp_path / "linked").with_theme("other")
    assert (tmp_path / "linked/config.yaml").is_symlink()
    assert Config.load(dotfiles).theme == "other"


def test_how_much_code_is_asked_about_is_a_size_or_never(tmp_path: Path) -> None:
    assert Config.load(tmp_path / "nothing").large_code == 100 << 20
    assert Config.load(write(tmp_path, "large_code: 2GiB\n")).large_code == 2 << 30
    assert Config.load(write(tmp_path, "large_code: 1000\n")).large_code == 1000
    assert Config.load(write(tmp_path, "large_code: never\n")).large_code is None
    with pytest.raises(ConfigError, match="large_code: 'much' is not a size") as caught:
        Config.load(write(tmp_path, "large_code: much\n"))
    assert "never" in caught.value.hint
