"""What came out of a run: its files, its figures, and its numbers beside the deck's, in the terminal and as a table."""

import sys
import traceback
from pathlib import Path

import numpy as np

from digits import interrupts, intervals, runs, slides
from digits.errors import UserError, print_error, warn
from digits.figures import evaluation, layers, networks, style, training
from digits.pages import draw, index

PLOTS = Path("plots")
STUDY = Path(__file__).parent.parent / "results" / "runs.csv"  # the committed study


def save(model, history, data, args, scores, probabilities, matrix):
    """Save a run that was trained and evaluated, draw its figures, and print its result beside the deck's.

    Saving comes first: Ctrl-C waits for it, and what cannot be drawn does not lose the run.

    Args:
        model: keras.Model that was trained.
        history: its keras.callbacks.History.
        data: `preprocess.Dataset`.
        args: the flags, as from `cli.run`.
        scores: dict, as `model.evaluate` returns it: the test "loss".
        probabilities: (10000, 10) float32, of the test images.
        matrix: (10, 10) DataFrame, the confusion matrix of the test images.

    Raises:
        UserError, OSError: the run could not be saved.
        SystemExit: with code 130, at the end, if the training was interrupted.
    """
    with interrupts.postponed():
        run = runs.save(model, history, data, args, **find_test_metrics(scores, matrix))
    folder = runs.MODELS / run.name
    print(f"\nSaved: {folder}/ (model.keras, history.csv, metrics.json)")
    print("Drawing the figures ...", flush=True)
    try:
        paths = plot_run(run, model, data, probabilities)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted while drawing; the run is in {folder}") from None
    print_summary(run, paths)
    if args.show:
        style.show(paths)
    if run.metrics["interrupted"]:
        metrics = run.metrics
        print_error(
            f"interrupted in epoch {metrics['epochs'] + 1} of {metrics['planned_epochs']}: "
            f"the finished epochs are in {folder}; earlier runs are unchanged"
        )
        sys.exit(130)


def find_test_metrics(scores, matrix):
    """Return what metrics.json says of the test images: a dict of test_loss, test_accuracy and confusion_matrix."""
    matrix = np.asarray(matrix)
    accuracy = np.trace(matrix) / matrix.sum()
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

    The model and its data are found among the variables of the functions that the error has passed through: so nothing
    that Keras has trained is lost, however the script was edited.

    Args:
        error: the exception.
        args: the flags, as from `cli.run`.

    Returns:
        A sentence that says where the model is; "" if there is none, or if it was saved before.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if "run" not in args or any(frame.f_code is save.__code__ for frame in frames):
        return ""
    import keras

    variables = [value for frame in frames for value in frame.f_locals.values()]
    models = [value for value in variables if isinstance(value, keras.Model) and hasattr(value, "history")]
    trained = [model for model in models if model.history.epoch]
    datasets = [value for value in variables if isinstance(value, tuple) and hasattr(value, "sha256")]
    if not (trained and datasets):
        return ""
    try:
        run = runs.save(trained[-1], trained[-1].history, datasets[-1], args, interrupted=True)
    except (UserError, OSError) as problem:
        return f"the trained model could not be saved: {problem}"
    return f"the trained model is in {runs.MODELS / run.name}; `python evaluate.py {run.name}` evaluates it"


def plot_run(run, model, data, probabilities):
    """Draw the figures of a run into plots/<run>/, and its page to draw digits on; return their paths.

    A figure that does not apply to this model is left out with one line on stderr. Arguments: see `save`.
    """
    paths = []
    for plot in (plot_network, plot_curves, plot_matrix, plot_predictions, plot_mistakes, *find_layer_plots(model)):
        try:
            paths.append(plot(run, model, data, probabilities))
        except style.CannotDraw as reason:
            warn(f"a figure is left out: {reason}")
    paths.append(write_draw_page(run, model, data, probabilities))
    return paths


def plot_network(run, model, data, probabilities):
    """Slides 7, 16, 20-21, 28: network.png."""
    return networks.plot_network(model, PLOTS / run.name / "network.png", run.title)


def plot_curves(run, model, data, probabilities):
    """Slides 11-13, 17: accuracy.png."""
    title = describe_result(run)
    epochs, planned = run.metrics["epochs"], run.metrics.get("planned_epochs", run.metrics["epochs"])
    if epochs < planned:
        title += f", stopped after epoch {epochs} of {planned}"
    return training.plot_learning_curve(run.history, PLOTS / run.name / "accuracy.png", title)


def plot_matrix(run, model, data, probabilities):
    """Slides 18-19: confusion_matrix.png."""
    path = PLOTS / run.name / "confusion_matrix.png"
    return evaluation.plot_confusion_matrix(run.metrics["confusion_matrix"], path, describe_result(run))


def plot_predictions(run, model, data, probabilities):
    """Slide 8: predictions.png."""
    confidence = probabilities.max(axis=1)
    groups = {
        "The first ten test images": caption_images(data, probabilities, np.arange(10)),
        "The ten with the least confident predictions": caption_images(
            data, probabilities, np.argsort(confidence, kind="stable")[:10]
        ),
    }
    title = f"{run.title}: predictions and their probabilities, label → prediction"
    return evaluation.plot_images(groups, PLOTS / run.name / "predictions.png", title, 10)


def plot_mistakes(run, model, data, probabilities):
    """The misclassified test images: mistakes.png."""
    labels, confidence = data.y_test.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(labels != probabilities.argmax(axis=1))
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    found = f"{len(wrong)} of {len(labels)} test images misclassified, most confident first: label → prediction"
    groups = {"": caption_images(data, probabilities, shown)}
    return evaluation.plot_images(groups, PLOTS / run.name / "mistakes.png", f"{run.title}: {found}", 8)


