"""The study: its grid, and the file that keeps its rows."""

import pandas as pd
import pytest

import reproduce
import study
from conftest import ROOT, error_line, metrics, run


def row(experiment="mlp_256", seed=0, **more):
    known = dict.fromkeys(study.NUMBERS, 0.5) | {"experiment": experiment, "seed": seed, "threads": 1}
    return dict.fromkeys(study.COLUMNS, "x") | known | more


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """results/runs.csv with three finished runs, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1, 2):
        study.add_run(row(seed=seed, test_accuracy=0.97 + seed / 1000))
    return tmp_path / study.RUNS


def test_rows_come_back_as_they_were(runs):
    found = study.read_runs()
    assert list(found["seed"]) == [0, 1, 2] and list(found["test_accuracy"]) == [0.97, 0.971, 0.972]
    assert list(found) == study.COLUMNS and list(found["host"]) == ["x"] * 3


def test_adding_a_run_leaves_the_others_as_they_were(runs):
    before = runs.read_text()
    study.add_run(row("cnn", 7, test_accuracy=1 / 3))
    assert runs.read_text().startswith(before)
    assert study.read_runs()["test_accuracy"].iloc[-1] == 1 / 3
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
        (lambda lines: [*lines[:3], lines[3].replace(",1,x", ",,x")], "line 4 is damaged"),
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
    assert "10 runs, 7 of them to do" in process.stdout
    assert "slide 12, 2 to do" in process.stdout and "slide 29, 5 to do" in process.stdout
    assert len(pd.read_csv(runs)) == 3


def test_an_unknown_experiment(tmp_path):
    assert "invalid choice: 'cnn7'" in error_line(run(tmp_path, ROOT / "reproduce.py", "--experiments", "cnn7"), 2)


def test_the_pictures_are_drawn_from_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mlp_256", "cnn", "mlp_800"):
        for seed in range(3):
            study.add_run(row(name, seed))
    assert [path.name for path in reproduce.draw(study.read_runs())] == ["gap.png", "accuracy.png", "curves.png"]
    study.add_run(row("mlp_800_of_3000", 0))
    assert [path.name for path in reproduce.draw(study.read_runs())][-1] == "sizes.png"
    assert all(path.stat().st_size > 10000 for path in (tmp_path / reproduce.PLOTS).iterdir())


def test_the_estimate_goes_by_the_rows_that_are_there(runs):
    missing = [("mlp_256", 3), ("mlp_256", 4), ("cnn", 0)]
    study.add_run(row(seed=9, seconds=0.7))
    study.add_run(row(seed=10, seconds=1000, threads=4))
    expected = (2 * (3 * 0.5 + 0.7) / 4 + study.EXPERIMENTS["cnn"].seconds) / 60
    assert reproduce.minutes(missing, study.read_runs(), threads=1) == pytest.approx(expected)


def test_a_run_that_another_process_added_is_not_there_twice(runs):
    before = runs.read_bytes()
    study.add_run(row(seed=1, test_accuracy=0.5))
    assert runs.read_bytes() == before


def test_the_order_of_the_rows_does_not_matter(tmp_path, monkeypatch):
    texts = []
    for order in (1, -1):
        folder = tmp_path / str(order)
        folder.mkdir()
        monkeypatch.chdir(folder)
        for name in ["mlp_256", "mlp_800", "cnn"][::order]:
            for seed in [0, 1, 2][::order]:
                study.add_run(row(name, seed, test_accuracy=0.9 + seed / 100))
        command = ["--seeds", "3", "--experiments", "mlp_256", "mlp_800", "cnn"]
        process = run(folder, ROOT / "reproduce.py", *command)
        assert process.returncode == 0 and process.stderr == ""
        texts.append((folder / reproduce.SUMMARY).read_text(encoding="utf-8"))
    assert texts[0] == texts[1] and "| cnn | 3 |" in texts[0]


ONE_AFTER_THE_OTHER = ["--workers", "1", "--experiments"]


@pytest.mark.training
def test_a_run_of_the_study_is_the_scripts_run(tmp_path, mnist_folder):
    assert run(tmp_path, ROOT / "reproduce.py", *ONE_AFTER_THE_OTHER, "mlp_256", "--seeds", "1").returncode == 0
    assert run(tmp_path, ROOT / "mlp.py", "--dataset", "mnist").returncode == 0
    (found,) = pd.read_csv(tmp_path / study.RUNS).to_dict("records")
    script = metrics(tmp_path, "mlp_256")
    for name in ("test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "dataset_sha256"):
        assert found[name] == script[name]
    assert found["accuracy_10"] == found["train_accuracy"] and found["val_accuracy_10"] == found["validation_accuracy"]
