"""The study's experiments, one run of one of them, and results/runs.csv, which keeps a row a finished run."""

import contextlib
import functools
import io
import os
import platform
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cnn
import evaluate
import mlp
import mlp_dropout
import preprocess
import script
import train

RUNS = Path("results/runs.csv")
TRAINING, EPOCHS = 48000, 10  # slide 10
CURVES = [f"{curve}_{epoch}" for curve in ("accuracy", "loss", "val_accuracy", "val_loss") for epoch in range(1, 11)]
NUMBERS = ["test_accuracy", "test_loss", "train_accuracy", "validation_accuracy", "seconds", *CURVES]
CODE = ["commit", "python", "tensorflow", "keras", "numpy"]  # what all runs of a study must have in common
COLUMNS = ["experiment", "seed", *NUMBERS, "threads", "dataset_sha256", *CODE, "onednn", "host", "device"]


class Experiment(NamedTuple):
    """One of the deck's experiments."""

    slide: int
    build_model: Callable
    seconds: float  # of one run on one core, for the estimate before there are rows
    pictures: int = TRAINING  # the first so many of the 48000 train; the 12000 that validate stay the same


EXPERIMENTS = {  # named as the scripts name such a run
    "mlp_256": Experiment(12, partial(mlp.build_model, 256), 5),
    "mlp_800": Experiment(13, partial(mlp.build_model, 800), 10),
    "mlp_dropout_rate0.25": Experiment(15, partial(mlp_dropout.build_model, 800, 0.25), 11),
    "mlp_dropout": Experiment(17, partial(mlp_dropout.build_model, 800, 0.5), 11),
    "cnn": Experiment(29, partial(cnn.build_model, 3), 46),
    "cnn_kernel5": Experiment(29, partial(cnn.build_model, 5), 75),
    "mlp_800_of_3000": Experiment(14, partial(mlp.build_model, 800), 2, 3000),
    "mlp_800_of_6000": Experiment(14, partial(mlp.build_model, 800), 3, 6000),
    "mlp_800_of_12000": Experiment(14, partial(mlp.build_model, 800), 4, 12000),
    "mlp_800_of_24000": Experiment(14, partial(mlp.build_model, 800), 6, 24000),
}


def run_once(name, seed, data):
    """Train and test the experiment `name` with `seed`, as its script does; return its row of runs.csv as a dict.

    data: `preprocess.Digits`.
    """
    import keras

    experiment = EXPERIMENTS[name]
    x, y = data.x_train, data.y_train
    start = time.perf_counter()
    keras.backend.clear_session()  # forget the model before
    keras.utils.set_random_seed(seed)
    model = experiment.build_model()
    training = slice(experiment.pictures)
    validation = slice(TRAINING, None)
    history = train.recipe(model, (x[training], y[training]), (x[validation], y[validation]), EPOCHS, verbose=0).history
    _, accuracy, loss = evaluate.measure(model, data.x_test, data.y_test)
    return {
        "experiment": name,
        "seed": seed,
        "test_accuracy": accuracy,
        "test_loss": loss,
        "train_accuracy": history["accuracy"][-1],
        "validation_accuracy": history["val_accuracy"][-1],
        "seconds": round(time.perf_counter() - start, 2),
        **{f"{curve}_{epoch}": value for curve in history for epoch, value in enumerate(history[curve], start=1)},
        "threads": threads(),
        "dataset_sha256": data.sha256,
        "host": platform.node(),
        "device": train.device(),
        **code(),
    }


@functools.cache
def load_mnist(folder):
    """Return MNIST as `preprocess.Digits`, once a process and without a word. Raises OSError where it can't be had."""
    with contextlib.redirect_stdout(io.StringIO()):
        return preprocess.load_data("mnist", folder)


def threads(wanted=None):
    """Return how many CPU threads compute one of TensorFlow's operations; with `wanted`, that many from now on.

    The number decides how sums over a batch are split, and so how a CNN's weights are rounded.
    Raises OSError where TensorFlow computes already, with another number.
    """
    tf = script.import_tensorflow()
    if wanted:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(wanted)
        except RuntimeError:
            raise OSError(f"it computes with {threads()} threads already; start it anew") from None
    return tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()


@functools.cache
def code():
    """Return the commit and the versions that compute here, as a dict of texts: CODE, and TensorFlow's oneDNN setting.

    A commit with a + has had its Python files changed since; outside of git it is "unknown".
    """

    def git(*command):
        return subprocess.check_output(["git", *command], cwd=Path(__file__).parent, text=True, stderr=subprocess.PIPE)

    try:
        commit = git("rev-parse", "--short=12", "HEAD").strip() + "+" * bool(git("diff", "HEAD", "--", "*.py"))
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {"commit": commit, **train.versions()}


def read_runs():
    """Return results/runs.csv as a data frame, a row a finished run; without rows where there is no such file.

    Raises OSError, naming the line, where a row is damaged or there twice.
    """
    import pandas as pd

    if not RUNS.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        runs = pd.read_csv(RUNS, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' own name the line
        raise OSError(f"{RUNS} is damaged: {error}") from error
    if list(runs) != COLUMNS:
        raise OSError(f"{RUNS}, line 1: these are not the columns of this file")
    numbers = runs[["seed", "threads", *NUMBERS]].apply(pd.to_numeric, errors="coerce")
    shares = numbers[[name for name in NUMBERS if "accuracy" in name]]
    damaged = numbers.isna().any(axis=1) | ~shares.apply(lambda column: column.between(0, 1)).all(axis=1)
    damaged |= (numbers[["seed", "threads"]] % 1 != 0).any(axis=1) | ~runs["experiment"].isin(list(EXPERIMENTS))
    runs[numbers.columns] = numbers
    for rows, what in ((damaged, "is damaged"), (runs.duplicated(["experiment", "seed"]), "repeats an earlier run")):
        if rows.any():
            raise OSError(f"{RUNS}, line {rows.idxmax() + 2} {what}: mend or delete this line and run again")
    return runs.astype({"seed": int, "threads": int})


def add_run(row):
    """Add a finished run to results/runs.csv: the whole file is written anew, so that no row can be half there."""
    import pandas as pd

    runs = read_runs()
    if (row["experiment"], row["seed"]) in set(zip(runs["experiment"], runs["seed"])):
        return  # by another process
    row = pd.DataFrame([row], columns=COLUMNS)
    with script.whole_file(RUNS) as part:
        (pd.concat([runs, row]) if len(runs) else row).to_csv(part, index=False)
