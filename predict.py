"""Step 5 of the deck (slide 8) for your own handwriting: what does a trained network predict?

python predict.py my_digit.png          a photo, a scan or a drawing; several digits in it are read in order
python predict.py digits/               every image in a folder; files named 7_mine.png or 2026_row.png are scored
"""

import sys
from pathlib import Path

sys.path.insert(0, __file__.removesuffix("predict.py"))  # `python -P` leaves it out

import numpy as np

import evaluate
import preprocess
from digits import cli, environment, handwriting, results, runs
from digits.errors import UserError, print_error
from digits.figures import evaluation
from digits.files import atomic_write

OUTPUT = results.PLOTS / "predictions"
CONFIDENCE = 0.9  # below it, a prediction is doubtful: above, 98 of 100 were correct on other people's digits


def choose_models(name=None, every=False):
    """Return a dict of run name to model: the run `name`, or the best saved one, or with `every` all, best first.

    The best has the highest test accuracy, on MNIST before synthetic digits. A damaged run is passed over with a line
    on stderr. Raises UserError where no model is left.
    """
    if name:
        runs.load_run(name)  # says which runs there are, where this one is not
        return {name: runs.load_model(name)}
    saved, models = [], {}
    for name in runs.list_runs():
        try:
            metrics = runs.load_run(name).metrics
            saved.append((metrics["dataset"] == "mnist", metrics.get("test_accuracy") or 0, name))
        except UserError as error:
            print_error(error)
    for *_, name in sorted(saved, reverse=True):
        try:
            models[name] = runs.load_model(name)
        except UserError as error:
            print_error(error)
        if models and not every:
            break
    if not models:
        raise UserError(f"there is no saved run in {runs.MODELS.absolute()}; train one first: `python cnn.py`")
    return models


def find_doubts(digits, probabilities):
    """Return what speaks against each prediction, (n,) texts; "" for nothing."""
    confident = probabilities.max(axis=1) >= CONFIDENCE
    return [
        "may be two digits" if wide else "" if sure else "low confidence" for wide, sure in zip(digits.wide, confident)
    ]


def predict_file(path, label, models, figure):
    """Predict the digits in an image file, print and draw the predictions; return one row per digit and model.

    Args:
        path: of the image file.
        label: the digits that it is known to show, as text, or None.
        models: a dict of run name to model, best first; the first one's predictions are drawn.
        figure: path of the PNG to write.
    """
    image = handwriting.read_image(path)
    digits = handwriting.find_digits(image, single=label is not None and len(label) == 1)
    if not len(digits.images):
        raise UserError(f"{path}: no digit was found in this image")
    x = preprocess.flatten_and_normalize(digits.images)
    probabilities = {run: model.predict_on_batch(x) for run, model in models.items()}  # model.predict for a few images
    doubts = {run: find_doubts(digits, probabilities[run]) for run in models}
    rows = []
    for run in models:
        predictions = probabilities[run].argmax(axis=1)
        print(f"\n{path}: {' '.join(map(str, predictions))}" + f"   ({run})" * (len(models) > 1))
        for position, (digit, values, doubt) in enumerate(zip(predictions, probabilities[run], doubts[run]), 1):
            _, *others = np.argsort(-values, kind="stable")[:3]
            then = ", ".join(f"{other} {100 * values[other]:.1f}%" for other in others)
            print(
                f"  {position}. {digit}  {evaluation.format_percent(values[digit]):>6}   then {then}"
                + f"   ? {doubt}" * bool(doubt)
            )
            row = {"file": str(path), "position": position, "digit": digit, "probability": values[digit]}
            row |= {f"p{i}": value for i, value in enumerate(values)} | {"doubt": doubt}
            rows.append(row | {"run": run})
        if all(doubts[run]):
            print("  ? there may be no digit in this image")
    if len(digits.dropped):
        print(f"  ? left out, though perhaps digits: {len(digits.dropped)} (dotted in the figure)")
    best = next(iter(models))
    title = f"{path.name}, predicted by {best}: {' '.join(map(str, probabilities[best].argmax(axis=1)))}"
    evaluation.plot_prediction(np.asarray(image), digits, probabilities[best], doubts[best], figure, title)
    return rows


def score(table, labels):
    """Print how the files whose digits are known were predicted, rows of digits by their edit distance.

    table: a DataFrame of the rows of `predict_file`; labels: a dict of file to the digits that it shows, as text.
    """
    for run, rows in table.groupby("run", sort=False):
        files = handwriting.score_files(rows, labels)
        single = rows[rows["file"].map(labels).str.len() == 1]
        if len(single):
            print(f"\n{run}: single digits; rows are true labels, columns predicted labels")
            print(
                evaluate.confusion_matrix(single["file"].map(labels).astype(int).to_numpy(), single["digit"].to_numpy())
            )
        several = files[files["label"].str.len() > 1]
        for file in several[several["distance"] > 0].itertuples():
            print(f"{file.file}: {file.label} was predicted as {file.digits or 'nothing'}")
        if len(several):
            share = 1 - several["distance"].sum() / several["label"].str.len().sum()
            print(f"{run}: {sum(several['distance'] == 0)} of {len(several)} rows correct, {share:.4f} of their digits")
        correct = sum(files["distance"] == 0)
        print(f"{run}: {correct} of {len(files)} correct, accuracy {correct / len(files):.4f} on your own handwriting")


def main(argv=None):
    parser = cli.argument_parser(__doc__)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="an image file, or a folder of them")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", metavar="RUN", help="a folder's name in models/ (default: the most accurate one)")
    which.add_argument("--all", action="store_true", help="use every saved model")
    args = parser.parse_args(argv)
    images, problems = handwriting.list_images(args.images)
    environment.import_tensorflow()
    import pandas as pd

    models = choose_models(args.model and Path(args.model).name, args.all)
    print(f"Predicted by {', '.join(models)}")
    for problem in problems:
        print_error(problem)
    rows = []
    for (path, label), figure in zip(images, handwriting.name_figures([path for path, _ in images], OUTPUT)):
        try:
            rows += predict_file(path, label, models, figure)
        except (UserError, OSError) as error:  # the other images are predicted all the same
            print_error(error)
            problems.append(error)
    if rows:
        table = pd.DataFrame(rows)
        if labels := {str(path): label for path, label in images if label}:
            score(table, labels)
        with atomic_write(OUTPUT / "predictions.csv") as part:
            (table if args.all else table.drop(columns="run")).to_csv(part, index=False)
        print(f"\nWritten: {OUTPUT}/ (predictions.csv and one figure per file)")
    if problems or (args.all and len(models) < len(runs.list_runs())):
        sys.exit(1)


if __name__ == "__main__":
    cli.main(main)
