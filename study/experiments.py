"""The study's experiments, one run of one of them, and results/runs.csv: one row per finished run."""

import contextlib
import functools
import hashlib
import importlib
import io
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from digits import deck, keras_start, runs
from digits.errors import UserError

ROOT = Path(__file__).parent.parent
ROWS = Path("results/runs.csv")
TRAINING_IMAGES, EPOCHS = deck.TRAINING_IMAGES, deck.TRAINING["epochs"]
NUMBERS = ["test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "seconds"]
VERSIONS = ["code", "python", "tensorflow", "keras", "numpy"]  # what all rows of an experiment should have in common
COLUMNS = ["experiment", "seed", *NUMBERS, "threads", "commit", *VERSIONS, "onednn", "host", "device"]


class Experiment(NamedTuple):
    """One of the deck's experiments."""

    title: str
    script: str  # whose `build_model` builds it; imported only to train, since it starts TensorFlow
    arguments: dict  # of `build_model`
    images: int = TRAINING_IMAGES  # the first of the 48000; the 12000 for validation stay the same


EXPERIMENTS = {  # named as the scripts name such a run
    "mlp_256": Experiment(deck.RUNS["mlp_256"].title, "mlp", {"hidden": 256}),
    "mlp_800": Experiment(deck.RUNS["mlp_800"].title, "mlp", {"hidden": 800}),
    "mlp_dropout_rate0.25": Experiment("MLP, 800 units, Dropout 0.25", "mlp_dropout", {"dropout": 0.25}),
    "mlp_dropout": Experiment(deck.RUNS["mlp_dropout"].title, "mlp_dropout", {"dropout": 0.5}),
    "cnn": Experiment(deck.RUNS["cnn"].title, "cnn", {"kernel_size": 3}),
    "cnn_kernel5": Experiment("CNN, 5x5 filters", "cnn", {"kernel_size": 5}),
    "mlp_800_of_3000": Experiment("MLP, 800 units, 3000 images", "mlp", {"hidden": 800}, 3000),
    "mlp_800_of_6000": Experiment("MLP, 800 units, 6000 images", "mlp", {"hidden": 800}, 6000),
    "mlp_800_of_12000": Experiment("MLP, 800 units, 12000 images", "mlp", {"hidden": 800}, 12000),
    "mlp_800_of_24000": Experiment("MLP, 800 units, 24000 images", "mlp", {"hidden": 800}, 24000),
}


def run_once(experiment_name, seed, data):
    """Train and test an experiment as its script does; return its row of runs.csv, a dict.

    data: MNIST, as from `preprocess.load_data`.
    """
    from digits import training  # first: it starts TensorFlow

    import keras

    experiment = EXPERIMENTS[experiment_name]
    (x, y), (x_test, y_test) = data
    start = time.perf_counter()
    keras.backend.clear_session()  # forget the model before
    keras.utils.set_random_seed(seed)
    model = importlib.import_module(experiment.script).build_model(**experiment.arguments)
    adam = keras.optimizers.Adam(deck.TRAINING["learning_rate"])
    model.compile(loss="categorical_crossentropy", optimizer=adam, metrics=["accuracy"])
    training.accelerate(model)
    history = model.fit(
        x[: experiment.images],
        y[: experiment.images],
        validation_data=(x[TRAINING_IMAGES:], y[TRAINING_IMAGES:]),
        epochs=EPOCHS,
        batch_size=deck.TRAINING["batch_size"],
        verbose=0,
    )
    if len(history.epoch) < EPOCHS:  # after Ctrl-C
        raise KeyboardInterrupt
    test_loss, test_accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)
    return {
        "experiment": experiment_name,
        "seed": seed,
        "test_accuracy": round(test_accuracy, 6),
        "test_loss": test_loss,
        "train_accuracy": history.history["accuracy"][-1],
        "validation_accuracy": history.history["val_accuracy"][-1],
        "seconds": round(time.perf_counter() - start, 2),
        "threads": num_threads(),
        "host": platform.node(),
        "device": keras_start.device_name(),
        **code_version(experiment_name),
    }


@functools.cache
def load_mnist():
    """Return MNIST as `preprocess.load_data` does, loaded once per process and silently."""
    import preprocess

    with contextlib.redirect_stdout(io.StringIO()):
        return preprocess.load_data()


def num_threads():
    """Return how many CPU threads compute one TensorFlow operation; a CNN's rounding depends on it."""
    threading = keras_start.import_tensorflow().config.threading
    return threading.get_intra_op_parallelism_threads() or os.cpu_count()


def hash_code():
    """Return for each experiment 12 hex digits that change with the Python files that a run executes, a dict."""
    hashes = {}
    for name, experiment in EXPERIMENTS.items():
        workshop = (f"digits/{file}" for file in ("mnist", "keras_start", "training", "acceleration"))
        files = ("preprocess", *workshop, experiment.script, "study/experiments")
        texts = [(ROOT / f"{file}.py").read_text(encoding="utf-8") for file in files]  # with whatever line ends
        hashes[name] = hashlib.sha256("".join(texts).encode()).hexdigest()[:12]
    return hashes


CODE = hash_code()  # of what a Dask worker has loaded: it may outlive a `git pull`


@functools.cache
def code_version(experiment_name):
    """Return the commit, with a + if Python files have changed since, VERSIONS and "onednn": a dict of texts."""
    git = ["git", "--git-dir", ".git"]  # none of a folder above: an unpacked ZIP may lie inside another repository
    read = functools.partial(subprocess.check_output, cwd=ROOT, text=True, stderr=subprocess.PIPE)
    try:
        commit = read([*git, "rev-parse", "--short=12", "HEAD"]).strip()
        if read([*git, "diff", "HEAD", "--", "*.py"]):
            commit += "+"
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"  # there is no git, or this is no clone
    return {"commit": commit, "code": CODE[experiment_name], **runs.versions()}


def read_rows():
    """Return results/runs.csv as a DataFrame, one row per finished run; empty if there is no such file.

    Of two rows of the same run, the later one counts. A damaged row raises a UserError that names its line.
    """
    import pandas as pd

    if not ROWS.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        rows = pd.read_csv(ROWS, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own error names the line
        raise UserError(f"{ROWS} is damaged: {error}") from error
    if list(rows) != COLUMNS:
        raise UserError(f"{ROWS}, line 1: unexpected column names")
    numbers = rows[["seed", "threads", *NUMBERS]].apply(pd.to_numeric, errors="coerce")
    damaged = numbers.isna().any(axis=1) | ~rows["experiment"].isin(list(EXPERIMENTS))
    if damaged.any():
        raise UserError(f"{ROWS}, line {damaged.idxmax() + 2} is damaged: correct or delete this line, then run again")
    rows[numbers.columns] = numbers
    return rows.drop_duplicates(["experiment", "seed"], keep="last", ignore_index=True)


def add_row(row):
    """Append a finished run's row, a dict, to results/runs.csv."""
    import pandas as pd

    ROWS.parent.mkdir(exist_ok=True)
    pd.DataFrame([row], columns=COLUMNS).to_csv(ROWS, mode="a", header=not ROWS.exists(), index=False)
