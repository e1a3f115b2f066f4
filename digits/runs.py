"""models/<run>/: the one place that knows a run's files: model.keras, history.csv (a row per epoch) and metrics.json.

Where Keras cannot save a model whole, model.weights.h5 is there instead of model.keras.
"""

import contextlib
import datetime
import json
import os
import platform
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits import deck, interrupts, keras_start, networks
from digits.errors import UserError, print_error, warn
from digits.files import atomic_folder, check_folder, write_json
from digits.process import options

MODELS, PLOTS = Path("models"), Path("plots")
ACCURACY = ["accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy"]  # in Keras
DRY = "_dryrun"  # in the name of a run that only checks whether everything works
# What code that reads a run relies on, in the metrics.json of an earlier version, too.
NEEDED = {"seed", "epochs", "parameters", "train_accuracy", "validation_accuracy", "device"}
STANDARD, UNCHECKED = "standard", "unchecked"  # see `report.check`
saved = []  # the runs that this process has saved


class Plan(NamedTuple):
    """A run that a script is to train: its name, and the arguments of `main`, a dict."""

    name: str
    arguments: dict


class Run(NamedTuple):
    """One trained model: its name, its numbers, its learning curves."""

    name: str
    metrics: dict  # as in metrics.json
    history: Any  # pandas.DataFrame, one row per epoch: loss, accuracy if it was a metric, val_* if validated

    @property
    def arguments(self):
        """The arguments of `main` with which it was trained, a dict; empty where they are not known."""
        return self.metrics.get("arguments", self.metrics.get("flags", {}))  # flags: of an earlier version

    @property
    def check(self):
        """What it can be asked: see `report.check`."""
        return self.metrics.get("check", UNCHECKED)

    @property
    def reference(self):
        """The `deck.Reference` of the deck's run that this is, or None."""
        is_decks = self.metrics.get("deck_model", True) and self.check in (STANDARD, UNCHECKED)
        return deck.RUNS.get(deck.find_experiment(self.name)) if is_decks else None

    @property
    def title(self):
        """What the run is called in figures: its title in the deck, or its name."""
        return self.reference.title if self.reference else self.name


def clean_name(name):
    """Return the name of a run without what no system allows in the name of a folder."""
    return re.sub(r'[\s/\\:*?"<>|]', "-", name)


def prepare(name):
    """Find out, before a training, whether its run can be saved under this name. Begin anew to count this process's.

    Raises:
        UserError, OSError: it can't.
    """
    saved.clear()
    check_folder(MODELS)
    check_folder(PLOTS)
    longest = MODELS / f".earlier-{os.getpid()}-{name}_interrupted_run99"
    longest.mkdir()
    longest.rmdir()


@interrupts.postponed()
def save(run, model, history=None):
    """Write models/<run>/, whole or not at all.

    Args:
        run: its name, a text; or a `Plan`; or of a loop the `Run` before.
        model: keras.Model that was trained, by `fit` or in another way.
        history: its keras.callbacks.History; or the learning curves as a dict of lists; or None.

    Returns:
        The `Run`. Its name ends with _interrupted if Ctrl-C ended the training, and with _run2 for the second one that
        this process trains under one name, in a loop say.

    Raises:
        UserError, OSError: it cannot be written. An earlier run of this name is unchanged.
    """
    name, arguments = (run.name, run.arguments) if isinstance(run, (Plan, Run)) else (clean_name(str(run)), {})
    if isinstance(run, Run):
        name = re.sub(r"(_interrupted)?(_run\d+)?$", "", name)
    curves = tabulate_epochs(history)
    epochs = getattr(history, "epoch", None)
    if epochs == []:
        raise UserError("the network was not trained, which takes an epoch at least: nothing was saved")
    params = getattr(history, "params", None) or {}
    planned = params.get("epochs", len(curves))
    if getattr(history, "interrupted", False) and epochs[-1] + 1 < planned:
        name += "_interrupted"
    number = 1 + sum(re.sub(r"_run\d+$", "", other.name) == name for other in saved)
    if number > 1:
        name += f"_run{number}"
    own = getattr(history, "model", model) is model
    if not own:
        warn(f"{name}: the learning curves are those of another model than the one that is saved")
    metrics = {
        "run": name,
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "seed": arguments.get("seed"),
        "arguments": arguments,
        "check": UNCHECKED,
        "deck_model": own and networks.is_decks(deck.find_experiment(name), model, history),
        "parameters": model.count_params(),
        "train_accuracy": find_last(curves, "accuracy"),
        "validation_accuracy": find_last(curves, "val_accuracy"),
        "epochs": len(curves),
        "planned_epochs": planned,
        "steps": params.get("steps"),
        "optimizer": describe_optimizer(model),
        "interrupted": "_interrupted" in name,
        "bfloat16": options.bfloat16,
        "versions": versions(),
        "device": keras_start.device_name(),
    }
    run = Run(name, to_json(metrics), curves)
    with atomic_folder(MODELS / name) as folder:
        save_model(model, folder, name)
        curves.to_csv(folder / "history.csv")
        write_json(folder / "metrics.json", run.metrics)
    saved.append(run)
    print(f"\nSaved: {MODELS / name}/ ({', '.join(sorted(path.name for path in (MODELS / name).iterdir()))})")
    return run


