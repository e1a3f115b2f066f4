"""The lesson is there to be edited, copied, pasted and interrupted: what was trained is never lost."""

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
from conftest import HOME, ROOT, environment, read_metrics, run_python, run_script
from digits import acceleration, slides, synthetic, training
from digits.figures import training as figures
from test_training import BUILD

FAST = ["--dataset", "synthetic", "--dry-run"]
RUN = "mlp_256_dryrun_synthetic"
SCRIPT = (ROOT / "mlp.py").read_text(encoding="utf-8")
HIDDEN = '            layers.Dense(hidden, activation="relu", kernel_initializer="random_normal"),\n'
COMPILE = 'model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])'
ADAM = "keras.optimizers.Adam(args.learning_rate)"
BATCH = "        batch_size=args.batch_size,\n"
FUNCTIONAL = """
    pixels = keras.Input((784,))
    units = layers.Dense(hidden, activation="relu")(pixels)
    joined = layers.Concatenate()([pixels, units])
    return keras.Model(pixels, layers.Dense(10, activation="softmax")(joined))
"""
# What is replaced in mlp.py, by what, and the figures that are left out. Each is an edit that a student makes.
EDITS = {
    "metrics=[acc]": ('metrics=["accuracy"]', 'metrics=["acc"]', set()),
    "another metric's name": ('metrics=["accuracy"]', 'metrics=["categorical_accuracy"]', set()),
    "two metrics": ('metrics=["accuracy"]', 'metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(3)]', set()),
    "no metric": (', metrics=["accuracy"]', "", set()),
    "another loss": ('loss="categorical_crossentropy"', 'loss="mse"', set()),
    "amsgrad": (ADAM, "keras.optimizers.Adam(args.learning_rate, amsgrad=True)", set()),
    "another optimizer": (ADAM, "keras.optimizers.SGD(args.learning_rate)", set()),
    "a schedule": (ADAM, "keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9))", set()),
    "a schedule's callback": (
        BATCH,
        BATCH + "        callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.01)],\n",
        set(),
    ),
    "early stopping": (BATCH, BATCH + "        callbacks=[keras.callbacks.EarlyStopping(patience=1)],\n", set()),
    "plain Keras": ("    training.accelerate(model)", "    #", set()),
    "Dropout first": (HIDDEN, "            layers.Dropout(0.1),\n" + HIDDEN, set()),
    "two hidden layers": (HIDDEN, 2 * HIDDEN, set()),
    "no hidden layer": (HIDDEN, "", set()),
    "no Input": ("            keras.Input((784,)),\n", "", set()),
    "BatchNormalization": (
        HIDDEN,
        HIDDEN + "            layers.BatchNormalization(),\n",
        {"network.png", "hidden_neurons.png"},
    ),
    "an LSTM": (
        HIDDEN,
        "            layers.Reshape((28, 28)),\n            layers.LSTM(8),\n",
        {"network.png", "hidden_neurons.png"},
    ),
    "a functional model": (SCRIPT[SCRIPT.index("    return keras.Sequential(") : SCRIPT.index("def main")], FUNCTIONAL,
                           {"network.png", "hidden_neurons.png"}),
    "odd and even": ("data = preprocess.load_data(args.dataset, args.data, args.dry_run)\n",
                     "data = preprocess.load_data(args.dataset, args.data, args.dry_run)\n"
                     "    data = data._replace(y_train=data.y_train.reshape(-1, 5, 2).sum(1), "
                     "y_test=data.y_test.reshape(-1, 5, 2).sum(1))\n", set()),
}  # fmt: skip
FIGURES = {"network.png", "accuracy.png", "confusion_matrix.png", "predictions.png", "mistakes.png"}
FIGURES |= {"hidden_neurons.png", "draw.html"}


def edit(folder, *replacements):
    """Write an edited mlp.py into `folder`."""
    script = SCRIPT
    for old, new in replacements:
        assert old in script
        script = script.replace(old, new)
    (folder / "mlp.py").write_text(script, encoding="utf-8")


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_script_saves_its_model_and_draws_what_it_can(tmp_path, trained_folder, name):
    old, new, left_out = EDITS[name]
    replacements = [(old, new)]
    if name == "odd and even":
        replacements.append(("layers.Dense(10", "layers.Dense(2"))
    edit(tmp_path, *replacements)
    process = run_script(tmp_path, "mlp.py", *FAST)
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("WARNING: a figure is left out: ") == len(process.stderr.splitlines()) == len(left_out)
    assert {path.name for path in (tmp_path / "plots" / RUN).iterdir()} == FIGURES - left_out
    metrics = read_metrics(tmp_path, RUN)
    assert not metrics["interrupted"] and (metrics["train_accuracy"] is None) == (name == "no metric")
    assert metrics["test_accuracy"] == np.trace(metrics["confusion_matrix"]) / 10000
    if name == "odd and even":  # which evaluate.py cannot compare with ten digits
        shutil.copytree(trained_folder / "models" / RUN, tmp_path / "models" / "z_healthy")
    process = run_script(tmp_path, "evaluate.py")
    assert process.returncode == (name == "odd and even"), process.stderr
    assert (tmp_path / "plots/index.html").exists()
    assert read_metrics(tmp_path, RUN)["test_accuracy"] == metrics["test_accuracy"]
    assert read_metrics(tmp_path, RUN)["test_loss"] == metrics["test_loss"]


