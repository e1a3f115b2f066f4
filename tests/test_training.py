"""training.fit against Keras's own fit, and trainings that are repeated, interrupted, or can't be written down."""

import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import cnn
import mlp
import mlp_dropout
import preprocess
from benchmarks import plain_keras
from conftest import HOME, ROOT, environment, error_line, read_metrics, run_python
from digits import acceleration, synthetic, training
from digits.errors import UserError

pytestmark = pytest.mark.usefixtures("tensorflow")
FAST = ["--dataset", "synthetic", "--dry-run"]
BUILD = {
    "mlp_256": mlp.build_model,
    "mlp_800": lambda: mlp.build_model(800),
    "mlp_dropout": mlp_dropout.build_model,
    "cnn": cnn.build_model,
}


@pytest.fixture(scope="module")
def digits():
    """The first 2100 synthetic digits: 1680 to train with, in nine batches, the last one smaller."""
    arrays = synthetic.draw_digits()
    return preprocess.flatten_and_normalize(arrays["x_train"][:2100]), preprocess.one_hot(arrays["y_train"][:2100])


def compile_model(name):
    import keras

    keras.utils.set_random_seed(5)
    model = BUILD[name]()
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(), metrics=["accuracy"])
    return model


def train(name, digits, fit, **arguments):
    """Train a script's model as the script does, with `fit`, for three epochs; return it."""
    model = compile_model(name)
    fit(model, *digits, **{"validation_split": 0.2, "epochs": 3, "batch_size": 200, "verbose": 0} | arguments)
    return model


def keras_fit(model, *data, **arguments):
    return model.fit(*data, **arguments)


@pytest.mark.parametrize("name", BUILD)
def test_fit_is_a_drop_in_for_keras_bit_by_bit(monkeypatch, digits, name):
    monkeypatch.setattr(acceleration, "fuse_adam", lambda optimizer: None)  # the one thing whose rounding differs
    ours, keras = train(name, digits, training.fit), train(name, digits, keras_fit)
    assert len(ours.get_weights()) >= 4
    assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), keras.get_weights()))
    for curve in ("accuracy", "loss", "val_accuracy"):
        assert ours.history.history[curve] == keras.history.history[curve]
    np.testing.assert_allclose(ours.history.history["val_loss"], keras.history.history["val_loss"], rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_keras_own_fit_before_and_after(digits):
    model, x, y = compile_model("mlp_256"), *digits
    model.fit(x, y, batch_size=200, verbose=0)
    assert model.optimizer.iterations == 11
    training.fit(model, x, y, batch_size=20, verbose=0)
    assert model.optimizer.iterations == 11 + 105
    model.fit(x, y, batch_size=20, verbose=0)
    assert model.optimizer.iterations == 11 + 105 + 105
    _, accuracy = model.evaluate(x, y, batch_size=500, verbose=0)
    predictions = model.predict(x, batch_size=500, verbose=0)
    assert accuracy == pytest.approx(np.mean(predictions.argmax(axis=1) == y.argmax(axis=1)))


@pytest.mark.parametrize("name", ["mlp_256", "cnn"])
def test_fused_adam_differs_by_rounding_only(digits, name):
    ours, keras = train(name, digits, training.fit), train(name, digits, keras_fit)
    np.testing.assert_allclose(ours.history.history["loss"], keras.history.history["loss"], rtol=1e-3)


@pytest.mark.parametrize("name", BUILD)
def test_the_scripts_models_are_those_of_plain_keras(digits, name):
    import keras

    ours = compile_model(name)
    keras.utils.set_random_seed(5)
    plain = plain_keras.build_model(name)
    assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), plain.get_weights(), strict=True))


def test_validation_data_instead_of_a_split(digits):
    x, y = digits
    split = train("mlp_256", digits, training.fit)
    given = train(
        "mlp_256", (x[:1680], y[:1680]), training.fit, validation_split=0, validation_data=(x[1680:], y[1680:])
    )
    assert split.history.history == given.history.history


def test_fit_in_another_thread(digits):
    """As a Dask worker trains: only the main thread may handle signals."""
    with ThreadPoolExecutor(1) as pool:
        model = pool.submit(train, "mlp_256", digits, training.fit, epochs=1).result()
    assert len(model.history.epoch) == 1


def test_without_validation(digits):
    assert set(train("mlp_256", digits, training.fit, validation_split=0).history.history) == {"accuracy", "loss"}


@pytest.mark.parametrize("split", [1e-17, 0.9999])
def test_a_split_with_an_empty_side(digits, split):
    with pytest.raises(UserError, match="leaves no image to train or to validate with") as error:
        train("mlp_256", digits, training.fit, validation_split=split)
    assert error.value.exit_code == 2


def test_what_is_printed(digits, capsys):
    train("mlp_256", digits, training.fit)
    assert capsys.readouterr().out == ""
    train("mlp_256", digits, training.fit, verbose="auto", batch_size=37)
    out = capsys.readouterr().out
    assert "1680 images for training, 420 for validation; " in out and "3 epochs of 46 batches of 37" in out
    assert len(re.findall("val_accuracy", out)) == 3  # one line per epoch where there is no terminal