def save_model(model, folder, name):
    """Write a model into a run's folder; if Keras cannot save it whole, only its weights, and say so in one line."""
    try:
        model.save(folder / "model.keras")
    except Exception as error:  # by a class of a student's own, anything
        (folder / "model.keras").unlink(missing_ok=True)
        model.save_weights(folder / "model.weights.h5")
        reason = " ".join(str(error).split())
        warn(shorten(f"{name}: Keras can save only the weights, not the whole model: {reason}"))


def shorten(line, length=150):
    """Return a line, cut to a length that fits into two lines of a terminal."""
    return line if len(line) <= length else f"{line[: length - 4]} ..."


def describe_saved():
    """Return a sentence that says what an interrupted script has saved."""
    if not saved:
        return "interrupted: nothing was saved; earlier runs are unchanged"
    metrics = saved[-1].metrics
    place = ""
    if metrics["interrupted"]:
        place = f" in epoch {metrics['epochs']} of {metrics['planned_epochs']}"
    return f"interrupted{place}: what was trained is in {MODELS / saved[-1].name}; earlier runs are unchanged"


def tabulate_epochs(history):
    """Return learning curves as a DataFrame, one row per epoch, the accuracy named "accuracy" and "val_accuracy".

    A curve with fewer values is that of a validation every few epochs, which one line on stderr says.

    Args:
        history: see `save`.
    """
    import pandas as pd

    curves = getattr(history, "history", history)
    if not isinstance(curves, Mapping):
        if curves is not None:
            warn(f"learning curves are a History or a dict of lists, not {type(curves).__name__}: they are left out")
        curves = {}
    curves = {str(name): list(np.atleast_1d(np.asarray(values, object))) for name, values in curves.items()}
    rows = max(map(len, curves.values()), default=0)
    epochs = list(getattr(history, "epoch", range(rows)))
    if len(epochs) != rows:
        epochs = list(range(rows))
    table = pd.DataFrame(index=pd.Index(epochs, name="epoch"))
    for name, values in curves.items():
        computed = find_epochs(epochs, len(values))
        if len(values) < rows:
            numbers = ", ".join(str(epoch + 1) for epoch in computed)
            warn(f"{name} has {len(values)} values for {rows} epochs: they are taken for those of epoch {numbers}")
        values = [value if np.ndim(value) else float(value) for value in values]  # a metric may have several numbers
        table[name] = pd.Series(values, computed)
    for name in ACCURACY:
        if name in table:
            return table.rename(columns={name: "accuracy", f"val_{name}": "val_accuracy"})
    return table


def find_epochs(epochs, count):
    """Return those `count` of the epochs, a list of numbers, after which Keras has validated, by `validation_freq`."""
    for frequency in range(1, len(epochs) + 1):
        validated = [epoch for epoch in epochs if (epoch + 1) % frequency == 0]
        if len(validated) == count:
            return validated
    return epochs[len(epochs) - count :]


def find_last(curves, name):
    """Return the last value of a learning curve, None where there is none."""
    values = curves[name].dropna() if name in curves else []
    return values.iloc[-1] if len(values) else None


def describe_optimizer(model):
    """Return the name and the settings of a model's optimizer, a dict; empty where there are none to be had."""
    optimizer = getattr(model, "optimizer", None)
    with contextlib.suppress(Exception):  # of a class of a student's own
        return {"class": type(optimizer).__name__, **optimizer.get_config()}
    return {}


def update(run, **metrics):
    """Write more into a saved run's metrics.json; return the `Run`."""
    run = run._replace(metrics=run.metrics | to_json(metrics))
    write_json(MODELS / run.name / "metrics.json", run.metrics)
    return run


def to_json(content):
    """Return `content` as metrics.json has it: arrays as lists, null for what is no finite number, others as texts."""

    def convert(value):
        return np.asarray(value).tolist() if hasattr(value, "__array__") else str(value)

    return json.loads(json.dumps(content, default=convert), parse_constant=lambda _: None)


