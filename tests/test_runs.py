"""models/<run>/: saved whole, read back as it was, and one line where it is damaged."""

import argparse
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mlp
from conftest import RUN, read_metrics
from digits import runs
from digits.errors import UserError

SCORES = {"test_loss": float("nan"), "test_accuracy": 0.9758, "confusion_matrix": np.eye(10, dtype=int)}


@pytest.fixture
def folder(trained_copy, monkeypatch):
    """The current folder, with a copy of the saved runs."""
    monkeypatch.chdir(trained_copy)
    return trained_copy


def save(name="mlp_256", planned=2, accuracies=(0.5, 0.75), stopped=False):
    args = argparse.Namespace(run=name, seed=3, batch_size=200, validation_split=0.2, epochs=planned)
    model = mlp.build_model()
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    model.stop_training = stopped
    curves = {"accuracy": list(accuracies), "loss": [1.0] * len(accuracies)}
    params = {"epochs": planned, "steps": 240}
    history = SimpleNamespace(params=params, epoch=list(range(len(accuracies))), history=curves)
    return runs.save(model, history, args, **SCORES)


def test_a_run_is_read_back_as_it_was_saved(folder, tensorflow):
    run = save()
    assert set(run.metrics) == {
        *("run", "date", "deck_model", "seed", "batch_size", "validation_split"),
        *("parameters", "train_accuracy", "validation_accuracy", "epochs", "planned_epochs", "interrupted", "flags"),
        *("versions", "device", "test_loss", "test_accuracy", "confusion_matrix"),
    }
    again = runs.load_run("mlp_256")
    assert again.metrics == run.metrics == read_metrics(folder, "mlp_256")
    pd.testing.assert_frame_equal(again.history, run.history)
    assert runs.load_model("mlp_256").count_params() == run.metrics["parameters"] == 203530
    assert run.metrics["test_accuracy"] == 0.9758 and run.metrics["train_accuracy"] == 0.75
    assert run.metrics["test_loss"] is None and not run.metrics["interrupted"]
    assert run.metrics["validation_accuracy"] is None and run.metrics["flags"]["seed"] == 3


def test_names(folder, tensorflow):
    assert save(planned=3).name == "mlp_256_interrupted"
    assert save("cnn", planned=3, stopped=True).name == "cnn"  # by a callback
    assert runs.list_runs() == ["cnn", RUN.replace("mlp_256", "cnn"), RUN, "mlp_256_interrupted"]


def test_a_run_that_cannot_be_saved_leaves_the_earlier_one(folder, tensorflow, monkeypatch):
    save()
    before = {path: path.read_bytes() for path in (folder / "models/mlp_256").iterdir()}
    monkeypatch.setattr(runs, "write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save()
    assert {path: path.read_bytes() for path in (folder / "models/mlp_256").iterdir()} == before
    assert not list(folder.glob("models/.*"))


def test_metrics_that_cannot_be_written_are_one_line(folder, monkeypatch, capsys):
    def refuse(path, content):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(runs, "write_json", refuse)
    run = runs.update(runs.load_run(RUN), test_accuracy=0.5)
    assert run.metrics["test_accuracy"] == 0.5
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["model.keras", "history.csv", "metrics.json"])
def test_a_damaged_run_is_a_users_error_that_names_it(folder, tensorflow, file):
    path = folder / "models" / RUN / file
    content = path.read_bytes()
    for damaged in (b"", content[: len(content) // 3], b"\x00\xffn" * 99, None):
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        with pytest.raises(UserError, match=RUN):
            (runs.load_model if file == "model.keras" else runs.load_run)(RUN)
        path.touch()


def test_an_unknown_run_names_those_there_are(folder):
    with pytest.raises(UserError, match=f"no saved run nope in /.*/models; saved are: .*{RUN}"):
        runs.load_run("nope")


def test_a_metrics_file_that_lacks_something(folder):
    path = folder / "models" / RUN / "metrics.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"train_accuracy"', '"train"'), encoding="utf-8")
    with pytest.raises(UserError, match=f"models/{RUN} is damaged, train it again.*has no train_accuracy"):
        runs.load_run(RUN)


def test_a_model_of_another_keras(folder, tensorflow, monkeypatch):
    import keras

    def cannot_load(path, compile):
        raise TypeError("Unknown layer: 'Denser'")

    words = f"Keras {keras.__version__} wrote it, this is Keras 4.0.0; Unknown layer: 'Denser'"
    monkeypatch.setattr(keras, "__version__", "4.0.0")
    monkeypatch.setattr(keras.saving, "load_model", cannot_load)
    with pytest.raises(UserError, match=words):
        runs.load_model(RUN)
