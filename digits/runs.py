"""models/<run>/: the one place that knows its name and its files.

model.keras, history.csv (one row per epoch) and metrics.json.
"""

import contextlib
import io
import json
import math
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits import acceleration, slides
from digits.errors import UserError
from digits.files import write_json

MODELS = Path("models")
STARTED = time.perf_counter()  # of the process, nearly: every script imports this module first


class Run(NamedTuple):
    """One trained model: its name, its numbers, its learning curves."""

    name: str
    metrics: dict  # as in metrics.json
    history: Any  # pandas.DataFrame, one row per epoch: accuracy, loss, and val_accuracy, val_loss if validated


def check_writable():
    """Find out before training whether a run can be saved after it. Raises OSError where not."""
    MODELS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=MODELS, prefix="."):
        pass
    with contextlib.suppress(OSError):  # it holds earlier runs
        MODELS.rmdir()  # an error before training leaves nothing behind


def save(model, history, data, args, **test_metrics):
    """Write models/<run>/, whole or not at all.

    Args:
        model: keras.Model that was trained.
        history: Keras's History. With fewer epochs than were asked for, the run is named <run>_interrupted.
        data: `preprocess.Dataset`.
        args: the flags, as from `cli.parse_training_args`.
        test_metrics: test_loss, test_accuracy, confusion_matrix, recall, precision.

    Returns:
        The `Run`.

    Raises:
        OSError: a file cannot be written; an earlier run of this name is unchanged.
    """
    import pandas as pd

    epochs = pd.DataFrame(history.history).rename_axis("epoch")
    name = args.run + "_synthetic" * (data.dataset == "synthetic") + "_interrupted" * is_interrupted(history)
    started, seconds = (getattr(history, name, math.nan) for name in ("started", "seconds"))  # not by Keras's own fit
    last = epochs.iloc[-1]
    metrics = {
        "run": name,
        "dataset": data.dataset,
        "dataset_sha256": data.sha256,
        "seed": args.seed,
        "batch_size": args.batch_size,
        "validation_split": args.validation_split,
        "parameters": model.count_params(),
        "train_accuracy": last["accuracy"],
        "validation_accuracy": last.get("val_accuracy"),
        "epochs": len(epochs),
        "start_seconds": round(started - STARTED, 2),
        "fit_seconds": round(seconds, 2),
        "total_seconds": round(time.perf_counter() - STARTED, 2),
        "flags": {flag: value for flag, value in vars(args).items() if flag != "run"},
        "versions": versions(),
        "device": acceleration.device_name(),
    }
    metrics = to_json(metrics | round_accuracy(test_metrics))
    MODELS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=MODELS) as folder:
        new, old, target = Path(folder, "new"), Path(folder, "old"), MODELS / name
        new.mkdir()
        model.save(new / "model.keras")
        epochs.to_csv(new / "history.csv")
        write_json(new / "metrics.json", metrics)
        if target.exists():
            target.rename(old)
        new.rename(target)
    return Run(name, metrics, epochs)


def is_interrupted(history):
    """Return whether Keras's History has fewer epochs than were asked for."""
    return len(history.epoch) < history.params["epochs"]


def update(run, **test_metrics):
    """Write new test metrics into a saved run's metrics.json; return the `Run`."""
    run = run._replace(metrics=run.metrics | to_json(round_accuracy(test_metrics)))
    write_json(MODELS / run.name / "metrics.json", run.metrics)
    return run


def round_accuracy(test_metrics):
    """Return the metrics with an accuracy of six digits: Keras's is a float32, which writes 0.9758 as 0.97579998."""
    return test_metrics | {"test_accuracy": round(test_metrics["test_accuracy"], 6)}


def to_json(value):
    """Return `value` as JSON takes it: arrays as lists, and null for what is not a finite number."""
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if hasattr(value, "__array__"):
        return to_json(np.asarray(value).tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load_run(name):
    """Return the saved `Run` of this name.

    Raises:
        UserError: it is missing or damaged.
    """
    import pandas as pd

    folder = MODELS / name
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        table = (folder / "history.csv").read_text(encoding="utf-8")
        history = pd.read_csv(io.StringIO(table), index_col="epoch")
        if metrics["validation_accuracy"] is None:  # runs of an earlier version have empty val_* columns
            history = history.drop(columns=[column for column in history if column.startswith("val_")])
        history[["accuracy", "loss"]], metrics["dataset"], metrics["train_accuracy"]  # what all readers need
        if len(history) != metrics["epochs"] or not table.endswith("\n"):
            raise ValueError("history.csv is not whole")
    except (OSError, ValueError, LookupError, TypeError) as error:
        if not folder.is_dir():
            saved = ", ".join(list_runs()) or "none"
            raise UserError(f"there is no saved run {name}; saved are: {saved}") from None
        raise UserError(f"{folder} is damaged, train it again ({type(error).__name__}: {error})") from error
    return Run(name, metrics, history)


def load_model(name):
    """Return a saved run's keras.Model, not compiled: (n, 784) float32 -> (n, 10) probabilities.

    Raises:
        UserError: it is missing or damaged.
    """
    import keras

    path = MODELS / name / "model.keras"
    try:
        model = keras.saving.load_model(path, compile=False)
        if model.input_shape != (None, 784) or model.output_shape != (None, 10):
            raise ValueError("it does not turn 784 numbers into 10")
        return model
    except Exception as error:  # a damaged archive can raise nearly anything
        raise UserError(f"{path} is missing or damaged, train it again ({str(error).splitlines()[0]})") from error


def list_runs():
    """Return the names of the saved runs, the deck's first, in its order."""
    names = sorted(path.parent.name for path in MODELS.glob("[!.]*/metrics.json"))
    return [name for name in slides.RUNS if name in names] + [name for name in names if name not in slides.RUNS]


def versions():
    """Return the versions that a result depends on, and TensorFlow's oneDNN setting, as a dict of texts."""
    import keras
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }
