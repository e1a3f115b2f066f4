"""Steps 4 and 5 of the deck (slides 8, 12, 18-19): how good is a trained model, and where does it err?

python evaluate.py                 every saved model again, its pictures, and one table against the deck
python evaluate.py cnn mlp_256     only these
"""

import io
import json
import math
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import figures
import preprocess
import script
import train

PLOTS = Path("plots")


class Deck(NamedTuple):
    """What the deck says of a run, and what this project measured of it over many seeds."""

    slide: int
    accuracy: float | None = None  # on the test set; None where the deck prints no number
    band: tuple[float, float] | None = None  # where 99 of 100 runs are expected


# The bands are 99% prediction intervals (Student's t). Over the seeds 0 to 9 the test accuracy of mlp_256 has the mean
# 0.9764 and the standard deviation 0.0010, that of cnn 0.9903 and 0.0007.
DECK = {
    "mlp_256": Deck(12, 0.9762, (0.9731, 0.9797)),
    "mlp_800": Deck(13),
    "mlp_dropout": Deck(17),
    "cnn": Deck(29, 0.9902, (0.9881, 0.9925)),
}


def confusion_matrix(labels, predictions):
    """Slide 18: count how often each digit is read as each digit.

    labels, predictions: (n,) integers 0..9. Returns a (10, 10) data frame of counts: rows `label`, columns `predict`.
    """
    import pandas as pd

    counts = pd.crosstab(pd.Series(labels, name="label"), pd.Series(predictions, name="predict"))
    return counts.reindex(index=range(10), columns=range(10), fill_value=0)


def recall_and_precision(matrix):
    """Slide 18: recall is the share of each digit that was found, precision the share of each reading that is right.

    matrix: as from `confusion_matrix`. Returns two (10,) float arrays; NaN where there is nothing to divide by.
    """
    counts = np.asarray(matrix, dtype=float)
    right = counts.diagonal()
    with np.errstate(invalid="ignore"):
        return right / counts.sum(axis=1), right / counts.sum(axis=0)


def measure(model, x, y):
    """Return what `model` says of the pictures `x`, (n, 10) float32 probabilities, its accuracy, and its loss.

    The loss is None where it is not a number.
    """
    from keras.losses import categorical_crossentropy

    # A part at a time: `model.predict(x)` would hold a copy of them all.
    probabilities = np.concatenate([model.predict_on_batch(part) for part in np.split(x, range(500, len(x), 500))])
    accuracy = float(np.mean(y.argmax(axis=1) == probabilities.argmax(axis=1)))
    return probabilities, accuracy, finite(np.mean(categorical_crossentropy(y, probabilities)))


def evaluate(model, data, run):
    """Slides 12 and 19: measure `model` on the test set; print, draw and save what comes out.

    data: `preprocess.Digits`. Completes models/<run>/metrics.json, draws accuracy.png and confusion_matrix.png in
    plots/<run>/. Returns the probabilities, (10000, 10) float32. Raises OSError where a file can't be read or written.
    """
    import pandas as pd

    metrics, history = read_run(run)
    probabilities, accuracy, loss = measure(model, data.x_test, data.y_test)
    matrix = confusion_matrix(data.y_test.argmax(axis=1), probabilities.argmax(axis=1))
    recall, precision = recall_and_precision(matrix)

    print("Confusion matrix: rows are what the digits are, columns what the network reads")
    print(matrix)
    print("\nRecall (found of each digit) and precision (right of each reading)")
    print(pd.DataFrame({"recall": recall, "precision": precision}).T.round(4).to_string(na_rep="-"))

    title = f"{run}: test accuracy {accuracy:.4f}" + " on SYNTHETIC digits, not MNIST" * (data.dataset != "mnist")
    figures.accuracy(history, PLOTS / run / "accuracy.png", title)
    figures.confusion_matrix(matrix, recall, precision, PLOTS / run / "confusion_matrix.png", title)
    metrics |= {
        "test_accuracy": accuracy,
        "test_loss": loss,
        "recall": [finite(value) for value in recall],
        "precision": [finite(value) for value in precision],
        "confusion_matrix": matrix.to_numpy().tolist(),
    }
    train.write_json(train.MODELS / run / "metrics.json", metrics)
    return probabilities


def finite(value):
    """Return `value` as a float, or None (JSON's null) where it is not a number."""
    return float(value) if math.isfinite(value) else None


