"""The study: its grid, and the file that keeps its rows."""

import pandas as pd
import pytest

import reproduce
from conftest import ROOT, error_line, run


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
