"""The study: its grid, and the file that keeps its rows."""

import subprocess
import sys
import time

import pandas as pd
import pytest

import reproduce
from conftest import ROOT, environment, error_line, metrics, run


def row(experiment="mlp_256", seed=0, **more):
    facts = dict.fromkeys(reproduce.FACTS, "x")
    return {"experiment": experiment, "seed": seed, **dict.fromkeys(reproduce.NUMBERS, 0.5), **facts} | more


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """results/runs.csv with three finished runs, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1, 2):
        reproduce.add_run(row(seed=seed, test_accuracy=0.97 + seed / 1000))
    return tmp_path / reproduce.RUNS


def test_rows_come_back_as_they_were(runs):
    found = reproduce.read_runs()
    assert list(found["seed"]) == [0, 1, 2] and list(found["test_accuracy"]) == [0.97, 0.971, 0.972]
    assert list(found) == reproduce.COLUMNS and list(found["host"]) == ["x"] * 3


def test_adding_a_run_leaves_the_others_as_they_were(runs):
    before = runs.read_text()
    reproduce.add_run(row("cnn", 7, test_accuracy=1 / 3))
    assert runs.read_text().startswith(before)
    assert reproduce.read_runs()["test_accuracy"].iloc[-1] == 1 / 3
    assert list(runs.parent.iterdir()) == [runs]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda lines: [*lines, lines[2]], "line 5 repeats an earlier run"),
        (lambda lines: [*lines[:2], lines[2].replace("0.971", "97.1"), lines[3]], "line 3 is damaged"),
        (lambda lines: [*lines[:2], lines[2].replace("0.971", "good"), lines[3]], "line 3 is damaged"),
        (lambda lines: [*lines[:3], lines[3][:40]], "line 4 is damaged"),
        (lambda lines: [*lines[:2], lines[2] + ",1", lines[3]], "line 3"),
        (lambda lines: [*lines[:3], lines[3].replace("mlp_256", "mlp_255")], "line 4 is damaged"),
        (lambda lines: [*lines[:3], lines[3].replace("mlp_256,2", "mlp_256,2.5")], "line 4 is damaged"),
        (lambda lines: lines[1:], "line 1"),
        (lambda lines: [], "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_and_left_alone(runs, damage, complaint):
    runs.write_text("\n".join(damage(runs.read_text().splitlines())) + "\n")
    before = runs.read_bytes()
    line = error_line(run(runs.parent.parent, ROOT / "reproduce.py", "--dry-run"), 1)
    assert complaint in line and "runs.csv" in line
    assert runs.read_bytes() == before


def test_the_grid_leaves_out_what_is_done(runs):
    process = run(
        runs.parent.parent, ROOT / "reproduce.py", "--dry-run", "--seeds", "5", "--experiments", "mlp_256", "cnn"
    )
    assert process.returncode == 0 and process.stderr == ""
    assert "2 experiments x 5 seeds: 10 runs, 7 of them to do" in process.stdout
    assert "slide 12, 2 to do" in process.stdout and "slide 29, 5 to do" in process.stdout
    assert len(pd.read_csv(runs)) == 3


def test_an_unknown_experiment(tmp_path):
    assert "invalid choice: 'cnn7'" in error_line(run(tmp_path, ROOT / "reproduce.py", "--experiments", "cnn7"), 2)


def test_the_pictures_are_drawn_from_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mlp_256", "cnn", "mlp_800"):
        for seed in range(3):
            reproduce.add_run(row(name, seed))
    assert [path.name for path in reproduce.draw(reproduce.read_runs())] == ["gap.png", "accuracy.png", "curves.png"]
    reproduce.add_run(row("mlp_800_of_3000", 0))
    assert [path.name for path in reproduce.draw(reproduce.read_runs())][-1] == "sizes.png"
    assert all(path.stat().st_size > 10000 for path in (tmp_path / reproduce.PLOTS).iterdir())


SHORT = ["--experiments", "mlp_800_of_3000", "--seeds", "3"]


@pytest.mark.training
def test_a_killed_study_goes_on_where_it_stopped(tmp_path, mnist_folder):
    file = tmp_path / reproduce.RUNS
    command = [sys.executable, ROOT / "reproduce.py", *SHORT]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL) as process:
        while not file.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    before = file.read_text()
    assert len(before.splitlines()) in (2, 3)
    process = run(tmp_path, ROOT / "reproduce.py", *SHORT)
    assert process.returncode == 0 and process.stderr == ""
    assert file.read_text().startswith(before)
    found = pd.read_csv(file)
    assert list(found["seed"]) == [0, 1, 2] and found["test_accuracy"].between(0.9, 0.95).all()
    assert "| mlp_800_of_3000 | 3 |" in (tmp_path / reproduce.SUMMARY).read_text(encoding="utf-8")
    assert "3 runs, 0 of them to do" in run(tmp_path, ROOT / "reproduce.py", *SHORT).stdout


@pytest.mark.training
def test_a_run_of_the_study_is_the_scripts_run(tmp_path, mnist_folder):
    assert run(tmp_path, ROOT / "reproduce.py", "--experiments", "mlp_256", "--seeds", "1").returncode == 0
    assert run(tmp_path, ROOT / "mlp.py", "--dataset", "mnist").returncode == 0
    (study,) = pd.read_csv(tmp_path / reproduce.RUNS).to_dict("records")
    script = metrics(tmp_path, "mlp_256")
    for name in ("test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "dataset_sha256"):
        assert study[name] == script[name]
    assert study["accuracy_10"] == study["train_accuracy"] and study["val_accuracy_10"] == study["validation_accuracy"]