def load_run(name):
    """Return the saved `Run` of this name.

    Raises:
        UserError: it is missing or damaged.
    """
    import pandas as pd

    folder = MODELS / name
    if not folder.is_dir():
        known = ", ".join(list_runs()) or "none"
        raise UserError(f"there is no saved run {name} in {MODELS.absolute()}; saved are: {known}")
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8-sig"))  # an editor may add a mark
        missing = NEEDED - set(metrics)
        if missing:
            raise ValueError(f"metrics.json has no {', '.join(sorted(missing))}")
        history = pd.read_csv(folder / "history.csv", index_col="epoch", encoding="utf-8-sig")
        if len(history) != metrics["epochs"]:
            raise ValueError("history.csv is not whole")
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(shorten(f"{folder} is damaged, train it again ({type(error).__name__}: {error})")) from error
    return Run(name, metrics, history.select_dtypes("number"))


def load_model(name):
    """Return a saved run's keras.Model, not compiled, if nothing but Keras is needed to load it.

    Raises:
        UserError: it cannot be loaded.
    """
    import keras

    path = MODELS / name / "model.keras"
    if not path.exists() and path.with_name("model.weights.h5").exists():
        raise UserError(f"{path.parent} holds only the weights, since Keras could not save this model whole")
    writer = keras.__version__
    try:
        with zipfile.ZipFile(path) as archive:
            writer = json.loads(archive.read("metadata.json"))["keras_version"]
            foreign = find_foreign(json.loads(archive.read("config.json")))
        if foreign:
            raise UserError(f"{path} needs {foreign}, which is not Keras's own")
        own = {"softmax_v2": keras.activations.softmax}  # as Keras saves tf.nn.softmax
        return keras.saving.load_model(path, custom_objects=own, compile=False)
    except UserError:
        raise
    except zipfile.BadZipFile as error:
        raise UserError(f"{path} is damaged, or no file of Keras's: train it again") from error
    except Exception as error:  # of an archive that is damaged, or of another Keras, anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, OSError) or not path.exists():
            reason = f"it is missing or damaged ({reason})"
        elif writer != keras.__version__:
            reason = f"Keras {writer} wrote it, this is Keras {keras.__version__}; {reason}"
        raise UserError(shorten(f"{path} cannot be loaded: {reason}")) from error


def find_foreign(config):
    """Return the name of a layer or function in a model's configuration that is not Keras's own, or "".

    What a script has registered is one, too: Keras knows it in that script's process only.
    """
    config.pop("compile_config", None)  # a loss of one's own is not needed
    own_class = r'"module": "(?!keras|builtins)[^"]*", "class_name": "([^"]*)"'
    found = re.search(rf'{own_class}|"registered_name": "[^">]*>([^"]*)"', json.dumps(config))
    return found[1] or found[2] if found else ""


def list_runs():
    """Return the names of the saved runs, the deck's first, in its order. Dry runs count only where nothing else is."""
    names = sorted(path.parent.name for path in MODELS.glob("[!.]*/metrics.json"))
    names = [name for name in names if DRY not in name] or names
    return [name for name in deck.RUNS if name in names] + [name for name in names if name not in deck.RUNS]


def load_evaluated_runs():
    """Yield the saved runs that can be read and have been evaluated."""
    for name in list_runs():
        try:
            run = load_run(name)
        except UserError:
            continue
        if run.metrics.get("test_accuracy") is not None:
            yield run


def choose_model(name=None):
    """Return a run's name and its model: of the run `name`, or of the standard one with the highest test accuracy.

    A dry run comes last. One that cannot be used is passed over with a line on stderr.

    Raises:
        UserError: there is none.
    """
    if name:
        run = load_run(name)
        if run.check not in (STANDARD, UNCHECKED):
            raise UserError(f"{name} is not used: {run.check}")
        return name, load_standard(run)
    found = []
    for name in list_runs():
        try:
            found.append(load_run(name))
        except UserError as error:
            print_error(error)
    usable = [run for run in found if run.check in (STANDARD, UNCHECKED)]
    usable.sort(key=lambda run: run.metrics.get("test_accuracy") or 0, reverse=True)
    for run in usable:
        try:
            return run.name, load_standard(run)
        except UserError as error:
            print_error(error)
    raise UserError(f"there is no saved run to predict with in {MODELS.absolute()}; train one first: `python cnn.py`")


def load_standard(run):
    """Return the model of a run that can be asked about our images; say so where that was never checked.

    Raises:
        UserError: it cannot be loaded, or takes other images.
    """
    model = load_model(run.name)
    networks.predict(model, np.zeros((1, 28, 28), np.uint8))
    if run.check == UNCHECKED:
        warn(f"{run.name} was never checked: it is taken for a network of pixels from 0 to 1")
    return model


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
