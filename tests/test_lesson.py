"""The lesson is there to be edited, copied, pasted and interrupted: what was trained is never lost."""

import io
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mlp
import preprocess
from conftest import FAST, ROOT, RUN, error_line, read_metrics, run_python, run_script, start_python, succeed
from digits import acceleration, mnist, runs, slides, training
from digits.figures import training as figures
from test_training import BUILD

INTERRUPTED = f"{RUN}_interrupted"
SCRIPT = (ROOT / "mlp.py").read_text(encoding="utf-8")
HIDDEN = '            layers.Dense(hidden, activation="relu", kernel_initializer="random_normal"),\n'
LOSS = 'loss="categorical_crossentropy"'
METRICS = ', metrics=["accuracy"]'
ADAM = "keras.optimizers.Adam(args.learning_rate)"
BUILDER = SCRIPT[SCRIPT.index("    return keras.Sequential(") : SCRIPT.index("def main")]
DATA = "    (x_train, y_train), (x_test, y_test) = load_data(args.dry_run)\n"
FUNCTIONAL = """
    pixels = keras.Input((784,))
    units = layers.Dense(hidden, activation="relu")(pixels)
    joined = layers.Concatenate()([pixels, units])
    return keras.Model(pixels, layers.Dense(10, activation="softmax")(joined))
"""
IMAGES = """    y_train, y_test = (y.argmax(axis=1) for y in (y_train, y_test))
    x_train, x_test = (x.reshape(-1, 28, 28) for x in (x_train, x_test))
"""
OWN_CLASS = """class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.units = layers.Dense(10, activation="softmax")

    def call(self, pixels):
        return self.units(pixels)


def build_model"""
PARITY = "    y_train, y_test = (y.reshape(-1, 5, 2).sum(1) for y in (y_train, y_test))\n"
# What is replaced in mlp.py, and by what. Each is an edit that a student makes, or several at once.
EDITS = {
    "another loss and metric's name": {LOSS: 'loss="mse"', METRICS: ', metrics=["acc"]'},
    "another optimizer": {ADAM: "keras.optimizers.SGD(args.learning_rate)"},
    "two metrics and amsgrad": {
        METRICS: ', metrics=["categorical_accuracy", keras.metrics.TopKCategoricalAccuracy(3)]',
        ADAM: "keras.optimizers.Adam(args.learning_rate, amsgrad=True)",
    },
    "no metric and a schedule": {
        METRICS: "",
        ADAM: "keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9))",
    },
    "plain Keras": {"    training.accelerate(model)": "    #"},
    "Dropout first and two hidden layers": {HIDDEN: "            layers.Dropout(0.1),\n" + 2 * HIDDEN},
    "no hidden layer": {HIDDEN: ""},
    "no Input, and a metric of each digit": {
        "            keras.Input((784,)),\n": "",
        METRICS: ', metrics=["accuracy", keras.metrics.F1Score()]',
    },
    "BatchNormalization": {HIDDEN: HIDDEN + "            layers.BatchNormalization(),\n"},
    "an LSTM": {HIDDEN: "            layers.Reshape((28, 28)),\n            layers.LSTM(8),\n"},
    "a functional model": {BUILDER: FUNCTIONAL},
    "odd and even": {DATA: DATA + PARITY, "layers.Dense(10": "layers.Dense(2"},
    "images, digits and logits": {
        DATA: DATA + IMAGES,
        "keras.Input((784,)),": "keras.Input((28, 28)), layers.Flatten(),",
        ', activation="softmax"': "",
        LOSS: "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        "labels = y_test.argmax(axis=1)": "labels = y_test",
    },
    "images with a channel": {
        "keras.Input((784,)),": 'keras.Input((28, 28, 1)), layers.Conv2D(4, 3, padding="same"), layers.Flatten(),',
        "        x_train,": "        x_train.reshape(-1, 28, 28, 1),",
        "model.evaluate(x_test,": "model.evaluate(x_test.reshape(-1, 28, 28, 1),",
        "model.predict(x_test,": "model.predict(x_test.reshape(-1, 28, 28, 1),",
    },
    "a class": {BUILDER: "    return Net()\n\n\n", "def build_model": OWN_CLASS},
    "fewer test images": {
        DATA: DATA + "    y_test = y_test[5000:]\n",
        "model.evaluate(x_test,": "model.evaluate(x_test[5000:],",
        "model.predict(x_test,": "model.predict(x_test[5000:],",
    },
}
FIGURES = {"network.png", "accuracy.png", "confusion_matrix.png", "predictions.png", "mistakes.png"}
FIGURES |= {"hidden_neurons.png", "draw.html"}
NO_NETWORK = FIGURES - {"network.png", "hidden_neurons.png", "draw.html"}
DRAWN = {  # where these are not all of them
    "BatchNormalization": NO_NETWORK,
    "an LSTM": NO_NETWORK,
    "a functional model": NO_NETWORK,
    "a class": NO_NETWORK,
    "odd and even": FIGURES - {"draw.html"},
    "images, digits and logits": FIGURES - {"draw.html"},
    "images with a channel": FIGURES - {"hidden_neurons.png"} | {"feature_maps.png", "filters.png"},
    "fewer test images": {"network.png", "accuracy.png", "confusion_matrix.png"},
}
REFUSED = {"odd and even", "images, digits and logits", "a class"}  # by evaluate.py
EVALUATED = REFUSED | {
    *("another loss and metric's name", "no metric and a schedule"),
    *("no Input, and a metric of each digit", "a functional model", "images with a channel"),
}


