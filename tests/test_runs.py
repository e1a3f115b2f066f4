"""models/<run>/: saved whole, read back as it was, and one line where it is damaged."""

import argparse
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import mlp
import preprocess
from conftest import read_metrics
from digits import runs
from digits.errors import UserError

RUN = "mlp_256_dryrun_synthetic"
SCORES = {
    "test_loss": float("nan"),
    "test_accuracy": np.float32(0.9758).item(),
    "confusion_matrix": np.eye(10, dtype=int),
    "recall": np.array([0.5] + 9 * [np.nan]),
    "precision": np.ones(10),
}


@pytest.fixture
def folder(tmp_path, monkeypatch, trained_folder):
    """The current folder, with a copy of the saved runs."""
    shutil.copytree(trained_folder / "models", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class History:
    """What `runs.save` takes from Keras's History."""

    def __init__(self, asked, accuracies):
        self.params = {"epochs": asked}
        self.epoch = list(range(len(accuracies)))
        self.history = {"accuracy": accuracies, "loss": [1.0] * len(accuracies)}


def save(name="mlp_256", history=None, dataset="mnist"):
    args = argparse.Namespace(run=name, started=0, seed=3, batch_size=200, validation_split=0.2, epochs=2)
    data = preprocess.Dataset(None, None, None, None, dataset, "abc")
    return runs.save(mlp.build_model(), history or History(2, [0.5, 0.75]), data, args, **SCORES)


def test_a_run_is_read_back_as_it_was_saved(folder, tensorflow):
    run = save()
    again = runs.load_run("mlp_256")
    assert again.metrics == run.metrics == read_metrics(folder, "mlp_256")
    pd.testing.assert_frame_equal(again.history, run.history)
    assert runs.load_model("mlp_256").count_params() == run.metrics["parameters"] == 203530
    assert run.metrics["test_accuracy"] == 0.9758 and run.metrics["train_accuracy"] == 0.75
    assert run.metrics["test_loss"] is None and run.metrics["recall"] == [0.5] + 9 * [None]
    assert run.metrics["validation_accuracy"] is None and run.metrics["flags"]["seed"] == 3


def test_names(folder, tensorflow):
    assert save(dataset="synthetic").name == "mlp_256_synthetic"
    assert save(history=History(3, [0.5])).name == "mlp_256_interrupted"
    assert runs.list_runs() == [RUN.replace("mlp_256", "cnn"), RUN, "mlp_256_interrupted", "mlp_256_synthetic"]


def test_a_run_that_cannot_be_saved_leaves_the_earlier_one(folder, tensorflow, monkeypatch):
    save()
    before = {path: path.read_bytes() for path in (folder / "models/mlp_256").iterdir()}
    monkeypatch.setattr(runs, "write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(history=History(1, [0.1]))
    assert {path: path.read_bytes() for path in (folder / "models/mlp_256").iterdir()} == before
    assert not list(folder.glob("models/.*"))


def test_update_keeps_what_it_does_not_name(folder):
    run = runs.load_run(RUN)
    runs.update(run, test_accuracy=0.25)
    assert read_metrics(folder, RUN) == run.metrics | {"test_accuracy": 0.25}


def test_metrics_hold_what_the_design_names(trained_folder):
    found = read_metrics(trained_folder, RUN)
    assert {
        *("run", "date", "dataset", "dataset_sha256", "seed", "epochs", "batch_size", "validation_split", "parameters"),
        *("test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "recall", "precision"),
        *("confusion_matrix", "flags", "start_seconds", "fit_seconds", "total_seconds", "versions", "device"),
    } == set(found)
    assert found["parameters"] == 203530 and found["epochs"] == 1 and found["flags"]["hidden"] == 256
    matrix = np.array(found["confusion_matrix"])
    assert matrix.shape == (10, 10) and matrix.sum() == 10000
    assert found["test_accuracy"] == matrix.trace() / 10000
    assert 0 < found["fit_seconds"] < found["total_seconds"]


DAMAGES = {"empty": lambda data: b"", "half": lambda data: data[: len(data) // 2], "noise": lambda _: b"\x00\xffn" * 99}


@pytest.mark.parametrize("file", ["model.keras", "history.csv", "metrics.json"])
@pytest.mark.parametrize("damage", [*DAMAGES, "missing"])
def test_a_damaged_run_is_a_users_error_that_names_it(folder, tensorflow, file, damage):
    path = folder / "models" / RUN / file
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(UserError, match=RUN):
        (runs.load_model if file == "model.keras" else runs.load_run)(RUN)


def test_an_unknown_run_names_those_there_are(folder):
    with pytest.raises(UserError, match=f"no saved run nope in /.*/models; saved are: .*{RUN}"):
        runs.load_run("nope")


def test_a_run_of_an_earlier_version_without_validation(folder):
    path = folder / "models" / RUN / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"validation_accuracy": None}))
    (path.parent / "history.csv").write_text("epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.5,,\n")
    assert list(runs.load_run(RUN).history) == ["accuracy", "loss"]
