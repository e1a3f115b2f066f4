"""Step 5 of the deck (slide 8) for your own handwriting: what does a trained network read in a picture?

python predict.py my_digit.png          a photo, a scan or a drawing; several digits in it are read in their order
python predict.py digits/               every picture in a folder; files named 7_mine.png are scored, one digit each
"""

import re
import sys
from pathlib import Path

import numpy as np

import evaluate
import figures
import handwriting
import preprocess
import saved
import script

OUTPUT = evaluate.PLOTS / "predictions"


def list_pictures(arguments):
    """Return (path, label) of every picture that the arguments name, and an OSError for each folder that has none.

    A label is the digit that the picture shows, or None. Only files in folders have labels: 7_mine.png shows a 7.
    """
    from PIL import Image

    Image.init()
    pictures, problems = [], []
    for path in map(Path, arguments):
        try:
            if path.is_dir():
                files = sorted(file for file in path.iterdir() if file.suffix.lower() in Image.EXTENSION)
                files = [file for file in files if file.is_file() and not file.name.startswith(".")]
                if not files:
                    raise OSError(f"{path}: there is no picture in this folder")
                pictures += [(file, label_of(file)) for file in files]
            else:
                pictures.append((path, None))
        except OSError as error:
            problems.append(error)
    return pictures, problems


def label_of(path):
    """Return the digit that a file is named after, or None: 7_mine.png shows a 7, 2026_trip.png may show any."""
    match = re.match(r"(\d)(?!\d)", path.name, re.ASCII)
    return int(match[1]) if match else None


def choose_models(run=None, every=False):
    """Return the models to ask, by their run, best first: `run`, or the best saved run, or with `every` all of them.

    The best has the highest test accuracy, on MNIST before stand-in digits. A damaged run is passed over with a line
    on stderr. Raises OSError where no model is left.
    """
    if run:
        saved.read(run)  # says which runs there are, where this one is not
        return {run: saved.load_model(run)}
    best, models = [], {}
    for run in saved.runs():
        try:
            metrics, _ = saved.read(run)
            best.append((metrics["dataset"] == "mnist", metrics.get("test_accuracy") or 0, run))
        except OSError as error:
            complain(error)
    for *_, run in sorted(best, reverse=True):
        try:
            models[run] = saved.load_model(run)
        except OSError as error:
            complain(error)
        if models and not every:
            break
    if not models:
        raise OSError("there is no saved model to ask yet; train one first: `python cnn.py`")
    return models


def complain(problem):
    print(f"predict.py: {problem}", file=sys.stderr, flush=True)


def ask(models, images):
    """Return what each model says of `images`, (n, 28, 28) uint8: a dict of run to (n, 10) float32 probabilities."""
    x = preprocess.features(images)
    return {run: model.predict_on_batch(x) for run, model in models.items()}


def describe(probabilities):
    """Say in words what ten probabilities say: the digit, and the runners-up where there is any doubt."""
    first, *others = np.argsort(-probabilities, kind="stable")[:3]
    doubt = ", ".join(f"{digit} {100 * probabilities[digit]:.1f}%" for digit in others)
    return f"{first}  {evaluate.floor_percent(probabilities[first]):>6}   then {doubt}"


def output_name(path, taken):
    """Return where to draw the reading of `path`, under a name that is not in `taken`, and note the name there."""
    name, number = path.stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{path.stem}_{number}"
    taken.add(name.lower())
    return OUTPUT / f"{name}.png"


def read_one(path, label, models, output):
    """Read the digits in one picture file, print them, draw them to `output`; return a list of rows for the table.

    Raises OSError where the file can't be read or holds no digit.
    """
    picture = handwriting.read_picture(path)
    boxes, images = handwriting.find_digits(picture, single=label is not None)
    if not len(images):
        raise OSError(f"{path}: there is no ink to be found in this picture")
    answers = ask(models, images)
    rows = []
    for run, probabilities in answers.items():
        reading = probabilities.argmax(axis=1)
        print(f"\n{path}: {' '.join(map(str, reading))}" + f"   ({run})" * (len(models) > 1))
        for position, (digit, values) in enumerate(zip(reading, probabilities), 1):
            print(f"  {position}. {describe(values)}")
            row = {"file": str(path), "position": position, "digit": digit, "probability": values[digit]}
            rows.append(row | {f"p{i}": value for i, value in enumerate(values)} | {"run": run, "label": label})
    best = next(iter(models))
    title = f"{path.name}, read by {best}: {' '.join(map(str, answers[best].argmax(axis=1)))}"
    figures.reading(np.asarray(picture), boxes, images, answers[best], output, title)
    return rows


def score(table):
    """Print the accuracy and the confusion matrix of the readings whose label is known. table: a data frame."""
    for run, rows in table.dropna(subset="label").groupby("run", sort=False):
        right = int((rows["label"] == rows["digit"]).sum())
        print(f"\n{run}: {right} of {len(rows)} read rightly, accuracy {right / len(rows):.4f} on your own handwriting")
        print("Confusion matrix: rows are what the digits are, columns what the network reads")
        print(evaluate.confusion_matrix(rows["label"].astype(int).to_numpy(), rows["digit"].to_numpy()))


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("pictures", nargs="+", metavar="IMAGE", help="a picture file, or a folder of them")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
    which.add_argument("--all", action="store_true", help="ask every saved model")
    args = parser.parse_args()
    pictures, problems = list_pictures(args.pictures)
    script.import_tensorflow()
    import pandas as pd

    models = choose_models(args.model and Path(args.model).name, args.all)
    print(f"Read by {', '.join(models)}")
    rows, taken = [], {path.stem.lower() for path, _ in pictures if path.resolve().parent == OUTPUT.resolve()}
    for problem in problems:
        complain(problem)
    for path, label in pictures:
        try:
            rows += read_one(path, label, models, output_name(path, taken))
        except OSError as error:
            complain(error)
            problems.append(error)
    if rows:
        table = pd.DataFrame(rows)
        score(table)
        with script.whole_file(OUTPUT / "predictions.csv") as part:
            table.drop(columns=["label"] if args.all else ["label", "run"]).to_csv(part, index=False)
        print(f"\nWritten: {OUTPUT}/ (predictions.csv and a picture a file)")
    unasked = args.all and len(models) < len(saved.runs())
    sys.exit(bool(problems or unasked))


if __name__ == "__main__":
    script.run(main)
