"""The folder from which a class installs without a network: `python -m lab.offline FOLDER`."""

import re
import shutil
import subprocess
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from digits import flags
from digits.errors import UserError
from lab import offline

LINKS = r'(?:href|src)="(?!https:)([^"#]*)#?([^"]*)"'
TRACKED = ["mlp.py", "README.md", "README.zh-TW.md", "digits/flags.py", "lab/lab.md", "lab/lab.zh-TW.md"]


@pytest.fixture
def pip(monkeypatch):
    """The commands that are run instead of a download; `returncode` is what pip ends with."""
    calls = SimpleNamespace(commands=[], returncode=0)

    def run(command, **_):
        if command[0] == "git":
            return SimpleNamespace(stdout="\0".join([*TRACKED, "lab/answers.md\0"]))
        calls.commands.append(list(map(str, command)))
        return calls

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_it_holds_packages_for_each_system_and_what_git_tracks_without_the_answers(tmp_path, pip):
    flags.run_command(offline.main, offline.parser, [f"{tmp_path}/class", "--for", "windows", "macos"])
    windows, macos = pip.commands
    assert "--platform=win_amd64" in windows and "--platform=macosx_12_0_arm64" in macos
    assert windows[-1] == macos[-1] == "pillow-heif"
    scripts = tmp_path / "class" / "mnist"
    found = {path.relative_to(scripts).as_posix() for path in scripts.rglob("*") if path.is_file()}
    assert found == {*TRACKED, "lab/lab.html", "lab/lab.zh-TW.html"}
    for name, other in (("lab", "lab.zh-TW"), ("lab.zh-TW", "lab")):
        page = (scripts / "lab" / f"{name}.html").read_text(encoding="utf-8")
        assert f'href="{other}.html"' in page and "<table>" in page and "answers.md" not in page
        for path, heading in re.findall(LINKS, page):
            assert (scripts / "lab" / path).exists() if path else f'id="{unquote(heading)}"' in page


@pytest.mark.skipif(not shutil.which("git") or not (offline.ROOT / ".git").exists(), reason="needs a clone, and git")
def test_the_files_are_those_that_git_tracks():
    names = {path.as_posix() for path in offline.list_scripts()}
    assert {"mlp.py", "data/mnist.npz", "plots/gallery/cnn/accuracy.png"} <= names
    assert not any("answers" in name for name in names)


@pytest.mark.parametrize("name", ["PATH", "GIT_DIR"])
def test_without_git_or_a_clone_it_is_one_line(monkeypatch, name):
    monkeypatch.setenv(name, "missing")
    with pytest.raises(UserError, match="git must be installed"):
        offline.list_scripts()


def test_a_folder_that_will_not_do_and_a_download_that_fails_are_one_line(tmp_path, pip, capsys):
    (tmp_path / "used" / "mnist").mkdir(parents=True)
    pip.returncode = 1
    folders = {"used": "move it away", "new": "pip could not download", offline.ROOT / "class": "name a folder outside"}
    for folder, words in folders.items():
        with pytest.raises(SystemExit):
            flags.run_command(offline.main, offline.parser, [f"{tmp_path / folder}"])
        assert words in capsys.readouterr().err
    assert not (tmp_path / "new" / "mnist").exists()