def edit(folder, replacements, name="mlp.py"):
    """Write an edited mlp.py into `folder`, as a script of the name `name`."""
    script = SCRIPT
    for old, new in replacements.items():
        assert old in script
        script = script.replace(old, new)
    (folder / name).write_text(script, encoding="utf-8")


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_copy_saves_its_model_and_draws_what_it_can(tmp_path, trained_folder, name):
    run, drawn = f"my_{RUN}", DRAWN.get(name, FIGURES)
    edit(tmp_path, EDITS[name], "my_mlp.py")
    (tmp_path / "plots" / run).mkdir(parents=True)
    (tmp_path / "plots" / run / "filters.png").touch()  # of an earlier run
    process = run_script(tmp_path, "my_mlp.py", *FAST)
    assert process.returncode == 0 and f"{run}: test accuracy" in process.stdout, process.stderr
    assert all("WARNING: " in line for line in process.stderr.splitlines())
    assert (" left out" in process.stderr) == (not drawn >= FIGURES - {"hidden_neurons.png"})
    assert ("their softmax" in process.stderr) == ("logits" in name)
    assert ("Draw a digit yourself" in process.stdout) == ("draw.html" in drawn)
    assert {path.name for path in (tmp_path / "plots" / run).iterdir()} == drawn
    metrics = read_metrics(tmp_path, run)
    assert not metrics["interrupted"] and metrics["flags"]["hidden"] == 256
    assert (metrics["train_accuracy"] is None) == ("no metric" in name)
    assert metrics["test_accuracy"] == np.trace(metrics["confusion_matrix"]) / np.sum(metrics["confusion_matrix"])
    if name not in EVALUATED:
        return
    if name in REFUSED:
        shutil.copytree(trained_folder / "models" / RUN, tmp_path / "models" / "z_healthy")
    process = run_script(tmp_path, "evaluate.py")
    assert process.returncode == (name in REFUSED), process.stderr
    assert (tmp_path / "plots/index.html").exists()
    assert read_metrics(tmp_path, run)["test_accuracy"] == metrics["test_accuracy"]
    assert read_metrics(tmp_path, run)["test_loss"] == metrics["test_loss"]