def test_the_learning_curve_says_where_a_callback_stopped(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(figures, "plot_learning_curve", lambda history, path, title: titles.append(title) or path)
    edit(tmp_path, (BATCH, BATCH + "        callbacks=[keras.callbacks.EarlyStopping(min_delta=9, patience=0)],\n"),
         ("epochs=args.epochs", "epochs=5"))  # fmt: skip
    assert run_script(tmp_path, "mlp.py", *FAST).returncode == 0
    assert titles[0].endswith(", stopped after epoch 2 of 5") and read_metrics(tmp_path, RUN)["epochs"] == 2


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({}, True),
        ({"loss": "loss object"}, True),
        ({"loss": "mse"}, False),
        ({"optimizer": "sgd"}, False),
        ({"optimizer": "amsgrad"}, False),
        ({"epochs": 9}, False),
        ({"steps": 120}, False),
        ({"layers": 1}, False),
    ],
)
def test_only_the_decks_model_is_compared_with_the_deck(tensorflow, options, same):
    import keras

    losses = {"loss object": keras.losses.CategoricalCrossentropy()}
    optimizers = {"amsgrad": keras.optimizers.Adam(amsgrad=True)}
    loss, optimizer = options.get("loss", "categorical_crossentropy"), options.get("optimizer", "adam")
    history = SimpleNamespace(epoch=range(options.get("epochs", 10)), params={"steps": options.get("steps", 240)})
    for name, build in BUILD.items():
        model = build()
        if "layers" in options:
            model.add(keras.layers.Dropout(0.1))
        model.compile(loss=losses.get(loss, loss), optimizer=optimizers.get(optimizer, optimizer))
        assert slides.is_deck_model(name, model, history) is same


def test_a_copy_has_runs_of_its_own(tmp_path):
    shutil.copy(ROOT / "mlp.py", tmp_path / "my_mlp.py")
    process = run_script(tmp_path, "my_mlp.py", *FAST)
    assert process.returncode == 0 and "my_mlp_256_dryrun_synthetic: test accuracy" in process.stdout
    assert read_metrics(tmp_path, f"my_{RUN}")["flags"]["hidden"] == 256


CELL = """
import sys
sys.argv = ["ipykernel_launcher.py", "-f", "/kernel/v3.json"]
sys.path.insert(0, {root!r})
from digits import mnist, synthetic
mnist.find_mnist = lambda path: {{name: array[:2000] for name, array in synthetic.draw_digits().items()}}
exec(compile(open({script!r}, encoding="utf-8").read(), "<cell>", "exec"), {{"__name__": "__main__"}})
"""


def test_a_script_that_is_pasted_into_a_notebooks_cell(tmp_path):
    process = run_python(tmp_path, "-c", CELL.format(root=str(ROOT), script=str(ROOT / "mlp.py")))
    assert process.returncode == 0 and process.stderr == "", process.stderr
    assert read_metrics(tmp_path, "notebook_mlp_256")["epochs"] == 10


