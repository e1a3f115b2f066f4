"""Step 4 of the deck (slides 12, 18-19): how good is a trained model, and where does it err?

python evaluate.py                 evaluates every saved run again, and compares all with the deck
python evaluate.py cnn mlp_256     only these
python evaluate.py cnn --image 18  slide 27: this test image on its way through the layers
python evaluate.py --class FOLDER  what a class has handed in: everyone's models/ or metrics.json
"""

import sys
from pathlib import Path

from digits import cli, drawing, results, runs, submissions
from digits.errors import UserError, print_error, warn

import numpy as np
import pandas as pd


def confusion_matrix(labels, predictions, classes=10):
    """Slide 18: (n,) labels and predictions -> (10, 10) DataFrame of counts, a row per label."""
    matrix = pd.crosstab(pd.Series(labels, name="label"), pd.Series(predictions, name="predict"))
    return matrix.reindex(index=range(classes), columns=range(classes), fill_value=0)


def recall_and_precision(matrix):
    """Slide 18: a confusion matrix -> DataFrame, one row per digit; NaN where there is none of it.

    Recall: how many of the images of a digit are recognised. Precision: how many of the predictions
    of a digit are correct.
    """
    correct = np.diag(matrix)
    recall = correct / matrix.sum(axis=1)
    precision = correct / matrix.sum(axis=0)
    return pd.DataFrame({"recall": recall, "precision": precision}).rename_axis("digit").round(4)


def evaluate_run(name, test_data, image=None):
    """Evaluate a saved run on the test images and draw its figures.

    Args:
        name: of the run.
        test_data: (x_test, y_test), as from `preprocess.load_data`.
        image: index of the test image in a CNN's feature_maps.png (default: as in its training).

    Returns:
        Its `runs.Run` and the (10000, 10) probabilities.
    """
    model = runs.load_model(name)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    scores = model.evaluate(*test_data, batch_size=500, verbose=2, return_dict=True)
    probabilities = model.predict(test_data[0], batch_size=500, verbose=0)
    matrix = confusion_matrix(test_data[1].argmax(axis=1), probabilities.argmax(axis=1))
    print(f"\nConfusion matrix 混淆矩陣:\n{matrix}")
    print(f"\nRecall 覆蓋率 and precision 命中率:\n{recall_and_precision(matrix)}")
    run = results.update(runs.load_run(name), scores, matrix)
    drawing.plot_run(run, model, test_data, probabilities, image)
    return run, probabilities


def main(args):
    if args.class_folder:
        if args.runs or args.image is not None:
            raise UserError("--class stands alone: it evaluates no model again", 2)
        submissions.compare(args.class_folder.expanduser())
        return
    names = [Path(run).name for run in args.runs] or runs.list_runs()  # models/cnn/ means cnn
    if not names:
        raise UserError(f"no saved run in {runs.MODELS.absolute()}: `python cnn.py` makes one")
    import preprocess  # not earlier: it starts TensorFlow, and a typing error is answered at once

    _, test_data = preprocess.load_data()
    evaluated, probabilities = [], {}
    for name in names:
        print(f"\n=== {name}")
        try:
            run, probabilities[name] = evaluate_run(name, test_data, args.image)
        except UserError as error:  # the other runs are evaluated all the same
            print_error(error)
        else:
            evaluated.append(run)
    comparisons = drawing.plot_comparison(evaluated, test_data, probabilities)
    maps = [drawing.PLOTS / run.name / "feature_maps.png" for run in evaluated]
    if args.image is not None and not any(path.exists() for path in maps):
        warn("--image is ignored: it is for a CNN, and none of these runs is one")
    if evaluated:
        results.print_table(evaluated)
        page = results.write_index(comparisons)
        print(f"Figures: {drawing.PLOTS}/<run>/; all of them on one page: {page}")
    if len(evaluated) < len(names):
        sys.exit(1)


parser = cli.argument_parser(__doc__)
add = parser.add_argument
add("runs", nargs="*", metavar="RUN", help="a folder in models/ (default: all)")
add(
    "--image",
    type=cli.bounded_int(0, 10000),
    help="index of the test image in a CNN's feature_maps.png (default: as in its training)",
)
add(
    "--class",
    dest="class_folder",
    metavar="FOLDER",
    type=Path,
    help="compare what a class has handed in: folders or ZIPs with everyone's metrics.json",
)

if __name__ == "__main__":
    cli.run(main, parser)
