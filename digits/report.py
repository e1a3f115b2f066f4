"""A run's numbers beside the deck's and the study's: in the terminal, as a table, in figures, on the pages."""

import contextlib
import textwrap
from pathlib import Path

import numpy as np

from digits import deck, metrics, mnist, networks, runs
from digits.errors import CannotDraw, UserError, warn
from digits.figures.runs import FIGURES, plot_run
from digits.pages.draw import page as draw_page
from digits.pages.index import page as index_page
from digits.process import options
from digits.runs import PLOTS, STANDARD

ROUNDING = 0.0005  # between two machines, a few of 10000 test images
EXERCISES = "mlp_dropout_rate0.25", "cnn_kernel5"  # not the deck's runs, but the study has their intervals
STUDY = Path(__file__).parent.parent / "results" / "runs.csv"  # the committed study


def show(run, y_test, probabilities, image=None):
    """Print a saved run's test accuracy, recall and precision beside the deck's, and draw its figures.

    The first time, it is found out what the run can be asked: see `check`. A figure that fails costs only itself.

    Args:
        run: `runs.Run`.
        y_test: the labels of the test images: (n,), (n, 1) or one-hot (n, classes).
        probabilities: (n, classes) probabilities or logits; or sigmoids, (n, 1), of two classes.
        image: index of the test image in a CNN's feature_maps.png (default: the first correct 3).

    Returns:
        The paths of the figures, a dict of a figure's name to the pathlib.Path of its PNG file.
    """
    labels, probabilities = metrics.to_labels(y_test), metrics.to_probabilities(probabilities)
    if probabilities.ndim != 2 or len(labels) != len(probabilities):
        shapes = f"labels {labels.shape}, predictions {probabilities.shape}"
        kind = f"another task: there is not one label and one prediction for each test image ({shapes})"
        warn(f"{run.name} is not evaluated. {kind}")
        return draw_run(runs.update(run, check=kind))
    measured = measure(labels, probabilities)
    model, kind = check(run, labels, probabilities)
    return draw_run(runs.update(run, **measured, check=kind), model, labels, probabilities, image)


def measure(labels, probabilities):
    """Return `metrics.measure` of the predictions, and print recall and precision."""
    measured = metrics.measure(labels, probabilities)
    print(f"\nRecall 覆蓋率 and precision 命中率:\n{metrics.recall_and_precision(measured['confusion_matrix'])}")
    return measured


def show_again(run, model, labels, probabilities, image=None):
    """Show a run that is evaluated again, as `show` does; return it, a `runs.Run`.

    What its script has measured stays. If the new accuracy differs by more than rounding, one line says so, and
    metrics.json has it beside the other.
    """
    measured = measure(labels, probabilities)
    before, now = run.metrics.get("test_accuracy"), measured["test_accuracy"]
    if before is None:
        run = runs.update(run, **measured)
    elif abs(now - before) > ROUNDING:
        warn(f"{run.name}: evaluated again, it has {now:.4f}; the test accuracy {before:.4f} of its script stays")
        run = runs.update(run, evaluated_again={name: measured[name] for name in ("test_accuracy", "test_loss")})
    draw_run(run, model, labels, probabilities, image)
    return run


def draw_run(run, model=None, labels=None, probabilities=None, image=None):
    """Draw a run's figures and pages and print its result. Arguments: see `plot_run`; what is returned: see `show`."""
    paths, errors = plot_run(run, model, labels, probabilities, image)
    page = PLOTS / run.name / "draw.html"
    page.unlink(missing_ok=True)
    if run.check == STANDARD:
        try:
            draw_page.write_draw_page(page, run, model, probabilities.argmax(axis=1), find_other(model))
        except CannotDraw as reason:
            warn(f"{page.name} is left out: {reason}")
    write_index()
    print_summary(run, paths)
    if errors:
        raise errors[0]
    return {path.stem: path for path in paths}


