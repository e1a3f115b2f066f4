"""models/<run>/: the one place that knows its name and its files.

model.keras, history.csv (one row per epoch) and metrics.json; model.weights.h5 where Keras cannot save the model whole.
"""

import contextlib
import datetime
import json
import math
import os
import platform
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits import environment, slides
from digits.errors import UserError, print_error, warn
from digits.files import atomic_folder, write_json

MODELS = Path("models")
# What code that reads a run relies on. A run that was interrupted before its evaluation has no test metrics.
METRICS = {"seed", "epochs", "parameters", "train_accuracy", "validation_accuracy", "flags", "device"}
ACCURACY = ["accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy"]  # in Keras


class Run(NamedTuple):
    """One trained model: its name, its numbers, its learning curves."""

    name: str
    metrics: dict  # as in metrics.json
    history: Any  # pandas.DataFrame, one row per epoch: loss, accuracy if it was a metric, val_* if validated

    @property
    def reference(self):
        """The `slides.Reference` of the deck's run that this is, or None."""
        experiment = slides.find_experiment(self.name)
        return slides.RUNS.get(experiment) if self.metrics.get("deck_model", True) else None

    @property
    def title(self):
        """What the run is called in figures: its title in the deck, or its name."""
        return self.reference.title if self.reference else self.name


def save(model, history, args, interrupted=False, **test_metrics):
    """Write models/<run>/, whole or not at all.

    Args:
        model: keras.Model that was trained.
        history: its keras.callbacks.History.
        args: the flags, as from `cli.run`, with `run`, the run's name.
        interrupted: whether to name the run <run>_interrupted; so is one of fewer epochs than were asked for, unless a
            callback has stopped it.
        test_metrics: test_loss, test_accuracy, confusion_matrix.

    Returns:
        The `Run`.

    Raises:
        UserError, OSError: it cannot be written. An earlier run of this name is unchanged.
    """
    import pandas as pd

    if not history.epoch:
        raise UserError("the network was not trained, which takes an epoch at least: nothing was saved")
    epochs = pd.DataFrame(history.history).rename_axis("epoch")
    epochs = epochs.rename(columns=find_accuracy(epochs))
    planned = history.params["epochs"]
    interrupted = interrupted or (history.epoch[-1] + 1 < planned and not model.stop_training)
    name = args.run
    experiment = slides.find_experiment(name)
    deck_model = experiment in slides.RUNS and slides.is_deck_model(experiment, model, history)
    if interrupted:
        name += "_interrupted"
    last = epochs.iloc[-1]
    metrics = {
        "run": name,
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "deck_model": deck_model,
        "seed": args.seed,
        "batch_size": args.batch_size,
        "validation_split": args.validation_split,
        "parameters": model.count_params(),
        "train_accuracy": last.get("accuracy"),
        "validation_accuracy": last.get("val_accuracy"),
        "epochs": len(epochs),
        "planned_epochs": planned,
        "interrupted": interrupted,
        "flags": {flag: value for flag, value in vars(args).items() if flag != "run"},
        "versions": versions(),
        "device": environment.device_name(),
    }
    run = Run(name, to_json(metrics | test_metrics), epochs)
    with atomic_folder(MODELS / name) as folder:
        try:
            model.save(folder / "model.keras")
        except (NotImplementedError, TypeError, ValueError) as error:  # a class of a student's own
            (folder / "model.keras").unlink(missing_ok=True)
            model.save_weights(folder / "model.weights.h5")
            reason = " ".join(str(error).split())[:200]
            warn(f"Keras cannot save this model whole, only its weights; build it by keras.Sequential ({reason})")
        run.history.to_csv(folder / "history.csv")
        write_json(folder / "metrics.json", run.metrics)
    return run


def name_next(name):
    """Return the name of the run that a script trains after the one of this name, in a loop say: mlp_256_run2."""
    first, number = re.fullmatch(r"(.*?)(?:_run(\d+))?", name).groups()
    return f"{first}_run{int(number or 1) + 1}"


