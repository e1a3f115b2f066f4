"""models/<run>/: saved whole, read back as it was, and one line where it is damaged."""

from pathlib import Path

import pandas as pd
import pytest

import mlp
from conftest import RUN, read_metrics
from digits import runs
from digits.errors import UserError


@pytest.fixture
def folder(trained_copy, monkeypatch):
    """The current folder, with a copy of the saved runs."""
    monkeypatch.chdir(trained_copy)
    return trained_copy


def save(name="mlp_256", planned=2, accuracies=(0.5, 0.75), interrupted=False):
    model = mlp.build_model()
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    history = keras_history()
    history.params, history.epoch = {"epochs": planned, "steps": 240}, list(range(len(accuracies)))
    history.history = {"accuracy": list(accuracies), "loss": [1.0] * len(accuracies)}
    history.interrupted = interrupted
    history.set_model(model)
    return runs.save(runs.Plan(name, {"seed": 3, "epochs": planned}), model, history)


def keras_history():
    import keras

    return keras.callbacks.History()


def test_a_run_is_read_back_as_it_was_saved(folder, tensorflow):
    runs.saved.clear()
    run = save()
    assert set(run.metrics) == {
        *("run", "date", "seed", "arguments", "check", "deck_model", "parameters", "train_accuracy"),
        *("validation_accuracy", "epochs", "planned_epochs", "steps", "optimizer", "interrupted", "bfloat16"),
        *("versions", "device"),
    }
    again = runs.load_run("mlp_256")
    assert again.metrics == run.metrics == read_metrics(folder, "mlp_256")
    pd.testing.assert_frame_equal(again.history, run.history)
    assert runs.load_model("mlp_256").count_params() == run.metrics["parameters"] == 203530
    assert run.metrics["train_accuracy"] == 0.75 and run.metrics["validation_accuracy"] is None
    assert run.metrics["seed"] == run.arguments["seed"] == 3 and run.check == "unchecked"
    assert run.metrics["optimizer"]["class"] == "Adam" and run.metrics["steps"] == 240


def test_names(folder, tensorflow):
    runs.saved.clear()
    assert save(planned=3, interrupted=True).name == "mlp_256_interrupted"
    assert save("cnn", planned=3).name == "cnn"  # stopped by a callback
    assert save("cnn", planned=3).name == "cnn_run2"
    assert runs.save(save("cnn"), mlp.build_model()).name == "cnn_run4"  # as in a loop
    assert runs.list_runs() == ["cnn", "cnn_run2", "cnn_run3", "cnn_run4", "mlp_256_interrupted"]


def test_whatever_is_handed_over_no_model_is_lost(folder, tensorflow):
    for name, history in (("a/b: c", keras_history()), (Path("mine"), {"loss": 0.5}), (7, [0.5, 0.4])):
        run = runs.save(name, mlp.build_model(), history)
        assert runs.load_model(run.name).count_params() == 203530
    assert {"a-b--c", "mine", "7"} <= set(runs.list_runs())


def test_a_run_that_cannot_be_saved_leaves_the_earlier_one(folder, tensorflow, monkeypatch):
    save()
    runs.saved.clear()
    before = {path: path.read_bytes() for path in (folder / "models/mlp_256").iterdir()}
    monkeypatch.setattr(runs, "write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save()
    assert {path: path.read_bytes() for path in (folder / "models/mlp_256").iterdir()} == before
    assert not list(folder.glob("models/.*"))


@pytest.mark.parametrize("file", ["model.keras", "history.csv", "metrics.json"])
def test_a_damaged_run_is_a_users_error_that_names_it(folder, tensorflow, file):
    path = folder / "models" / RUN / file
    content = path.read_bytes()
    lacking = content.replace(b"epoch", b"epic").replace(b"PK", b"KP")
    for damaged in (b"", content[: len(content) // 3], b"\x00\xffn" * 99, lacking, None):
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        with pytest.raises(UserError, match=RUN):
            (runs.load_model if file == "model.keras" else runs.load_run)(RUN)
        path.touch()


def test_an_unknown_run_names_those_there_are(folder):
    with pytest.raises(UserError, match=f"no saved run nope in /.*/models; saved are: .*{RUN}"):
        runs.load_run("nope")


def test_a_model_of_another_keras(folder, tensorflow, monkeypatch):
    import keras

    def cannot_load(path, **options):
        raise TypeError("Unknown layer: 'Denser'")

    words = f"Keras {keras.__version__} wrote it, this is Keras 4.0.0; Unknown layer: 'Denser'"
    monkeypatch.setattr(keras, "__version__", "4.0.0")
    monkeypatch.setattr(keras.saving, "load_model", cannot_load)
    with pytest.raises(UserError, match=words):
        runs.load_model(RUN)
