"""What came out of a run: its figures, and its numbers beside the deck's, in the terminal and as a table."""

import time
from pathlib import Path

import numpy as np

from digits import intervals, runs, slides
from digits.errors import UserError
from digits.figures import evaluation, layers, networks, style, training
from digits.files import check_folder
from digits.pages import draw, index

PLOTS = Path("plots")
STUDY = Path(__file__).parent.parent / "results" / "runs.csv"  # the committed study


def check_writable(name):
    """Find out before training whether the figures of a run of this name can be written. Raises as `check_folder`."""
    check_folder(PLOTS / name)


def present(run, model, data, probabilities, show=False):
    """Draw a new run's figures and print its result, beside the deck's; with `show`, open the figures.

    Args:
        run: `runs.Run`, evaluated.
        model: keras.Model.
        data: `preprocess.Dataset`.
        probabilities: (10000, 10) float32, of the test images.

    Raises:
        KeyboardInterrupt: the training was interrupted; all is written nevertheless.
        UserError: the figures cannot be written.
    """
    start = time.perf_counter()
    print_scores(run, data, probabilities)
    try:
        paths = plot_run(run, model, data, probabilities)
        page = write_draw_page(run, model, data, probabilities)
    except OSError as error:
        raise UserError(f"{error}. The run itself is saved in {runs.MODELS / run.name}") from error
    print_summary(run, paths, page, time.perf_counter() - start)
    if show:
        style.show(paths)
    epochs = run.metrics["flags"]["epochs"]
    if run.metrics["epochs"] < epochs:
        message = f"interrupted in epoch {run.metrics['epochs'] + 1} of {epochs}: the finished epochs are in "
        raise KeyboardInterrupt(f"{message}{runs.MODELS / run.name}; earlier runs are unchanged")


def print_scores(run, data, probabilities):
    """Print the confusion matrix, recall and precision (slides 18-19), and the first predictions (slide 8)."""
    import pandas as pd

    names = {"index": pd.RangeIndex(10, name="label"), "columns": pd.RangeIndex(10, name="predict")}
    print("\nConfusion matrix: rows are true labels, columns predicted labels")
    print(pd.DataFrame(run.metrics["confusion_matrix"], **names))
    print("\nRecall (correct fraction of each label) and precision (correct fraction of each prediction)")
    scores = pd.DataFrame({name: run.metrics[name] for name in ("recall", "precision")}, dtype=float)
    print(scores.T.round(4).to_string(na_rep="-"))
    labels, predictions = data.y_test.argmax(axis=1), probabilities.argmax(axis=1)
    print(f"\nThe first 20 test labels:  {' '.join(map(str, labels[:20]))}")
    print(f"The network's predictions: {' '.join(map(str, predictions[:20]))}")
    print(f"Misclassified: {np.sum(labels != predictions)} of {len(labels)}")


def describe_run(run):
    """Return the title of a run, with a warning if it is not of MNIST."""
    return slides.find_title(run.name) + " on SYNTHETIC digits, not MNIST" * (run.metrics["dataset"] != "mnist")


def plot_run(run, model, data, probabilities):
    """Draw all figures of a run into plots/<run>/; return their paths. Arguments as of `present`."""
    folder, name, metrics = PLOTS / run.name, describe_run(run), run.metrics
    title = f"{name}: test accuracy {metrics['test_accuracy']:.4f}"
    recall, precision = (np.array(metrics[score], float) for score in ("recall", "precision"))
    labels, predictions = data.y_test.argmax(axis=1), probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)

    def caption(chosen):
        captions = map(evaluation.describe_prediction, labels[chosen], predictions[chosen], confidence[chosen])
        return data.x_test[chosen], list(captions)

    wrong = np.flatnonzero(labels != predictions)
    mistakes = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    groups = {
        "The first ten test images": caption(np.arange(10)),
        "The ten with the least confident predictions": caption(np.argsort(confidence, kind="stable")[:10]),
    }
    found = f"{len(wrong)} of {len(labels)} test images misclassified, most confident first: label → prediction"
    return [
        networks.plot_network(model, folder / "network.png", name),
        training.plot_learning_curve(run.history, folder / "accuracy.png", title),
        evaluation.plot_confusion_matrix(
            metrics["confusion_matrix"], recall, precision, folder / "confusion_matrix.png", title
        ),
        evaluation.plot_images(
            groups, folder / "predictions.png", f"{name}: predictions and their probabilities, label → prediction", 10
        ),
        evaluation.plot_images({"": caption(mistakes)}, folder / "mistakes.png", f"{name}: {found}", 8),
        *plot_layers(run, model, data),
    ]