def find_accuracy(epochs):
    """Return a dict that renames the accuracy, which Keras names after its metric, to "accuracy" and "val_accuracy".

    Args:
        epochs: DataFrame whose columns are those of Keras's History.
    """
    for name in ACCURACY:
        if name in epochs:
            return {name: "accuracy", f"val_{name}": "val_accuracy"}
    return {}


def update(run, **test_metrics):
    """Write new test metrics into a saved run's metrics.json; return the `Run`.

    Where it cannot be written, in a lecturer's read-only folder say, one line on stderr says so.
    """
    run = run._replace(metrics=run.metrics | to_json(test_metrics))
    try:
        write_json(MODELS / run.name / "metrics.json", run.metrics)
    except OSError as error:
        warn(f"the new test metrics of {run.name} are not saved: {error}")
    return run


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
    if not folder.is_dir():
        saved = ", ".join(list_runs()) or "none"
        raise UserError(f"there is no saved run {name} in {MODELS.absolute()}; saved are: {saved}")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        missing = METRICS - set(metrics)
        if missing:
            raise ValueError(f"metrics.json has no {', '.join(sorted(missing))}")
        history = pd.read_csv(folder / "history.csv", index_col="epoch").select_dtypes("number")
        if len(history) != metrics["epochs"] or "loss" not in history:
            raise ValueError("history.csv is not whole")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{folder} is damaged, train it again ({type(error).__name__}: {error})") from error
    return Run(name, metrics, history)


def load_model(name):
    """Return a saved run's keras.Model, not compiled: (n, 784) float32 -> (n, 10) probabilities.

    Raises:
        UserError: it cannot be loaded, or does not tell the ten digits apart.
    """
    import keras

    path = MODELS / name / "model.keras"
    if not path.exists() and path.with_name("model.weights.h5").exists():
        raise UserError(f"{path.parent} holds only the weights, since Keras could not save this model whole")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # a damaged archive can raise nearly anything
        problem, reason = "is missing or damaged", (str(error).splitlines() or [type(error).__name__])[0]
        with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
            writer = json.loads(archive.read("metadata.json"))["keras_version"]
            problem = "cannot be loaded"  # with layers or functions of one's own, say
            if writer != keras.__version__:
                reason = f"Keras {writer} wrote it, this is Keras {keras.__version__}; {reason}"
        raise UserError(f"{path} {problem}, train it again ({reason})") from error
    if isinstance(model, keras.Sequential) and model.input_shape[1:] in ((28, 28), (28, 28, 1)):  # as many write it
        model = keras.Sequential([keras.Input((784,)), keras.layers.Reshape(model.input_shape[1:]), *model.layers])
    predictions = np.empty(0)
    with contextlib.suppress(Exception):  # Keras's, of another shape
        predictions = np.asarray(model(np.zeros((1, 784), np.float32)))
    if predictions.shape != (1, 10) or not are_probabilities(predictions):
        raise UserError(f"{path} does not turn 784 pixels into 10 probabilities: it is not used")
    return model


def are_probabilities(predictions):
    """Return whether predictions lie from 0 to 1, but for rounding; logits do not. NaN, after a failure, passes."""
    return not (predictions.min() < -0.01 or predictions.max() > 1.01)


def list_runs():
    """Return the names of the saved runs, the deck's first, in its order."""
    names = sorted(path.parent.name for path in MODELS.glob("[!.]*/metrics.json"))
    return [name for name in slides.RUNS if name in names] + [name for name in names if name not in slides.RUNS]


def load_evaluated_runs():
    """Yield the saved runs that can be read and have been evaluated."""
    for name in list_runs():
        try:
            run = load_run(name)
        except UserError:
            continue
        if "test_accuracy" in run.metrics:
            yield run


def choose_models(name=None, every=False):
    """Return a dict of run name to model: the run `name`, or the best saved one, or with `every` all, best first.

    The best has the highest test accuracy. A damaged run is passed over with a line on stderr.
    Raises UserError where no model is left.
    """
    if name:
        load_run(name)  # says which runs there are, where this one is not
        return {name: load_model(name)}
    saved, models = [], {}
    for name in list_runs():
        try:
            metrics = load_run(name).metrics
            saved.append((metrics.get("test_accuracy") or 0, name))
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
