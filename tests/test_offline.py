"""The folder from which a class installs without a network: `python -m lab.offline FOLDER`."""

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from digits import flags
from digits.errors import UserError
from lab import offline

LINKS = r'(?:href|src)="(?!https:)([^"#]*)#?([^"]*)"'
TRACKED = ["mlp.py", "README.md", "README.zh-TW.md", "lab/lab.md", "lab/lab.zh-TW.md", "lab/answers.md"]


@pytest.fixture
def pip(monkeypatch):
    """The commands that are run instead of a download; `returncode` is what pip ends with, `tracked` what git knows."""
    calls = SimpleNamespace(commands=[], returncode=0, tracked=TRACKED)

    def run(command, **_):
        if command[0] == "git":
            return SimpleNamespace(returncode=0, stdout="\0".join(calls.tracked))
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
    assert found == {*TRACKED, "lab/lab.html", "lab/lab.zh-TW.html"} - {"lab/answers.md"}


def test_the_worksheet_is_a_web_page_whose_links_work(tmp_path, pip):
    offline.copy_scripts(map(Path, TRACKED[:-1]), tmp_path)
    for name, other in (("lab", "lab.zh-TW"), ("lab.zh-TW", "lab")):
        page = (tmp_path / "lab" / f"{name}.html").read_text(encoding="utf-8")
        assert f'href="{other}.html"' in page and "<table>" in page and "answers.md" not in page
        for path, heading in re.findall(LINKS, page):
            assert (tmp_path / "lab" / path).exists() if path else f'id="{unquote(heading)}"' in page


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_the_files_are_those_that_git_tracks_and_without_a_clone_it_is_one_line(tmp_path, monkeypatch):
    if (offline.ROOT / ".git").exists():
        names = {path.as_posix() for path in offline.list_scripts()}
        assert {"mlp.py", "data/mnist.npz", "plots/gallery/cnn/accuracy.png"} <= names
        assert not any("answers" in name for name in names)
    monkeypatch.setattr(offline, "ROOT", tmp_path)
    with pytest.raises(UserError, match="is not a clone"):
        offline.list_scripts()


def test_a_folder_that_will_not_do_and_a_download_that_fails_are_one_line(tmp_path, pip, capsys):
    (tmp_path / "used" / "mnist").mkdir(parents=True)
    pip.returncode = 1
    folders = {tmp_path / "used": "move it away", offline.ROOT / "class": "name a folder outside"}
    for folder, words in (folders | {tmp_path / "new": "pip could not download"}).items():
        with pytest.raises(SystemExit):
            flags.run_command(offline.main, offline.parser, [f"{folder}"])
        assert words in capsys.readouterr().err
    assert not (tmp_path / "new" / "mnist").exists()
