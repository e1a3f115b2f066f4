"""models/<run>/: the one place that knows its name and its files.

model.keras, history.csv (one row per epoch) and metrics.json.
"""

import contextlib
import datetime
import io
import json
import math
import os
import platform
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits import acceleration, slides
from digits.errors import UserError, print_error
from digits.files import atomic_folder, check_folder, clear_leftovers, write_json

MODELS = Path("models")
METRICS = {  # what the readers of a run count on in metrics.json: what is there is checked once, in `load_run`
    "dataset": str,
    "seed": int,
    "epochs": int,
    "parameters": int,
    "train_accuracy": float,
    "validation_accuracy": float | None,
    "fit_seconds": float | None,
    "flags": dict,
    "device": str,
}
TEST_METRICS = {  # of a run that has been evaluated
    "test_accuracy": float,
    "test_loss": float | None,
    "confusion_matrix": list,
    "recall": list,
    "precision": list,
}


class Run(NamedTuple):
    """One trained model: its name, its numbers, its learning curves."""

    name: str
    metrics: dict  # as in metrics.json
    history: Any  # pandas.DataFrame, one row per epoch: accuracy, loss, and val_accuracy, val_loss if validated


def check_writable(name):
    """Find out before training whether a run of this name can be saved after it.

    Raises:
        UserError, OSError: it can't.
    """
    check_folder(MODELS)
    folder = MODELS / name
    if folder.exists():
        if not folder.is_dir():
            raise UserError(f"{folder.absolute()} must be a folder but is a file: move it away")
        if os.path.ismount(folder) or not os.access(folder, os.W_OK):
            raise UserError(f"{folder.absolute()} can't be replaced: it is a mount point, or you may not write to it")


def save(model, history, data, args, **test_metrics):
    """Write models/<run>/, whole or not at all.

    Args:
        model: keras.Model that was trained.
        history: Keras's History. With fewer epochs than were asked for, the run is named <run>_interrupted.
        data: `preprocess.Dataset`.
        args: the flags, as from `cli.parse_training_args`, with `run` and `started`.
        test_metrics: test_loss, test_accuracy, confusion_matrix, recall, precision.

    Returns:
        The `Run`.

    Raises:
        UserError, OSError: it cannot be written. An earlier run of this name is unchanged, and where the new one could
            be kept elsewhere, the message says so.
    """
    import pandas as pd

    epochs = pd.DataFrame(history.history).rename_axis("epoch")
    name = args.run + "_synthetic" * (data.dataset == "synthetic") + "_interrupted" * is_interrupted(history)
    started, seconds = (getattr(history, name, math.nan) for name in ("started", "seconds"))  # not by Keras's own fit
    last = epochs.iloc[-1]
    metrics = {
        "run": name,
        "date": datetime.date.today().isoformat(),
        "dataset": data.dataset,
        "dataset_sha256": data.sha256,
        "seed": args.seed,
        "batch_size": args.batch_size,
        "validation_split": args.validation_split,
        "parameters": model.count_params(),
        "train_accuracy": last["accuracy"],
        "validation_accuracy": last.get("val_accuracy"),
        "epochs": len(epochs),
        "start_seconds": round(started - args.started, 2),
        "fit_seconds": round(seconds, 2),
        "total_seconds": round(time.perf_counter() - args.started, 2),
        "flags": {flag: value for flag, value in vars(args).items() if flag not in ("run", "started")},
        "versions": versions(),
        "device": acceleration.device_name(),
    }
    metrics = to_json(metrics | round_accuracy(test_metrics))
    run = Run(name, metrics, epochs)
    try:
        with atomic_folder(MODELS / name) as folder:
            _write(run, model, folder)
    except (UserError, OSError) as error:  # what took minutes is not thrown away
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        try:
            _write(run, model, folder)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise error from None
        raise UserError(f"{error}. The trained model is kept in {folder}") from error
    return run


def _write(run, model, folder):
    model.save(folder / "model.keras")
    run.history.to_csv(folder / "history.csv")
    write_json(folder / "metrics.json", run.metrics)


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
        check_metrics(metrics)
        table = (folder / "history.csv").read_text(encoding="utf-8")
        history = pd.read_csv(io.StringIO(table), index_col="epoch")
        if metrics["validation_accuracy"] is None:  # runs of an earlier version have empty val_* columns
            history = history.drop(columns=[column for column in history if column.startswith("val_")])
        curves = history[["accuracy", "loss"]].astype(float)
        if len(curves) != metrics["epochs"] or not table.endswith("\n"):
            raise ValueError("history.csv is not whole")
    except (OSError, ValueError, LookupError, TypeError) as error:
        if not folder.is_dir():
            saved = ", ".join(list_runs()) or "none"
            raise UserError(f"there is no saved run {name} in {MODELS.absolute()}; saved are: {saved}") from None
        raise UserError(f"{folder} is damaged, train it again ({type(error).__name__}: {error})") from error
    return Run(name, metrics, history)


def check_metrics(metrics):
    """Raise a ValueError that names the first thing missing from, or wrong in, the content of a metrics.json."""
    if not isinstance(metrics, dict):
        raise ValueError("metrics.json is not an object")
    expected = METRICS | (TEST_METRICS if "test_accuracy" in metrics else {})
    for name, kind in expected.items():
        if name not in metrics:
            raise ValueError(f"metrics.json has no {name}")
        value = metrics[name]
        if not isinstance(float(value) if type(value) is int and kind is not int else value, kind):
            raise ValueError(f"in metrics.json, {name} is {json.dumps(value)}")
    if metrics["dataset"] not in ("mnist", "synthetic"):
        raise ValueError(f"in metrics.json, dataset is {metrics['dataset']}")
    if "test_accuracy" in metrics:
        shapes = [np.array(metrics[name], float).shape for name in ("confusion_matrix", "recall", "precision")]
        if shapes != [(10, 10), (10,), (10,)]:
            raise ValueError("in metrics.json, the confusion matrix, recall or precision is not of ten digits")


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
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
            writer = json.loads(archive.read("metadata.json"))["keras_version"]
            if writer != keras.__version__:
                reason = f"Keras {writer} wrote it, this is Keras {keras.__version__}; {reason}"
        raise UserError(f"{path} is missing or damaged, train it again ({reason})") from error


def list_runs():
    """Return the names of the saved runs, the deck's first, in its order."""
    clear_leftovers(MODELS)
    names = sorted(path.parent.name for path in MODELS.glob("[!.]*/metrics.json"))
    return [name for name in slides.RUNS if name in names] + [name for name in names if name not in slides.RUNS]


def choose_models(name=None, every=False):
    """Return a dict of run name to model: the run `name`, or the best saved one, or with `every` all, best first.

    The best has the highest test accuracy, on MNIST before synthetic digits. A damaged run is passed over with a line
    on stderr. Raises UserError where no model is left.
    """
    if name:
        load_run(name)  # says which runs there are, where this one is not
        return {name: load_model(name)}
    saved, models = [], {}
    for name in list_runs():
        try:
            metrics = load_run(name).metrics
            saved.append((metrics["dataset"] == "mnist", metrics.get("test_accuracy") or 0, name))
        except UserError as error:
            print_error(error)
    for *_, name in sorted(saved, reverse=True):
        try:
            models[name] = load_model(name)
        except UserError as error:
            print_error(error)
        if models and not every:
            break
    if not models:
        raise UserError(f"there is no saved run in {MODELS.absolute()}; train one first: `python cnn.py`")
    return models


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