def test_the_learning_curve_says_where_a_callback_stopped(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(figures, "plot_learning_curve", lambda history, path, title: titles.append(title) or path)
    schedule = "keras.callbacks.LearningRateScheduler(lambda epoch: 0.01)"
    stop = "keras.callbacks.EarlyStopping(min_delta=9, patience=0)"
    edit(tmp_path, {"epochs=args.epochs": f"callbacks=[{schedule}, {stop}], epochs=5"})
    process = run_script(tmp_path, "mlp.py", *FAST)
    assert process.returncode == 0 and process.stderr == ""
    assert titles[0].endswith(", stopped after epoch 2 of 5") and read_metrics(tmp_path, RUN)["epochs"] == 2


@pytest.mark.parametrize(
    "change", ["none", "a loss object", "mse", "sgd", "amsgrad", "epochs", "steps", "a layer", "fit twice"]
)
def test_only_the_decks_model_is_compared_with_the_deck(tensorflow, change):
    import keras

    losses = {"a loss object": keras.losses.CategoricalCrossentropy(), "mse": "mse"}
    optimizers = {"sgd": "sgd", "amsgrad": keras.optimizers.Adam(amsgrad=True)}
    epochs, steps = 9 if change == "epochs" else 10, 120 if change == "steps" else 240
    history = SimpleNamespace(epoch=range(epochs), params={"steps": steps})
    for name, build in BUILD.items():
        model = build()
        if change == "a layer":
            model.add(keras.layers.Dropout(0.1))
        loss, optimizer = losses.get(change, "categorical_crossentropy"), optimizers.get(change, "adam")
        model.compile(loss=loss, optimizer=optimizer)
        model.optimizer.iterations.assign(4800 if change == "fit twice" else 2400)
        assert slides.is_deck_model(name, model, history) is (change in ("none", "a loss object"))


NOTEBOOK = """
import sys
import threading

class Stream:  # no more than a notebook's has
    text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

root, *fast = sys.argv[1:]
sys.path.insert(0, root)
sys.argv = ["ipykernel_launcher.py", "-f", "/kernel/v3.json"]
stdout, sys.stdout = sys.stdout, Stream()
from digits import cli, mnist

small = {name: array[:2000] for name, array in mnist.load_arrays().items()}
mnist.load_arrays = lambda: small
with open(root + "/mlp.py", encoding="utf-8") as file:
    exec(compile(file.read(), "<cell>", "exec"), {"__name__": "__main__"})
import mlp

thread = threading.Thread(target=cli.run, args=(mlp.main, mlp.parser, fast, "mlp_{hidden}"))
thread.start()
thread.join()
stdout.write(sys.stdout.text)
"""


def test_in_a_notebook_a_script_is_pasted_into_a_cell_and_its_main_is_called_in_a_thread(tmp_path):
    process = run_python(tmp_path, "-c", NOTEBOOK, ROOT, *FAST)
    assert process.returncode == 0 and process.stderr == "", process.stderr
    assert process.stdout.count("test accuracy") == 2 and process.stdout.count("Starting TensorFlow") == 1
    assert read_metrics(tmp_path, "notebook_mlp_256")["epochs"] == 10
    assert read_metrics(tmp_path, RUN)["flags"]["dry_run"] is True


def test_lines_that_are_copied_give_what_plain_keras_gives(monkeypatch):
    """The lines from `set_random_seed` to `model.evaluate`, with and without the line `accelerate`."""
    import keras

    monkeypatch.setattr(acceleration, "fuse_adam", lambda optimizer: None)  # whose rounding differs
    arrays = mnist.load_arrays()
    x = preprocess.flatten_and_normalize(arrays["x_train"][:1000])
    y = preprocess.one_hot(arrays["y_train"][:1000])
    data = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    args = SimpleNamespace(seed=3, hidden=20, learning_rate=0.001, validation_split=0.2, epochs=2, batch_size=100)
    lines = SCRIPT[SCRIPT.index("    keras.utils.set_random_seed") : SCRIPT.index('    print("\\n5.')]
    found = []
    for code in (lines, lines.replace("training.accelerate", "#")):
        names = {"keras": keras, "training": training, "build_model": mlp.build_model, "args": args, **data}
        exec(textwrap.dedent(code), names)
        found.append((names["scores"], names["history"].history))
    assert found[0] == found[1] and set(found[0][0]) == {"accuracy", "loss"}


@pytest.mark.parametrize(
    "replacements",
    [
        {"model.predict(": "model.predictt("},
        {"args, scores,": "args, 0.5,"},
        {"        y_train,\n": "        y_train.argmax(axis=1),\n", LOSS: 'loss="sparse_categorical_crossentropy"'},
    ],
    ids=["of typing", "in the closing call", "in evaluate, whose labels are not those of fit"],
)
def test_a_mistake_after_the_training_keeps_its_traceback_and_the_model(tmp_path, replacements):
    edit(tmp_path, replacements)
    with pytest.raises((AttributeError, TypeError, ValueError)):
        run_script(tmp_path, "mlp.py", *FAST)
    assert read_metrics(tmp_path, INTERRUPTED)["epochs"] == 1
    if LOSS in replacements:
        assert run_script(tmp_path, "evaluate.py").returncode == 0
        assert read_metrics(tmp_path, INTERRUPTED)["test_accuracy"] > 0.5


def test_what_a_script_trains_in_a_loop_is_saved_one_by_one(tmp_path):
    start = SCRIPT.index('    print("\\n2. Build')
    steps = SCRIPT[start : SCRIPT.index("\n\nparser =")]
    edit(tmp_path, {steps: "    for args.hidden in (4, 5, 6):\n" + textwrap.indent(steps, "    ")})
    assert "_run2/ (" in succeed(run_script(tmp_path, "mlp.py", *FAST))
    names = [RUN.replace("dryrun", f"dryrun{number}") for number in ("", "_run2", "_run3")]
    assert [read_metrics(tmp_path, name)["flags"]["hidden"] for name in names] == [4, 5, 6]


def test_a_network_that_was_not_trained_is_no_run(tmp_path):
    edit(tmp_path, {"epochs=args.epochs": "epochs=0"})
    assert "the network was not trained" in error_line(run_script(tmp_path, "mlp.py", *FAST), 1)
    assert not list(tmp_path.glob("models/*"))


def test_of_a_model_that_keras_cannot_save_the_weights_are_kept(tmp_path):
    config = '    def get_config(self):\n        return {"function": object()}\n\n'
    own_class = OWN_CLASS.replace("    def call", f"{config}    def call")
    edit(tmp_path, {BUILDER: "    return Net()\n\n\n", "def build_model": own_class})
    process = run_script(tmp_path, "mlp.py", *FAST)
    assert process.returncode == 0 and "WARNING: Keras cannot save this model whole" in process.stderr
    files = {path.name for path in (tmp_path / "models" / RUN).iterdir()}
    assert files == {"model.weights.h5", "history.csv", "metrics.json"}
    assert "holds only the weights" in error_line(run_script(tmp_path, "evaluate.py"), 1)


class InterruptingStream(io.StringIO):
    """A stdout that sends `signals` signals to this process: one with `after`, the others with what is written next."""

    def __init__(self, after, signals, number):
        super().__init__()
        self.after, self.signals, self.number = after, signals, number

    def write(self, text):
        super().write(text)
        self.interrupt()
        return len(text)

    def interrupt(self):
        if self.signals and self.after in self.getvalue():
            self.signals -= 1
            signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("after", "signals", "number", "words", "kept"),
    [
        ("1. Preprocess", 1, signal.SIGINT, ": interrupted", None),
        ("Epoch 1/4", 1, signal.SIGINT, "interrupted in epoch 1 of 4: nothing of it was kept", None),
        ("Epoch 3/4", 1, signal.SIGTERM, "interrupted in epoch 3 of 4: the finished epochs are in", INTERRUPTED),
        ("Epoch 3/4", 20, signal.SIGINT, "the trained model is in", INTERRUPTED),
        ("4. Evaluate", 1, signal.SIGTERM, "the trained model is in", INTERRUPTED),
        ("5. Predict", 3, signal.SIGINT, "the trained model is in", INTERRUPTED),
        ("Drawing", 2, signal.SIGINT, "the run is in", RUN),
    ],
)
def test_whenever_and_however_often_it_comes(tmp_path, monkeypatch, after, signals, number, words, kept):
    edit(tmp_path, {"epochs=args.epochs": "epochs=4"})
    stdout, versions = InterruptingStream(after, signals, number), runs.versions
    monkeypatch.setattr(runs, "versions", lambda: stdout.interrupt() or versions())  # while the run is saved, too

    def come_through(number, frame):
        raise KeyError(number)

    handler = signal.signal(number, come_through)  # and not ignored, as Ctrl-C is in a shell's background job
    try:
        process = run_script(tmp_path, "mlp.py", *FAST, stdout=stdout)
    except KeyboardInterrupt:
        pytest.fail("a signal came through")
    finally:
        signal.signal(number, handler)
    line = error_line(process, 130)
    assert words in line and [path.name for path in tmp_path.glob("models/*")] == ([kept] if kept else [])
    if kept:
        assert f"models/{kept}" in line.replace("\\", "/")
        metrics = read_metrics(tmp_path, kept)
        assert metrics["epochs"] == (2 if "Epoch" in after else 4) and metrics["interrupted"] == (kept != RUN)


