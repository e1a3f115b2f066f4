"""Step 5 of the deck (slide 8) for your own handwriting: what does a trained network predict?

python predict.py my_digit.png          a photo, a scan or a drawing; several digits in it are read in order
python predict.py digits/               every image in a folder; files named 7_mine.png are scored, one digit each
"""

import re
import sys
from pathlib import Path

import numpy as np

import evaluate
import preprocess
from digits import acceleration, cli, handwriting, results, runs
from digits.errors import UserError, print_error
from digits.figures import evaluation
from digits.files import atomic_write

OUTPUT = results.PLOTS / "predictions"


def list_images(arguments):
    """Return (path, label) of every image that the arguments name, and a UserError for each folder that has none.

    A label is the digit that the image shows, or None. Only files in folders have labels: 7_mine.png shows a 7.
    """
    from PIL import Image

    Image.init()
    found, problems = [], []
    for path in map(Path, arguments):
        try:
            if path.is_dir():
                files = sorted(file for file in path.iterdir() if file.suffix.lower() in Image.EXTENSION)
                files = [file for file in files if file.is_file() and not file.name.startswith(".")]
                if not files:
                    raise UserError(f"{path}: there is no image in this folder")
                found += [(file, label_of(file)) for file in files]
            else:
                found.append((path, None))
        except (UserError, OSError) as error:
            problems.append(error)
    return found, problems


def label_of(path):
    """Return the digit that a file is named after, or None: 7_mine.png shows a 7, 2026_trip.png may show any."""
    match = re.match(r"(\d)(?!\d)", path.name, re.ASCII)
    return int(match[1]) if match else None


def choose_models(run=None, every=False):
    """Return the models to use, by their run, best first: `run`, or the best saved run, or with `every` all of them.

    The best has the highest test accuracy, on MNIST before stand-in digits. A damaged run is passed over with a line
    on stderr. Raises UserError where no model is left.
    """
    if run:
        runs.load_run(run)  # says which runs there are, where this one is not
        return {run: runs.load_model(run)}
    best, models = [], {}
    for run in runs.list_runs():
        try:
            metrics = runs.load_run(run).metrics
            best.append((metrics["dataset"] == "mnist", metrics.get("test_accuracy") or 0, run))
        except UserError as error:
            print_error(error)
    for *_, run in sorted(best, reverse=True):
        try:
            models[run] = runs.load_model(run)
        except UserError as error:
            print_error(error)
        if models and not every:
            break
    if not models:
        raise UserError("there is no saved model yet; train one first: `python cnn.py`")
    return models


def predict(models, images):
    """Return what each model says of `images`, (n, 28, 28) uint8: a dict of run to (n, 10) float32 probabilities."""
    x = preprocess.flatten_and_normalize(images)
    return {run: model.predict_on_batch(x) for run, model in models.items()}


def describe(probabilities):
    """Say in words what ten probabilities say: the digit, and the runners-up where there is any doubt."""
    first, *others = np.argsort(-probabilities, kind="stable")[:3]
    doubt = ", ".join(f"{digit} {100 * probabilities[digit]:.1f}%" for digit in others)
    return f"{first}  {evaluation.format_percent(probabilities[first]):>6}   then {doubt}"


def output_name(path, taken):
    """Return where to draw the reading of `path`, under a name that is not in `taken`, and note the name there."""
    name, number = path.stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{path.stem}_{number}"
    taken.add(name.lower())
    return OUTPUT / f"{name}.png"


def predict_file(path, label, models, output):
    """Read the digits in one image file, print them, draw them to `output`; return a list of rows for the table.

    Raises UserError where the file can't be read or holds no digit.
    """
    image = handwriting.read_image(path)
    boxes, images = handwriting.find_digits(image, single=label is not None)
    if not len(images):
        raise UserError(f"{path}: no digit was found in this image")
    predictions = predict(models, images)
    rows = []
    for run, probabilities in predictions.items():
        reading = probabilities.argmax(axis=1)
        print(f"\n{path}: {' '.join(map(str, reading))}" + f"   ({run})" * (len(models) > 1))
        for position, (digit, values) in enumerate(zip(reading, probabilities), 1):
            print(f"  {position}. {describe(values)}")
            row = {"file": str(path), "position": position, "digit": digit, "probability": values[digit]}
            rows.append(row | {f"p{i}": value for i, value in enumerate(values)} | {"run": run, "label": label})
    best = next(iter(models))
    title = f"{path.name}, predicted by {best}: {' '.join(map(str, predictions[best].argmax(axis=1)))}"
    evaluation.plot_prediction(np.asarray(image), boxes, images, predictions[best], output, title)
    return rows


def score(table):
    """Print the accuracy and the confusion matrix of the readings whose label is known. table: a data frame."""
    for run, rows in table.dropna(subset="label").groupby("run", sort=False):
        correct = int((rows["label"] == rows["digit"]).sum())
        print(f"\n{run}: {correct} of {len(rows)} correct, accuracy {correct / len(rows):.4f} on your own handwriting")
        print("Confusion matrix: rows are true labels, columns predicted labels")
        print(evaluate.confusion_matrix(rows["label"].astype(int).to_numpy(), rows["digit"].to_numpy()))


def main():
    parser = cli.argument_parser(__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="an image file, or a folder of them")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
    which.add_argument("--all", action="store_true", help="use every saved model")
    args = parser.parse_args()
    images, problems = list_images(args.images)
    acceleration.import_tensorflow()
    import pandas as pd

    models = choose_models(args.model and Path(args.model).name, args.all)
    print(f"Predicted by {', '.join(models)}")
    rows, taken = [], {path.stem.lower() for path, _ in images if path.resolve().parent == OUTPUT.resolve()}
    for problem in problems:
        print_error(problem)
    for path, label in images:
        try:
            rows += predict_file(path, label, models, output_name(path, taken))
        except (UserError, OSError) as error:
            print_error(error)
            problems.append(error)
    if rows:
        table = pd.DataFrame(rows)
        score(table)
        with atomic_write(OUTPUT / "predictions.csv") as part:
            table.drop(columns=["label"] if args.all else ["label", "run"]).to_csv(part, index=False)
        print(f"\nWritten: {OUTPUT}/ (predictions.csv and one figure per file)")
    unused = args.all and len(models) < len(runs.list_runs())
    sys.exit(bool(problems or unused))


if __name__ == "__main__":
    cli.main(main)
