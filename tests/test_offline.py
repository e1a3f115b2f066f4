"""The folder from which a class installs without a network: `python -m docs.offline FOLDER`."""

import subprocess
from types import SimpleNamespace

import pytest

from digits import flags
from docs import offline


@pytest.fixture
def pip(monkeypatch):
    """The commands that are run instead of a download of 500 MB; `returncode` is what pip ends with."""
    calls = SimpleNamespace(commands=[], returncode=0)
    monkeypatch.setattr(subprocess, "run", lambda command: calls.commands.append(list(map(str, command))) or calls)
    return calls


def test_it_holds_packages_for_each_system_mnist_and_the_scripts_without_the_lecturers_runs(tmp_path, pip):
    flags.run_command(offline.main, offline.parser, [f"{tmp_path}/class", "--for", "windows", "macos"])
    scripts = tmp_path / "class" / "mnist"
    windows, macos = pip.commands
    assert "--platform=win_amd64" in windows and "--platform=macosx_12_0_arm64" in macos
    for name in ("mlp.py", "digits/cli.py", "docs/lab.zh-TW.md", "results/runs.csv", "plots/gallery/cnn/accuracy.png"):
        assert (scripts / name).is_file()
    assert not any((scripts / name).exists() for name in (".git", "models", "data/x"))
    assert {path.name for path in (scripts / "plots").iterdir()} == {"README.md", "gallery"}
    assert {path.name for path in (scripts / "data").iterdir()} == {"README.md", "mnist.npz"}


def test_a_folder_that_will_not_do_and_a_download_that_fails_are_one_line(tmp_path, pip, capsys):
    (tmp_path / "used" / "mnist").mkdir(parents=True)
    pip.returncode = 1
    for folder, words in (("used", "move it away"), ("new", "pip could not download")):
        with pytest.raises(SystemExit):
            flags.run_command(offline.main, offline.parser, [f"{tmp_path / folder}"])
        assert words in capsys.readouterr().err
    assert not (tmp_path / "new" / "mnist").exists()
    with pytest.raises(SystemExit):
        flags.run_command(offline.main, offline.parser, [f"{offline.ROOT / 'class'}"])
    assert "name a folder outside" in capsys.readouterr().err