# The same in processes of their own, where a signal finds TensorFlow at work.
LONG = "mlp_256_epochs500"


def interrupt(folder, after, signals=1):
    """Send Ctrl-C to mlp.py once it has printed `after`, `signals` times; return its line on stderr."""
    script = folder / "mlp.py" if (folder / "mlp.py").exists() else ROOT / "mlp.py"
    command = ["-u", script, "--epochs", "500"]
    with start_python(folder, *command, PYTHONPATH=str(ROOT)) as process:
        for line in process.stdout:
            if after in line:
                break
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        _, stderr = process.communicate(timeout=60)
    assert len(stderr.strip().splitlines()) == 1, stderr
    # Or killed: by one more Ctrl-C after all was done, or because plain Keras was interrupted in TensorFlow's own code.
    assert process.returncode in (130, -signal.SIGINT, -signal.SIGABRT)
    return stderr


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")


@needs_signals
def test_ctrl_c_keeps_the_finished_epochs_and_the_last_finished_run(tmp_path):
    earlier = tmp_path / "models" / LONG
    earlier.mkdir(parents=True)
    (earlier / "model.keras").write_bytes(b"an earlier run's")
    line = interrupt(tmp_path, after="Epoch 4/500")
    assert re.search(r"interrupted in epoch \d+ of 500", line) and f"{LONG}_interrupted" in line
    assert [path.name for path in earlier.iterdir()] == ["model.keras"]
    assert (earlier / "model.keras").read_bytes() == b"an earlier run's"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [LONG, f"{LONG}_interrupted"]
    history = pd.read_csv(tmp_path / "models" / f"{LONG}_interrupted" / "history.csv")
    found = read_metrics(tmp_path, f"{LONG}_interrupted")
    assert len(history) >= 3 and found["epochs"] == len(history) and found["test_accuracy"] > 0.5
    assert (tmp_path / "plots" / f"{LONG}_interrupted" / "accuracy.png").exists()


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize("signals", [20, 1])
def test_ctrl_c_again_and_again_or_in_plain_keras_loses_no_finished_epoch_either(tmp_path, signals):
    if signals == 1:
        edit(tmp_path, {"training.accelerate(model)": ""})
    assert f"models/{LONG}_interrupted" in interrupt(tmp_path, "Epoch 3/500", signals)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [f"{LONG}_interrupted"]
    metrics = read_metrics(tmp_path, f"{LONG}_interrupted")
    assert metrics["epochs"] >= 2 and metrics["interrupted"]


@needs_signals
def test_ctrl_c_while_tensorflow_starts(tmp_path):
    assert "interrupted" in interrupt(tmp_path, "Starting TensorFlow")
    assert not list(tmp_path.glob("models/*"))


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_git_ignores_what_a_run_writes(trained_copy):
    shutil.copy(ROOT / ".gitignore", trained_copy)
    subprocess.run(["git", "init", "-q"], cwd=trained_copy, check=True)
    status = subprocess.check_output(["git", "status", "--porcelain"], cwd=trained_copy, encoding="utf-8")
    assert status == "?? .gitignore\n"