def test_a_saved_model_continues_with_keras_adam(tmp_path, digits):
    import keras

    train("mlp_256", digits, training.fit).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert type(model.optimizer) is keras.optimizers.Adam and model.optimizer.iterations == 3 * 9
    before = model.evaluate(*digits, verbose=0)[0]
    model.fit(*digits, verbose=0)
    assert model.evaluate(*digits, verbose=0)[0] < before


def test_the_script_runs_with_keras_own_fit(tmp_path, trained_folder):
    """`model.fit` in place of `training.fit` runs to the end, and learns the same but for Adam's rounding."""
    script = (ROOT / "mlp.py").read_text()
    changed = script.replace("training.fit(  # model.fit, only faster\n        model, ", "model.fit(\n        ")
    assert changed != script
    (tmp_path / "mlp.py").write_text(changed)
    process = run_python(tmp_path, "mlp.py", *FAST, PYTHONPATH=str(ROOT))
    assert process.returncode == 0 and process.stderr == ""
    name = "mlp_256_dryrun_synthetic"
    ours, keras = read_metrics(trained_folder, name), read_metrics(tmp_path, name)
    assert keras["train_accuracy"] == pytest.approx(ours["train_accuracy"], abs=0.002)
    assert keras["fit_seconds"] is None and ours["fit_seconds"] > 0


def weights(folder, name):
    import keras

    return keras.saving.load_model(folder / "models" / name / "model.keras").get_weights()


def test_same_seed_same_weights_bit_by_bit(tmp_path, trained_folder):
    assert run_python(tmp_path, ROOT / "cnn.py", *FAST).returncode == 0
    assert run_python(tmp_path, ROOT / "cnn.py", *FAST, "--seed", "1", "--deterministic").returncode == 0
    first, second = (weights(folder, "cnn_dryrun_synthetic") for folder in (trained_folder, tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
    assert not np.array_equal(first[0], weights(tmp_path, "cnn_seed1_deterministic_dryrun_synthetic")[0])


def test_diverged_training_is_reported_not_crashed(tmp_path):
    process = run_python(tmp_path, ROOT / "mlp.py", *FAST, "--learning-rate", "1e30", "--validation-split", "0")
    assert process.returncode == 0, process.stderr
    assert "2000 images for training, 0 for validation" in process.stdout and "test loss nan" in process.stdout
    name = "mlp_256_validation0.0_lr1e+30_dryrun_synthetic"
    text = (tmp_path / "models" / name / "metrics.json").read_text()
    assert "NaN" not in text and "Infinity" not in text  # neither is JSON
    assert read_metrics(tmp_path, name)["validation_accuracy"] is None
    assert run_python(tmp_path, ROOT / "evaluate.py").returncode == 0


RUN = "mlp_256_epochs500_synthetic"


def interrupted(folder, after):
    process = subprocess.Popen(
        [sys.executable, "-u", ROOT / "mlp.py", "--dataset", "synthetic", "--epochs", "500"],
        cwd=folder,
        env=environment(HOME.name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores Ctrl-C
    )
    for line in process.stdout:
        if after in line:
            break
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    return stderr


def test_ctrl_c_keeps_the_finished_epochs_and_the_last_finished_run(tmp_path):
    earlier = tmp_path / "models" / RUN
    earlier.mkdir(parents=True)
    (earlier / "model.keras").write_bytes(b"an earlier run's")
    line = interrupted(tmp_path, after="Epoch 4/500")
    assert re.search(r"interrupted in epoch \d+ of 500", line) and f"{RUN}_interrupted" in line
    assert [path.name for path in earlier.iterdir()] == ["model.keras"]
    assert (earlier / "model.keras").read_bytes() == b"an earlier run's"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [RUN, f"{RUN}_interrupted"]
    history = pd.read_csv(tmp_path / "models" / f"{RUN}_interrupted" / "history.csv")
    found = read_metrics(tmp_path, f"{RUN}_interrupted")
    assert len(history) >= 3 and found["epochs"] == len(history) and found["test_accuracy"] > 0.5
    assert (tmp_path / "plots" / f"{RUN}_interrupted" / "accuracy.png").exists()


def test_ctrl_c_before_the_first_epoch_ends_leaves_nothing(tmp_path):
    assert "nothing of it was kept" in interrupted(tmp_path, after="Epoch 1/500")
    assert not list(tmp_path.glob("models/*"))


def test_ctrl_c_while_starting(tmp_path):
    assert interrupted(tmp_path, after="1. Preprocess")


LIMITED = """
import resource, runpy, sys
size, sys.argv = int(sys.argv[1]), sys.argv[2:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("size", [5000, 200_000])
def test_disk_full_is_one_line_and_the_earlier_run_stays(tmp_path, trained_folder, size):
    name = "mlp_256_dryrun_synthetic"
    before = {path.name: path.read_bytes() for path in (trained_folder / "models" / name).iterdir()}
    folder = tmp_path / "models" / name
    folder.mkdir(parents=True)
    for file, content in before.items():
        (folder / file).write_bytes(content)
    process = run_python(tmp_path, "-c", LIMITED, str(size), str(ROOT / "mlp.py"), *FAST)
    line = error_line(process, 1)
    assert line.startswith("mlp.py: "), line
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in (tmp_path / "models").iterdir()] == [name]
