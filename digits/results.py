"""What came out of a run: its files, its figures, and its numbers beside the deck's, in the terminal and as a table."""

import sys
import textwrap
import traceback
from pathlib import Path

import numpy as np

from digits import interrupts, intervals, runs, slides
from digits.drawing import PLOTS, plot_run
from digits.errors import UserError, print_error, warn
from digits.figures import style
from digits.pages import index

SAVED = []  # the Histories whose runs are saved
STUDY = Path(__file__).parent.parent / "results" / "runs.csv"  # the committed study


def save(model, history, args, scores, test_data, probabilities, matrix):
    """Save a run that was trained and evaluated, draw its figures, and print its result beside the deck's.

    Saving comes first: Ctrl-C waits for it, and what cannot be drawn does not lose the run.

    Args:
        model: keras.Model that was trained.
        history: its keras.callbacks.History.
        args: the flags, as from `cli.run`.
        scores: dict, as `model.evaluate` returns it: the test "loss".
        test_data: (x_test, y_test), as from `preprocess.load_data`.
        probabilities: (10000, 10) float32, of the test images.
        matrix: (10, 10) DataFrame, the confusion matrix of the test images.

    Raises:
        UserError, OSError: the run could not be saved.
        SystemExit: with code 130, at the end, if the training was interrupted.
    """
    with interrupts.postponed():
        run = runs.save(model, history, args, **find_test_metrics(scores, matrix))
        SAVED.append(history)
        args.run = runs.name_next(args.run)
    folder = runs.MODELS / run.name
    print(f"\nSaved: {folder}/ ({', '.join(sorted(path.name for path in folder.iterdir()))})")
    paths = plot_run(run, model, test_data, probabilities)
    write_index()
    print_summary(run, paths)
    if args.show:
        style.show([path for path in paths if path.suffix == ".png"])
    if run.metrics["interrupted"]:
        metrics = run.metrics
        print_error(
            f"interrupted in epoch {metrics['epochs'] + 1} of {metrics['planned_epochs']}: "
            f"the finished epochs are in {folder}; earlier runs are unchanged"
        )
        sys.exit(130)


def find_test_metrics(scores, matrix):
    """Return what metrics.json says of the test images: a dict of test_loss, test_accuracy and confusion_matrix.

    One output with a sigmoid, instead of one for each class, has no argmax: then Keras's accuracy is another one.
    """
    matrix = np.asarray(matrix)
    accuracy = np.trace(matrix) / matrix.sum()
    if abs(scores.get("accuracy", accuracy) - accuracy) > 1e-4:
        by_keras = scores["accuracy"]
        warn(f"the accuracy is {by_keras:.4f} by Keras and {accuracy:.4f} by the confusion matrix: which is wrong?")
    return {"test_loss": scores["loss"], "test_accuracy": accuracy, "confusion_matrix": matrix}


def update(run, scores, matrix):
    """Write the test metrics of a run that was evaluated again into its metrics.json; return the `runs.Run`.

    The loss stays that with which it was trained. Arguments: see `save`.
    """
    metrics = find_test_metrics(scores, matrix)
    if run.metrics.get("test_loss") is not None:
        del metrics["test_loss"]
    return runs.update(run, **metrics)


def rescue(error, args):
    """Save the model that a script has trained before `error` or Ctrl-C ended it.

    The model is found among the variables of the functions that the error has passed through: so nothing
    that Keras has trained is lost, however the script was edited.

    Args:
        error: the exception.
        args: the flags, as from `cli.run`.

    Returns:
        A sentence that says where the model is, or "".
    """
    if "run" not in args:  # not of a script that trains
        return ""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in frames:
        if frame.f_code is save.__code__ and "run" in frame.f_locals:
            return f"the run is in {runs.MODELS / frame.f_locals['run'].name}"
    import keras

    variables = [value for frame in frames for value in frame.f_locals.values()]
    models = [value for value in variables if isinstance(value, keras.Model) and hasattr(value, "history")]
    # Before Keras 3.10, evaluate and predict gave a model an empty History.
    histories = [model.history for model in models]
    histories += [value for value in variables if isinstance(value, keras.callbacks.History)]
    trained = [history for history in histories if getattr(history, "epoch", None) and history not in SAVED]
    if not trained:
        return ""
    try:
        run = runs.save(trained[-1].model, trained[-1], args, interrupted=True)
    except (UserError, OSError) as problem:
        return f"the trained model could not be saved: {problem}"
    return f"the trained model is in {runs.MODELS / run.name}; `python evaluate.py {run.name}` evaluates it"