def test_lines_that_are_copied_give_what_plain_keras_gives(monkeypatch):
    """The lines from `set_random_seed` to `model.evaluate`, with and without the line `accelerate`."""
    import keras

    monkeypatch.setattr(acceleration, "fuse_adam", lambda optimizer: None)  # whose rounding differs
    arrays = synthetic.draw_digits()
    x, y = preprocess.flatten_and_normalize(arrays["x_train"][:1000]), preprocess.one_hot(arrays["y_train"][:1000])
    data = SimpleNamespace(x_train=x, y_train=y, x_test=x, y_test=y)
    args = SimpleNamespace(seed=3, hidden=20, learning_rate=0.001, validation_split=0.2, epochs=2, batch_size=100)
    lines = SCRIPT[SCRIPT.index("    keras.utils.set_random_seed") : SCRIPT.index('    print("\\n5.')]
    found = []
    for code in (lines, lines.replace("training.accelerate", "#")):
        names = {"keras": keras, "training": training, "build_model": mlp.build_model, "data": data, "args": args}
        exec(textwrap.dedent(code), names)
        found.append((names["scores"], names["history"].history))
    assert found[0] == found[1] and set(found[0][0]) == {"accuracy", "loss"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model.predict(", "model.predictt("),
        ("scores = model.evaluate(", "loss, accuracy, more = model.evaluate("),
        ("data, args, scores,", "data, args, 0.5,"),
        ("data.y_train,\n", "data.y_train.argmax(axis=1),\n"),  # and not so in `evaluate`
    ],
)
def test_a_mistake_after_the_training_keeps_its_traceback_and_the_model(tmp_path, old, new):
    loss = 'loss="categorical_crossentropy"'
    sparse = 'loss="sparse_categorical_crossentropy"' if "argmax" in new else loss
    edit(tmp_path, (old, new), (loss, sparse))
    with pytest.raises((AttributeError, TypeError, ValueError)):
        run_script(tmp_path, "mlp.py", *FAST)
    assert read_metrics(tmp_path, f"{RUN}_interrupted")["epochs"] == 1
    process = run_script(tmp_path, "evaluate.py")
    assert process.returncode == 0 and read_metrics(tmp_path, f"{RUN}_interrupted")["test_accuracy"] > 0.5


LONG = "mlp_256_epochs500_synthetic"


def interrupt(folder, after, signals=1, number=signal.SIGINT, flags=("--epochs", "500")):
    """Send Ctrl-C to mlp.py once it has printed `after`, `signals` times; return its line on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-u", "mlp.py" if (folder / "mlp.py").exists() else ROOT / "mlp.py", *FAST[:2], *flags],
        cwd=folder,
        env=environment(HOME.name, PYTHONPATH=str(ROOT)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores Ctrl-C
    )
    for line in process.stdout:
        if after in line:
            break
    for _ in range(signals):
        process.send_signal(number)
        time.sleep(0.1)
    _, stderr = process.communicate(timeout=60)
    assert len(stderr.strip().splitlines()) == 1, stderr
    # Or killed: by one more Ctrl-C after all was done, or because plain Keras was interrupted in TensorFlow's own code.
    assert process.returncode in (130, -number, -signal.SIGABRT)
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
@pytest.mark.parametrize(
    ("after", "signals", "number", "kept"),
    [
        ("Epoch 3/500", 20, signal.SIGINT, f"{LONG}_interrupted"),
        ("4. Evaluate", 1, signal.SIGTERM, f"{RUN}_interrupted"),
        pytest.param("Epoch 3/500", 1, signal.SIGTERM, f"{LONG}_interrupted", marks=pytest.mark.slow),
        pytest.param("4. Evaluate", 1, signal.SIGINT, f"{RUN}_interrupted", marks=pytest.mark.slow),
        pytest.param("5. Predict", 3, signal.SIGINT, f"{RUN}_interrupted", marks=pytest.mark.slow),
        pytest.param("Drawing", 2, signal.SIGINT, RUN, marks=pytest.mark.slow),
    ],
)
def test_whenever_and_however_often_it_comes(tmp_path, after, signals, number, kept):
    flags = ["--epochs", "500"] if "500" in after else ["--dry-run"]
    assert f"models/{kept}" in interrupt(tmp_path, after, signals, number, flags)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [kept]
    assert read_metrics(tmp_path, kept)["epochs"] >= 1
    assert read_metrics(tmp_path, kept)["interrupted"] == (kept != RUN)


@needs_signals
@pytest.mark.slow
def test_ctrl_c_in_plain_keras_loses_no_finished_epoch_either(tmp_path):
    edit(tmp_path, ("training.accelerate(model)", ""))
    assert f"{LONG}_interrupted" in interrupt(tmp_path, after="Epoch 3/500")
    assert read_metrics(tmp_path, f"{LONG}_interrupted")["epochs"] >= 2


@needs_signals
@pytest.mark.parametrize("after", ["Starting TensorFlow", "1. Preprocess", "Epoch 1/500"])
def test_ctrl_c_before_the_first_epoch_ends_leaves_nothing(tmp_path, after):
    line = interrupt(tmp_path, after)
    assert "interrupted" in line and ("nothing of it was kept" in line) == ("Epoch" in after)
    assert not list(tmp_path.glob("models/*"))


def test_running_leaves_git_clean(clone):
    if not shutil.which("git"):
        pytest.skip("needs git")

    def git(*command):
        return subprocess.run(["git", *command], cwd=clone, capture_output=True, encoding="utf-8", check=True).stdout

    for name in (".gitignore", "README.md", "plots", "results"):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, clone / name, ignore=shutil.ignore_patterns("mlp*", "cnn*"))
        else:
            shutil.copy(path, clone)
    git("init", "-q")
    git("add", "-A")
    for script, *flags in (["mlp.py", *FAST], ["cnn.py", *FAST], ["evaluate.py"], ["worked_examples.py"],
                           ["preprocess.py", "--dataset", "synthetic"]):  # fmt: skip
        assert run_script(clone, script, *flags).returncode == 0
    assert [line for line in git("status", "--porcelain").splitlines() if "__pycache__" not in line
            and line[0] != "A"] == []  # fmt: skip