def plot_layers(run, model, data):
    """Draw what the layers compute (slides 7, 27): feature_maps.png, filters.png, or an MLP's hidden_neurons.png."""
    import keras

    folder, name = PLOTS / run.name, describe_run(run)
    kernels = [layer.kernel.numpy() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    if not kernels:
        kernel, outgoing = model.layers[0].kernel.numpy(), model.layers[-1].kernel.numpy()
        title = f"{name}: first-layer weights of the strongest hidden units, which look for strokes"
        title += "\nInk on orange activates the unit, ink on blue inhibits it; the noise is the random initialisation"
        return [layers.plot_hidden_units(kernel, outgoing, folder / "hidden_neurons.png", title)]
    names, shown = zip(*networks.name_layers(model))
    digit = run.metrics["flags"].get("digit", 0)
    outputs = keras.Model(model.inputs, [layer.output for layer in shown]).predict_on_batch(data.x_test[[digit]])
    *activations, (_, probabilities) = zip(names, (output[0] for output in outputs))
    label = data.y_test[digit].argmax()
    found = f"label {label}, predicted {probabilities.argmax()}"
    title = f"{name}: the activations of each layer for test image {digit} ({found})"
    path = folder / "feature_maps.png"
    height, width, _, n = kernels[0].shape
    filters = f"{name}: the {n} filters of the first convolution, {height}x{width} weights each"
    return [
        layers.plot_feature_maps(data.x_test[digit], activations, probabilities, label, path, title),
        layers.plot_filters(kernels[0], folder / "filters.png", filters),
    ]


def write_draw_page(run, model, data, probabilities):
    """Write plots/<run>/draw.html, on which the network predicts what one draws; return its path.

    Arguments as of `present`.
    """
    path = PLOTS / run.name / "draw.html"
    draw.write_draw_page(path, run, describe_run(run), model, data, probabilities.argmax(axis=1))
    return path


def write_index():
    """Write plots/index.html and return its path. A run that is damaged or was never evaluated is left out."""
    evaluated, path = list(load_evaluated_runs()), PLOTS / "index.html"
    index.write_index(path, evaluated, compare_table(evaluated))
    return path


def load_evaluated_runs():
    """Yield the saved runs that can be read and have been evaluated."""
    for name in runs.list_runs():
        try:
            run = runs.load_run(name)
        except UserError:
            continue
        if "test_accuracy" in run.metrics:
            yield run


def plot_comparison(all_runs, data, probabilities):
    """Draw the deck's runs side by side: plots/learning_curves.png and plots/disagreements.png.

    The second figure shows the test images that only one of MLP 256 and the CNN classifies correctly. A figure whose
    runs are missing is not drawn.

    Args:
        all_runs: a list of `runs.Run`.
        data: MNIST's `preprocess.Dataset`.
        probabilities: a dict of run name to (10000, 10) float32.
    """
    histories = {
        f"{slides.find_title(run.name)}\n(slide {slides.RUNS[run.name].slide})": run.history
        for run in all_runs
        if run.name in slides.RUNS
    }
    if len(histories) > 1:
        training.plot_learning_curves(histories, PLOTS / "learning_curves.png")
    names = {"cnn": "CNN", "mlp_256": "MLP"}
    if not names.keys() <= probabilities.keys():
        return
    labels = data.y_test.argmax(axis=1)
    predictions = {name: probabilities[name].argmax(axis=1) for name in names}
    correct = {name: predictions[name] == labels for name in names}
    groups = {}
    for better, worse in (("cnn", "mlp_256"), ("mlp_256", "cnn")):
        only, confidence = np.flatnonzero(correct[better] & ~correct[worse]), probabilities[worse].max(axis=1)
        shown = only[np.argsort(-confidence[only], kind="stable")][:12]
        captions = map(evaluation.describe_prediction, labels[shown], predictions[worse][shown], confidence[shown])
        title = f"{len(only)} images that only the {names[better]} classifies correctly: label → {names[worse]}'s"
        groups[f"{title} prediction"] = data.x_test[shown], list(captions)
    cnn, mlp = correct["cnn"], correct["mlp_256"]
    table = [[np.sum(first & second) for second in (mlp, ~mlp)] for first in (cnn, ~cnn)]
    title = f"{len(labels)} test images, classified by the CNN and by the MLP with 256 units"
    evaluation.plot_disagreements(table, list(names.values()), groups, PLOTS / "disagreements.png", title)


def print_summary(run, paths, page, seconds):
    """Print a run's result beside the deck's and the study's, its times, and where its files are.

    Args:
        run: `runs.Run`.
        paths: of its figures.
        page: path of its page to draw digits on.
        seconds: since it was saved.
    """
    metrics, reference = run.metrics, slides.RUNS.get(run.name)
    accuracy = metrics["test_accuracy"]
    print(f"\n{run.name}: test accuracy {accuracy:.4f}, test loss {format_number(metrics['test_loss'])}")
    if metrics["dataset"] != "mnist":
        print("SYNTHETIC digits, not MNIST: not comparable with the deck")
    elif reference and reference.accuracy:
        difference = accuracy - reference.accuracy
        print(f"The deck (slide {reference.slide}): {reference.accuracy:.4f}, a difference of {difference:+.4f}")
        seeds = read_study_accuracies(run.name)
        low, high = intervals.prediction_interval(seeds)
        if len(seeds) > 1:
            place = "inside" if low <= accuracy <= high else "outside"
            interval = f"99 of 100 runs lie between {low:.4f} and {high:.4f}"
            print(f"By the study's {len(seeds)} seeds, {interval}; this one is {place}")
    if metrics["validation_accuracy"] is not None:
        gap = metrics["train_accuracy"] - metrics["validation_accuracy"]
        print(f"Training minus validation accuracy after the last epoch: {gap:+.4f}")
    total, start, fit = metrics["total_seconds"] + seconds, metrics["start_seconds"], metrics["fit_seconds"]
    parts = "" if fit is None else f": {start:.1f} to start, {fit:.1f} to train, {total - start - fit:.1f} to evaluate"
    print(f"{total:.1f} seconds{parts}{' and draw' * bool(parts)}")
    print(f"Written: {runs.MODELS / run.name}/ (model.keras, history.csv, metrics.json)")
    print(f"         {PLOTS / run.name}/ ({', '.join(path.name for path in paths)})")
    print(f"Draw a digit yourself: open {page} in a browser")


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
        metrics, reference = run.metrics, slides.RUNS.get(run.name)
        deck = reference and reference.accuracy
        rows.append(
            {
                "run": run.name,
                "slide": reference and reference.slide,
                "deck": deck,
                "test accuracy": metrics["test_accuracy"],
                "difference": deck and metrics["test_accuracy"] - deck,
                "training": metrics["train_accuracy"],
                "validation": metrics["validation_accuracy"],
            }
        )
    table = pd.DataFrame(rows)
    table["training - validation"] = table["training"] - table["validation"].astype(float)
    return table.astype({"slide": "Int64", "deck": float, "difference": float})


def print_table(all_runs):
    """Print `compare_table`."""
    print(f"\n{compare_table(all_runs).to_string(index=False, na_rep='-', float_format='{:.4f}'.format)}")