def write_index(comparisons=()):
    """Write plots/index.html and return its path. A run that is damaged or was never evaluated is left out.

    Args:
        comparisons: the paths of figures that compare the saved runs as they are now.
    """
    evaluated, path = list(runs.load_evaluated_runs()), PLOTS / "index.html"
    index.write_index(path, evaluated, compare_table(evaluated), comparisons)
    return path


def print_summary(run, paths):
    """Print a run's result beside the deck's and the study's, and where its files are; `paths` are those it drew."""
    metrics, reference = run.metrics, run.reference
    accuracy, experiment = metrics["test_accuracy"], slides.find_experiment(run.name)
    print(f"\n{run.name}: test accuracy {accuracy:.4f}, test loss {format_number(metrics['test_loss'])}")
    if experiment in slides.RUNS and not reference:
        print("Not the deck's model: this script was edited, so it is not compared with the deck")
    elif reference:
        if reference.accuracy:
            difference = accuracy - reference.accuracy
            print(f"The deck (slide {reference.slide}): {reference.accuracy:.4f}, a difference of {difference:+.4f}")
        print_interval(accuracy, experiment)
    if None not in (metrics["train_accuracy"], metrics["validation_accuracy"]):
        gap = metrics["train_accuracy"] - metrics["validation_accuracy"]
        print(f"Training minus validation accuracy after the last epoch: {gap:+.4f}")
    names = ", ".join(path.name for path in paths if path.suffix == ".png")
    print(textwrap.fill(f"Figures: {PLOTS / run.name}/ ({names})", 80, subsequent_indent="  "))
    page = PLOTS / run.name / "draw.html"
    if page in paths:
        print(f"Draw a digit yourself: open {page} in a browser")
    print(f"Next: {slides.find_next(experiment)}")


def print_interval(accuracy, experiment):
    """Print whether a test accuracy lies among those of the study's seeds."""
    low, high, seeds = find_interval(experiment)
    place = compare_with_interval(accuracy, low, high)
    if place:
        print(f"Judging by {seeds} seeds, 99 of 100 runs lie between {low:.4f} and {high:.4f}")
    if place == "inside":
        print("This one is inside: another seed alone can make such a difference")
    if place == "outside":
        print("This one is outside: by the seed alone, that happens once in 100 runs")


def compare_with_interval(accuracy, low, high):
    """Return whether an accuracy is "inside" or "outside" of an interval; "" where there is none, and both are NaN."""
    if np.isnan(low):
        return ""
    return "inside" if low <= accuracy <= high else "outside"


def find_interval(experiment):
    """Return the (low, high) in which the next run of an experiment is expected by the study, and its seeds."""
    accuracies = read_study_accuracies(experiment)
    return *intervals.prediction_interval(accuracies), len(accuracies)


def format_number(value):
    """Return a number with four digits; "nan" for None, which is how metrics.json has it."""
    return "nan" if value is None else f"{value:.4f}"


def read_study_accuracies(experiment):
    """Return the test accuracies of an experiment in the committed study, one per seed."""
    import pandas as pd

    if not STUDY.exists():
        return np.array([])
    rows = pd.read_csv(STUDY)
    return rows.loc[rows["experiment"] == experiment, "test_accuracy"].to_numpy()


def compare_table(all_runs):
    """Return a DataFrame, one row per `runs.Run`: the deck's test accuracy, ours, and the generalisation gap."""
    import pandas as pd

    rows = []
    for run in all_runs:
        metrics, reference = run.metrics, run.reference
        deck, accuracy = reference and reference.accuracy, metrics["test_accuracy"]
        slide = str(reference.slide) if reference else "-"
        difference = deck and accuracy - deck
        rows.append(
            (run.name, slide, deck, accuracy, difference, metrics["train_accuracy"], metrics["validation_accuracy"])
        )
    columns = ["run", "slide", "deck", "test accuracy", "difference", "training", "validation"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.astype({"deck": float, "difference": float, "training": float, "validation": float})
    return table.assign(**{"training - validation": table["training"] - table["validation"]})


def print_table(all_runs):
    """Print `compare_table`, with names of columns that fit into 80 characters; the gap is training - validation."""
    short = {"test accuracy": "test", "difference": "- deck", "training - validation": "gap"}
    table = compare_table(all_runs).rename(columns=short)
    print(f"\n{table.to_string(index=False, na_rep='-', float_format='{:.4f}'.format)}")