def caption_images(data, probabilities, chosen):
    """Return the test images of the numbers `chosen`, and a caption for each."""
    labels, predictions = data.y_test[chosen].argmax(axis=1), probabilities[chosen].argmax(axis=1)
    captions = map(evaluation.describe_prediction, labels, predictions, probabilities[chosen].max(axis=1))
    return data.x_test[chosen], list(captions)


def find_layer_plots(model):
    """Return the functions that draw what the layers of a model compute: those of a CNN, or that of an MLP."""
    import keras

    if any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers):
        return [plot_feature_maps, plot_filters]
    return [plot_hidden_neurons]


def plot_hidden_neurons(run, model, data, probabilities):
    """Slide 7: an MLP's hidden_neurons.png."""
    title = f"{run.title}: first-layer weights of the strongest hidden units, which look for strokes"
    title += "\nInk on orange activates the unit, ink on blue inhibits it; the noise is the random initialisation"
    weights = networks.find_hidden_weights(model)
    return layers.plot_hidden_units(*weights, PLOTS / run.name / "hidden_neurons.png", title)


def plot_feature_maps(run, model, data, probabilities):
    """Slide 27: a CNN's feature_maps.png."""
    import keras

    names, shown = zip(*networks.name_layers(model))
    digit = run.metrics["flags"].get("digit", 0)
    outputs = keras.Model(model.inputs, [layer.output for layer in shown]).predict_on_batch(data.x_test[[digit]])
    activations = [(name, output[0]) for name, output in zip(names[:-1], outputs)]
    label, prediction = data.y_test[digit].argmax(), probabilities[digit].argmax()
    title = f"{run.title}: the activations of each layer for test image {digit} (label {label}, predicted {prediction})"
    path = PLOTS / run.name / "feature_maps.png"
    return layers.plot_feature_maps(data.x_test[digit], activations, outputs[-1][0], label, path, title)


def plot_filters(run, model, data, probabilities):
    """Slides 22 and 28: a CNN's filters.png."""
    import keras

    kernel = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)).kernel.numpy()
    height, width, channels, n = kernel.shape
    if channels > 1:
        raise style.CannotDraw("filters.png shows filters over one image, not over several maps")
    title = f"{run.title}: the {n} filters of the first convolution, {height}x{width} weights each"
    return layers.plot_filters(kernel, PLOTS / run.name / "filters.png", title)


def write_draw_page(run, model, data, probabilities):
    """Slide 27: draw.html, on which the network predicts what one draws."""
    path = PLOTS / run.name / "draw.html"
    draw.write_draw_page(path, run, run.title, model, data, probabilities.argmax(axis=1))
    return path


def describe_result(run):
    """Return the title of a figure of a run: what it is called, and its test accuracy."""
    return f"{run.title}: test accuracy {run.metrics['test_accuracy']:.4f}"


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
    complete = [run for run in all_runs if run.reference and "accuracy" in run.history]
    deck = {run.name: run for run in complete if run.name in slides.RUNS}
    histories = {f"{run.title}\n(slide {run.reference.slide})": run.history for run in deck.values()}
    if len(histories) > 1:
        training.plot_learning_curves(histories, PLOTS / "learning_curves.png")
    names = {"cnn": "CNN", "mlp_256": "MLP"}
    if not names.keys() <= deck.keys():
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


def print_summary(run, paths):
    """Print a run's result beside the deck's and the study's, and where its files are; `paths` are those it drew."""
    metrics, reference = run.metrics, run.reference
    accuracy = metrics["test_accuracy"]
    print(f"\n{run.name}: test accuracy {accuracy:.4f}, test loss {format_number(metrics['test_loss'])}")
    if metrics["dataset"] != "mnist":
        print("SYNTHETIC digits, not MNIST: not comparable with the deck")
    elif slides.find_experiment(run.name) in slides.RUNS and not reference:
        print("Not the deck's model: this script was edited, so it is not compared with the deck")
    elif reference and reference.accuracy:
        difference = accuracy - reference.accuracy
        print(f"The deck (slide {reference.slide}): {reference.accuracy:.4f}, a difference of {difference:+.4f}")
        seeds = read_study_accuracies(slides.find_experiment(run.name))
        if len(seeds) > 1:
            low, high = intervals.prediction_interval(seeds)
            place = "inside" if low <= accuracy <= high else "outside"
            interval = f"99 of 100 runs lie between {low:.4f} and {high:.4f}"
            print(f"By the study's {len(seeds)} seeds, {interval}; this one is {place}")
    if None not in (metrics["train_accuracy"], metrics["validation_accuracy"]):
        gap = metrics["train_accuracy"] - metrics["validation_accuracy"]
        print(f"Training minus validation accuracy after the last epoch: {gap:+.4f}")
    *figures, page = paths
    print(f"Figures: {PLOTS / run.name}/ ({', '.join(path.name for path in figures)})")
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
        metrics, reference = run.metrics, run.reference
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
    table = table.astype({"slide": "Int64", "deck": float, "difference": float, "training": float, "validation": float})
    return table.assign(**{"training - validation": table["training"] - table["validation"]})


def print_table(all_runs):
    """Print `compare_table`."""
    print(f"\n{compare_table(all_runs).to_string(index=False, na_rep='-', float_format='{:.4f}'.format)}")
