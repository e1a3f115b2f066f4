"""Step 4 of the deck (slides 12, 18-19): how good is a trained model, and where does it err?

python evaluate.py                 every saved run again, its figures, and one table against the deck
python evaluate.py cnn mlp_256     only these
"""

import sys
from pathlib import Path

sys.path.insert(0, __file__.removesuffix("evaluate.py"))  # `python -P` leaves it out

import numpy as np

import preprocess
from digits import cli, environment, results, runs
from digits.errors import UserError, print_error


def confusion_matrix(labels, predictions):
    """Slide 18: (n,) digits and (n,) predictions -> (10, 10) DataFrame of counts, rows `label`, columns `predict`."""
    import pandas as pd

    counts = pd.crosstab(pd.Series(labels, name="label"), pd.Series(predictions, name="predict"))
    return counts.reindex(index=range(10), columns=range(10), fill_value=0)


def score_predictions(y_test, probabilities):
    """Slide 18: one-hot labels and probabilities, (n, 10) each -> a dict of confusion_matrix, recall and precision.

    Recall is the correct fraction of each label, precision that of each prediction; (10,), NaN where there is none.
    """
    matrix = confusion_matrix(y_test.argmax(axis=1), probabilities.argmax(axis=1))
    correct = np.diag(matrix)
    recall, precision = correct / matrix.sum(axis=1), correct / matrix.sum(axis=0)
    return {"confusion_matrix": matrix, "recall": recall, "precision": precision}


def main(argv=None):
    parser = cli.argument_parser(__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a folder's name in models/ (default: all of them)")
    cli.add_data_flag(parser)
    args = parser.parse_args(argv)
    names = [Path(run).name for run in args.runs] or runs.list_runs()  # models/cnn/ means cnn
    if not names:
        raise UserError(f"there is no saved run in {runs.MODELS.absolute()}; `python cnn.py` makes one")
    environment.import_tensorflow()
    datasets, evaluated, probabilities = {}, [], {}
    for name in names:
        print(f"\n=== {name}")
        try:
            run, model = runs.load_run(name), runs.load_model(name)
            dataset = run.metrics["dataset"]
            data = datasets[dataset] = datasets.get(dataset) or preprocess.load_data(dataset, args.data)
        except UserError as error:  # the other runs are evaluated all the same
            print_error(error)
            continue
        model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
        test_loss, test_accuracy = model.evaluate(data.x_test, data.y_test, batch_size=500, verbose=2)
        probabilities[name] = model.predict(data.x_test, batch_size=500, verbose=0)
        scores = score_predictions(data.y_test, probabilities[name])
        run = runs.update(run, test_loss=test_loss, test_accuracy=test_accuracy, **scores)
        results.print_scores(run, data, probabilities[name])
        results.plot_run(run, model, data, probabilities[name])
        results.write_draw_page(run, model, data, probabilities[name])
        evaluated.append(run)
    if "mnist" in datasets:
        results.plot_comparison(evaluated, datasets["mnist"], probabilities)
    if evaluated:
        results.print_table(evaluated)
        print(f"Figures: {results.PLOTS}/<run>/; all of them on one page: {results.write_index()}")
    if len(evaluated) < len(names):
        sys.exit(1)


if __name__ == "__main__":
    cli.main(main)