def check(run, labels, probabilities):
    """Find out what a run can be asked: compare what the saved file predicts with what the script has predicted.

    evaluate.py, predict.py and the drawing page feed pixels from 0 to 1. Only a network whose file gives the same
    predictions for them, of the first hundred test images, is used there. One line on stderr says what another is.

    Args:
        run, labels, probabilities: as in `show`, n labels and n rows.

    Returns:
        The model as it was loaded, None if it cannot be; and "standard", or what else the run is.
    """
    raw, model = mnist.load_arrays(), None
    try:
        model = runs.load_model(run.name)
        if probabilities.shape[1] != 10 or labels.max() > 9:
            raise UserError("another task: it does not tell the ten digits apart")
        if not np.array_equal(labels, raw["y_test"]):
            raise UserError("other images: its test images are not those of MNIST, or in another order")
        found, expected = networks.predict(model, raw["x_test"][:100]), probabilities[:100]
        tolerance = 0.05 if run.metrics["bfloat16"] else 0.01
        others = np.sum(found.argmax(axis=1) != expected.argmax(axis=1))
        if others > 1 or not np.allclose(found, expected, rtol=0, atol=tolerance, equal_nan=True):
            raise UserError("other pixels: the saved network predicts something else for pixels from 0 to 1")
    except UserError as error:
        kind = str(error) if model is not None else f"not loadable: {error}"
        line = f"{run.name} keeps its own numbers, without evaluate.py, predict.py and draw.html. {kind}"
        warn(runs.shorten(line, 240))
        return model, kind
    return model, STANDARD


def find_other(model):
    """Return the first MLP beside a CNN, or the first CNN beside an MLP: a `runs.Run` and its model; else None."""
    for other in [other for other in runs.load_evaluated_runs() if other.check == STANDARD]:
        with contextlib.suppress(UserError, CannotDraw):
            found = runs.load_model(other.name)
            networks.check_layers(found)
            if networks.is_convolutional(found) != networks.is_convolutional(model):
                return other, found
    return None


def write_index(comparisons=()):
    """Write plots/index.html and return its path. A run that is damaged or was never evaluated is left out.

    Args:
        comparisons: the paths of figures that compare the saved runs as they are now.
    """
    evaluated, path = list(runs.load_evaluated_runs()), PLOTS / "index.html"
    index_page.write_index(path, evaluated, compare_table(evaluated), comparisons, FIGURES)
    return path


def print_summary(run, paths):
    """Print a run's result beside the deck's and the study's, and where its files are; `paths` are those it drew."""
    values, reference, experiment = run.metrics, run.reference, deck.find_experiment(run.name)
    accuracy = values.get("test_accuracy")
    if accuracy is not None:
        print(f"\n{run.name}: test accuracy {accuracy:.4f}, test loss {format_number(values['test_loss'])}")
        if reference and reference.accuracy:
            difference = accuracy - reference.accuracy
            print(f"The deck (slide {reference.slide}): {reference.accuracy:.4f}, a difference of {difference:+.4f}")
        if reference or (experiment in EXERCISES and run.check == STANDARD):
            print_interval(accuracy, experiment)
    if experiment in deck.RUNS and not reference:
        print("Not trained as in the deck: this script was edited, so it is not compared with the deck")
    if None not in (values["train_accuracy"], values["validation_accuracy"]):
        gap = values["train_accuracy"] - values["validation_accuracy"]
        print(f"Training minus validation accuracy after the last epoch: {gap:+.4f}")
    names = ", ".join(path.name for path in paths)
    print(textwrap.fill(f"Figures: {PLOTS / run.name}/ ({names})", 80, subsequent_indent="  "))
    page = PLOTS / run.name / "draw.html"
    if page.exists():
        print(f"Draw a digit yourself: open {page} in a browser")
    if options.dry_run:
        print("Everything works")
    elif run.name in deck.RUNS:  # what follows a student's own run, the worksheet says
        print(f"Next: {deck.find_next(run.name)}")


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
    return *metrics.prediction_interval(accuracies), len(accuracies)


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
        slide, claimed = (str(run.reference.slide), run.reference.accuracy) if run.reference else ("-", None)
        numbers = (run.metrics.get(name) for name in ("test_accuracy", "train_accuracy", "validation_accuracy"))
        rows.append((run.name, slide, claimed, *numbers))
    columns = ["run", "slide", "deck", "test accuracy", "training", "validation"]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:], float))
    table.insert(4, "difference", table["test accuracy"] - table["deck"])
    return table.assign(**{"training - validation": table["training"] - table["validation"]})


def print_table(all_runs):
    """Print `compare_table`, with names of columns that fit into 80 characters; the gap is training - validation."""
    short = {"test accuracy": "test", "difference": "- deck", "training - validation": "gap"}
    table = compare_table(all_runs).rename(columns=short)
    print(f"\n{table.to_string(index=False, na_rep='-', float_format='{:.4f}'.format)}")
