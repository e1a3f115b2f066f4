"""The runs that are saved in models/: their numbers, their learning curves, their models."""

import io
import json

import deck
import train


def read(run):
    """Return a saved run's metrics (dict) and history (data frame, a row an epoch).

    Raises OSError where they are missing or damaged.
    """
    import pandas as pd

    folder = train.MODELS / run
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        table = (folder / "history.csv").read_text(encoding="utf-8")
        history = pd.read_csv(io.StringIO(table))
        if metrics["validation_accuracy"] is None:  # CSVLogger writes empty val_* columns all the same
            history = history.drop(columns=[name for name in history if name.startswith("val_")])
        history[["accuracy", "loss"]], metrics["dataset"], metrics["train_accuracy"]  # what all readers need
        if len(history) != metrics["epochs"] or not table.endswith("\n"):
            raise ValueError("history.csv is not whole")
    except (OSError, ValueError, LookupError, TypeError) as error:
        if not folder.is_dir():
            saved = ", ".join(runs()) or "none"
            raise FileNotFoundError(f"there is no saved run {run}; saved are: {saved}") from None
        raise OSError(f"{folder} is damaged, train it again ({type(error).__name__}: {error})") from error
    return metrics, history


def load_model(run):
    """Return a saved run's keras.Model. Raises OSError where it is missing or damaged."""
    import keras

    path = train.MODELS / run / "model.keras"
    try:
        model = keras.saving.load_model(path, compile=False)
        if model.input_shape != (None, 784) or model.output_shape != (None, 10):
            raise ValueError("it does not turn 784 numbers into 10")
        return model
    except Exception as error:  # a damaged archive can raise nearly anything
        raise OSError(f"{path} is missing or damaged, train it again ({str(error).splitlines()[0]})") from error


def runs():
    """Return the names of the saved runs, the deck's first, in its order."""
    names = sorted(path.parent.name for path in train.MODELS.glob("[!.]*/metrics.json"))
    return [name for name in deck.RUNS if name in names] + [name for name in names if name not in deck.RUNS]
