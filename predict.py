"""Step 5 of the deck (slide 8) for your own handwriting: what does a trained network predict?

python predict.py my_digit.png    a photo, a scan or a drawing; several digits are read in order
python predict.py my_digits/      a folder, with the folders in it
python predict.py my_digits/ --score     which the files are named after: 7_mine.png, 2026_row.png,
                                         or 7/mine.png
"""

from digits import flags, handwriting, keras_start, networks, runs
from digits.errors import UserError, print_error
from digits.figures import evaluation
from digits.files import atomic_write
from digits.handwriting import predictions
from digits.metrics import confusion_matrix

import sys
from pathlib import Path

import numpy as np
import pandas as pd

OUTPUT = runs.PLOTS / "predictions"


def predict_file(path, label, model, figure):
    """Predict the digits in an image file, print and draw the predictions, and return a DataFrame.

    Args:
        path: of the image file.
        label: the digits that it is known to show, as text, or None.
        model: keras.Model, as from `runs.choose_model`.
        figure: path of the PNG to write.
    """
    image = handwriting.read_image(path)
    digits = handwriting.find_digits(image, single=label is not None and len(label) == 1)

    def predict(images):
        return networks.predict(model, images)

    turn = predictions.find_turn(digits.images[~digits.touching], predict)
    if turn:
        image = image.rotate(90 * turn, expand=True)
        digits = handwriting.find_digits(image)
    left_out = len(digits.dropped)
    if not len(digits.images):
        also = f"; lines and pieces of ink left out: {left_out}" if left_out else ""
        raise UserError(f"{path}: no digit was found in this image{also}")
    probabilities = predict(digits.images)
    table = predictions.tabulate(path, digits, probabilities)
    predictions.print_predictions(table)
    title = f"{path.name[:60]}, predicted: {' '.join(map(str, table['digit']))}"
    photo = np.asarray(image)
    evaluation.plot_prediction(photo, digits, probabilities, table["doubt"], figure, title)
    if turn:
        print("  turned upright: the page was on its side")
    if left_out:
        print(f"  lines and pieces of ink left out: {left_out} (dotted in the figure)")
    return table


def score(table, labels):
    """Step 4 for files named after their digits: print the confusion matrix and what is correct.

    Files that are not named after digits are left out.

    Args:
        table: the predictions of all files, as `predict_file` returns them.
        labels: a dict of file to the digits that it shows, as text.
    """
    unnamed = len(set(table["file"]) - set(labels))
    if unnamed:
        files = "file is" if unnamed == 1 else "files are"
        print(f"\n{unnamed} {files} not scored: no digits in the name")
    if not labels:
        return
    single = table[table["file"].map(labels).str.len() == 1]
    if len(single):
        true = single["file"].map(labels).astype(int)
        print("\nSingle digits; rows are true labels, columns predicted labels")
        print(confusion_matrix(true.to_numpy(), single["digit"].to_numpy()))
    predictions.print_scores(table, labels)


def main(args):
    images, problems = handwriting.list_images(args.images, args.score)
    keras_start.import_tensorflow()
    run, model = runs.choose_model(args.model and Path(args.model).name)
    print(f"Predicted by {run}")
    for problem in problems:
        print_error(problem)
    figures = handwriting.name_figures([path for path, _ in images], OUTPUT)
    tables = []
    for (path, label), figure in zip(images, figures):
        try:
            tables.append(predict_file(path, label, model, figure))
        except (UserError, OSError) as error:  # the other images are predicted all the same
            print_error(error)
            problems.append(error)
    if tables:
        table = pd.concat(tables)
        if args.score:
            score(table, {str(path): label for path, label in images if label})
        with atomic_write(OUTPUT / "predictions.csv") as part:
            table.to_csv(part, index=False, errors="replace")
        print(f"\nWritten: {OUTPUT}/ (predictions.csv and one figure per file)")
    if problems:
        sys.exit(1)


parser = flags.argument_parser(__doc__)
parser.add_argument("images", nargs="+", metavar="IMAGE", help="an image file, or a folder of them")
parser.add_argument("--score", action="store_true", help="compare with the digits in the names")
parser.add_argument("--model", metavar="RUN", help="a folder in models/ (default: the best one)")

if __name__ == "__main__":
    flags.run_command(main, parser)
