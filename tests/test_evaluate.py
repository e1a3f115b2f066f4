"""The numbers of slide 18 against cases worked by hand, and `python evaluate.py` on good, damaged and missing runs."""

import shutil

import numpy as np
import pandas as pd
import pytest

import evaluate
import report
import saved
from conftest import ROOT, error_line, metrics, run


def test_confusion_matrix_worked_by_hand():
    matrix = evaluate.confusion_matrix([0, 0, 1, 1, 1, 9], [0, 1, 1, 1, 0, 9])
    assert matrix.index.name == "label" and matrix.columns.name == "predict"
    assert matrix.shape == (10, 10)
    assert matrix.loc[0, 0] == 1 and matrix.loc[0, 1] == 1
    assert matrix.loc[1, 0] == 1 and matrix.loc[1, 1] == 2
    assert matrix.loc[9, 9] == 1 and matrix.to_numpy().sum() == 6


def test_recall_and_precision_worked_by_hand():
    recall, precision = evaluate.recall_and_precision(
        evaluate.confusion_matrix([0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 0, 1])
    )
    assert recall[:3].tolist() == [3 / 4, 1 / 2, 0]
    assert precision[:2].tolist() == [3 / 4, 1 / 3]
    assert np.isnan(precision[2])  # nothing was read as a 2
    assert np.isnan(recall[3:]).all() and np.isnan(precision[3:]).all()


def test_certainty_is_rounded_down_and_short():
    shares = np.array([0.99996, 0.509, np.nan], np.float32)
    assert [evaluate.floor_percent(share) for share in shares] == ["99.9%", "50.9%", "nan%"]


class Oracle:
    """A model that returns given probabilities."""

    def __init__(self, probabilities):
        self.probabilities = probabilities

    def predict_on_batch(self, x):
        return self.probabilities[: len(x)]


def test_accuracy_and_loss_worked_by_hand(trained, monkeypatch):
    monkeypatch.chdir(trained)
    labels = np.array([0, 1, 2, 3])
    probabilities = np.full((4, 10), 0.05, np.float32)
    probabilities[np.arange(4), [0, 1, 2, 2]] = 0.55  # three are right, and the label of the fourth has 0.05
    data = evaluate.preprocess.Digits(
        None, None, np.zeros((4, 784), np.float32), evaluate.preprocess.one_hot(labels), "mnist", ""
    )
    evaluate.evaluate(Oracle(probabilities), data, RUN)
    found = metrics(trained, RUN)
    assert found["test_accuracy"] == 0.75
    assert found["test_loss"] == pytest.approx(-(3 * np.log(0.55) + np.log(0.05)) / 4, rel=1e-5)
    assert found["recall"][:4] == [1, 1, 1, 0] and found["recall"][4] is None
    assert found["precision"][2] == 0.5 and found["precision"][3] is None
    assert found["confusion_matrix"][3] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]


RUN = "mlp_256_dryrun_synthetic"


@pytest.fixture(scope="module")
def dry_run(tmp_path_factory):
    """A folder with one saved run, made in seconds."""
    folder = tmp_path_factory.mktemp("dry")
    process = run(folder, ROOT / "mlp.py", "--dataset", "synthetic", "--dry-run")
    assert process.returncode == 0, process.stderr
    return folder


@pytest.fixture
def trained(dry_run, tmp_path):
    shutil.copytree(dry_run, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_script_finds_again_what_training_found(trained):
    before, pictures = metrics(trained, RUN), sorted((trained / "plots" / RUN).iterdir())
    shutil.rmtree(trained / "plots")
    process = run(trained, ROOT / "evaluate.py")
    assert process.returncode == 0 and process.stderr == ""
    assert metrics(trained, RUN) == before
    assert sorted((trained / "plots" / RUN).iterdir()) == pictures
    assert f"{before['test_accuracy']:.4f}" in process.stdout.splitlines()[-2]


def test_a_path_names_a_run_too(trained):
    assert run(trained, ROOT / "evaluate.py", f"models/{RUN}/").returncode == 0


def test_unknown_run(trained):
    assert f"no saved run nope; saved are: {RUN}" in error_line(run(trained, ROOT / "evaluate.py", "nope"), 1)


def test_no_run_at_all(tmp_path):
    assert "`python cnn.py` makes one" in error_line(run(tmp_path, ROOT / "evaluate.py"), 1)


def test_each_damaged_run_is_one_line_and_the_others_are_still_evaluated(trained):
    models, broken = trained / "models", []
    for file in ("model.keras", "history.csv", "metrics.json"):
        content = (models / RUN / file).read_bytes()
        half = content[: len(content) // 2]
        for damage, bad in {"empty": b"", "half": half, "noise": b"\x00\xffnoise" * 99, "missing": None}.items():
            broken.append(f"broken_{file}_{damage}")
            shutil.copytree(models / RUN, models / broken[-1])
            (models / broken[-1] / file).unlink()
            if bad is not None:
                (models / broken[-1] / file).write_bytes(bad)
    process = run(trained, ROOT / "evaluate.py", *broken, RUN)
    assert process.returncode == 1
    lines = process.stderr.strip().splitlines()
    assert len(lines) == len(broken), process.stderr
    for name, line in zip(broken, lines):
        assert name in line
    assert process.stdout.splitlines()[-2].split()[0] == RUN


def test_table_compares_the_decks_runs_only(trained, monkeypatch):
    monkeypatch.chdir(trained)
    models = trained / "models"
    for name in ("cnn", "mlp_256"):
        shutil.copytree(models / RUN, models / name)
    table = report.table(saved.runs()).set_index("run")
    assert list(table.index) == ["mlp_256", "cnn", RUN]  # in the deck's order
    accuracy = metrics(trained, RUN)["test_accuracy"]
    assert table.loc["cnn", "deck"] == 0.9902 and table.loc["cnn", "slide"] == 29
    assert table.loc["mlp_256", "difference"] == pytest.approx(accuracy - 0.9762)
    assert pd.isna(table.loc[RUN, "deck"]) and pd.isna(table.loc[RUN, "difference"])