def predict(probabilities, data, run):
    """Slide 8: what the network reads in the first test digits, and which ones it gets wrong.

    probabilities: (n, 10), a row a picture of `data.x_test`. Writes plots/<run>/predictions.png and mistakes.png.
    """
    labels, predictions = data.y_test.argmax(axis=1), probabilities.argmax(axis=1)
    source = f"{run} ({data.dataset} test set)"
    print(f"The first 20 test digits: {' '.join(map(str, labels[:20]))}")
    print(f"What the network reads:   {' '.join(map(str, predictions[:20]))}")
    figures.digits(
        data.x_test[:20],
        [f"label {label}\nreads {guess}" for label, guess in zip(labels[:20], predictions[:20])],
        PLOTS / run / "predictions.png",
        f"{source}: the first 20 digits",
        columns=10,
        wrong=np.flatnonzero(labels[:20] != predictions[:20]),
    )
    wrong = np.flatnonzero(labels != predictions)
    confidence = probabilities.max(axis=1)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    print(f"It misreads {len(wrong)} of {len(labels)}")
    figures.digits(
        data.x_test[shown],
        [f"label {labels[i]}, reads {predictions[i]}\nand is {floor_percent(confidence[i])} sure" for i in shown],
        PLOTS / run / "mistakes.png",
        f"{source}: {len(wrong)} of {len(labels)} misread, the surest mistakes first",
        columns=6,
    )


def floor_percent(share):
    """Write a share as a percentage, rounded down: no mistake is 100% sure."""
    return f"{np.floor(1000 * share) / 10:.1f}%"


def report(run, show=False):
    """Print a training's result beside the deck's, and where its files are; with `show`, open its pictures.

    Adds `total_seconds`, since the script's start, to metrics.json.
    """
    metrics, _ = read_run(run)
    metrics["total_seconds"] = round(time.perf_counter() - script.STARTED, 2)
    train.write_json(train.MODELS / run / "metrics.json", metrics)
    accuracy, deck = metrics["test_accuracy"], DECK.get(run)
    loss = math.nan if metrics["test_loss"] is None else metrics["test_loss"]
    print(f"\n{run}: test accuracy {accuracy:.4f}, test loss {loss:.4f}")
    if metrics["dataset"] != "mnist":
        print("SYNTHETIC digits, not MNIST: this says nothing about the deck.")
    elif deck and deck.accuracy:
        low, high = deck.band
        place = "inside" if low <= accuracy <= high else "outside"
        print(f"The deck (slide {deck.slide}): {deck.accuracy:.4f}, so {accuracy - deck.accuracy:+.4f}.")
        print(f"By ten seeds, 99 of 100 runs lie between {low:.4f} and {high:.4f}: this run is {place}.")
    if metrics["validation_accuracy"] is not None:
        gap = metrics["train_accuracy"] - metrics["validation_accuracy"]
        print(f"Training minus validation accuracy after the last epoch: {gap:+.4f}")
    start, fit, total = (metrics[f"{name}_seconds"] for name in ("start", "fit", "total"))
    rest = total - start - fit
    print(f"{total:.1f} seconds: {start:.1f} to start, {fit:.1f} to train, {rest:.1f} to evaluate and draw")
    pictures = sorted((PLOTS / run).glob("*.png"))
    print(f"Written: {train.MODELS / run}/ (model.keras, history.csv, metrics.json)")
    print(f"         {PLOTS / run}/ ({', '.join(picture.name for picture in pictures)})")
    if show:
        figures.show(pictures)


def read_run(run):
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
            saved = ", ".join(saved_runs()) or "none"
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


def saved_runs():
    """Return the names of the saved runs, the deck's first, in its order."""
    names = sorted(path.parent.name for path in train.MODELS.glob("[!.]*/metrics.json"))
    return [name for name in DECK if name in names] + [name for name in names if name not in DECK]


def table(runs):
    """Return a data frame, a row a run: the deck's test accuracy, ours, and how far training left validation behind."""
    import pandas as pd

    rows = []
    for run in runs:
        metrics, _ = read_run(run)
        deck = DECK.get(run, Deck(None))
        rows.append(
            {
                "run": run,
                "slide": deck.slide,
                "deck": deck.accuracy,
                "test accuracy": metrics["test_accuracy"],
                "difference": deck.accuracy and metrics["test_accuracy"] - deck.accuracy,
                "training": metrics["train_accuracy"],
                "validation": metrics["validation_accuracy"],
            }
        )
    rows = pd.DataFrame(rows)
    rows["training - validation"] = rows["training"] - rows["validation"].astype(float)
    return rows.astype({"slide": "Int64"})


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a folder's name in models/ (default: all of them)")
    preprocess.add_folder_flag(parser)
    args = parser.parse_args()
    runs = [Path(run).name for run in args.runs] or saved_runs()  # models/cnn/ means cnn
    if not runs:
        script.fail(f"there is no saved run in {train.MODELS}/; `python cnn.py` makes one")

    script.import_tensorflow()
    datasets, done, failed = {}, [], 0
    for run in runs:
        print(f"\n=== {run}")
        try:
            dataset = read_run(run)[0]["dataset"]
            model = load_model(run)
            if dataset not in datasets:
                datasets[dataset] = preprocess.load_data(dataset, args.data)
            predict(evaluate(model, datasets[dataset], run), datasets[dataset], run)
            done.append(run)
        except OSError as error:
            print(f"evaluate.py: {error}", file=sys.stderr)
            failed += 1
    if done:
        print(f"\n{table(done).to_string(index=False, na_rep='-', float_format='{:.4f}'.format)}")
        print(f"Pictures: {PLOTS}/<run>/")
    sys.exit(bool(failed))


if __name__ == "__main__":
    script.run(main)
