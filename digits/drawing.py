"""The figures of runs: from a model, the test images and its predictions to plots/<run>/, and the runs side by side."""

import contextlib
import functools
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from digits import runs, slides
from digits.errors import UserError, warn
from digits.figures import evaluation, layers, networks, style, training
from digits.pages import draw, index

PLOTS = Path("plots")


def plot_run(run, model, data, probabilities, image=None):
    """Draw the figures of a run into plots/<run>/, and its page to draw digits on; return their paths.

    A figure that does not apply to this model is left out with one line on stderr, and an earlier run's is deleted.

    Args:
        run: `runs.Run`, evaluated.
        model: keras.Model.
        data: (x_test, y_test); the images may have another shape than 784, the labels may be digits.
        probabilities: (10000, 10) float32, of the test images; or logits, whose softmax is drawn.
        image: index of the test image in feature_maps.png (default: that of the flag --image, or the first 3).
    """
    print("Drawing the figures ...", flush=True)
    data, probabilities = standardize(data, probabilities)
    plots, paths = {"network.png": plot_network, "accuracy.png": plot_curves, "confusion_matrix.png": plot_matrix}, []
    if len(data.x_test) == len(data.y_test) and data.y_test.shape == probabilities.shape:
        plots |= {"predictions.png": plot_predictions, "mistakes.png": plot_mistakes}
        plots |= find_layer_plots(model, image) | {"draw.html": write_draw_page}
    else:
        shapes = f"images {data.x_test.shape}, labels {data.y_test.shape}, predictions {probabilities.shape}"
        warn(f"the figures of test images are left out, for these do not belong together: {shapes}")
    for name, plot in plots.items():
        try:
            paths.append(plot(run, model, data, probabilities))
        except style.CannotDraw as reason:
            warn(f"{name} is left out: {reason}")
    for name in (*(f"{figure}.png" for figure in index.RUN_FIGURES), "draw.html"):
        if PLOTS / run.name / name not in paths:
            (PLOTS / run.name / name).unlink(missing_ok=True)
    return paths


def standardize(data, probabilities):
    """Return what an edited script works with as the deck has it: (n, 784) images, one-hot labels, probabilities."""
    import keras

    x_test, y_test = data
    x_test = x_test.reshape(len(x_test), -1)
    if y_test.size == len(y_test):
        y_test = keras.utils.to_categorical(y_test.ravel(), 10)
    data = SimpleNamespace(x_test=x_test, y_test=y_test)
    probabilities = np.asarray(probabilities)
    if probabilities.ndim == 2 and not runs.are_probabilities(probabilities):
        warn("the predictions are not probabilities: the figures show their softmax")
        probabilities = np.array(keras.ops.softmax(probabilities))
    return data, probabilities


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
    title = f"{run.title}: predictions and their probabilities, label → prediction. Orange: the image's number"
    return evaluation.plot_images(groups, PLOTS / run.name / "predictions.png", title, 10)


def plot_mistakes(run, model, data, probabilities):
    """The misclassified test images: mistakes.png."""
    labels, confidence = data.y_test.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(labels != probabilities.argmax(axis=1))
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    title = f"{run.title}: {len(wrong)} of {len(labels)} test images misclassified\n"
    title += "Most confident first, label → prediction. Orange: the image's number"
    groups = {"": caption_images(data, probabilities, shown)}
    return evaluation.plot_images(groups, PLOTS / run.name / "mistakes.png", title, 8)


def caption_images(data, probabilities, chosen):
    """Return the test images `chosen`, their captions and their numbers: what `evaluation.plot_images` takes."""
    labels, predictions = data.y_test[chosen].argmax(axis=1), probabilities[chosen].argmax(axis=1)
    captions = map(evaluation.describe_prediction, labels, predictions, probabilities[chosen].max(axis=1))
    return data.x_test[chosen], list(captions), chosen


def find_layer_plots(model, image):
    """Return what draws what the layers of a model compute, as a dict of a figure to a function."""
    import keras

    if any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers):
        return {"feature_maps.png": functools.partial(plot_feature_maps, image=image), "filters.png": plot_filters}
    return {"hidden_neurons.png": plot_hidden_neurons}


def plot_hidden_neurons(run, model, data, probabilities):
    """Slide 7: an MLP's hidden_neurons.png."""
    title = f"{run.title}: first-layer weights of the strongest hidden units"
    title += "\nInk on orange activates the unit, ink on blue inhibits it; the noise is the random initialisation"
    weights = networks.find_hidden_weights(model)
    return layers.plot_hidden_units(*weights, PLOTS / run.name / "hidden_neurons.png", title)


def plot_feature_maps(run, model, data, probabilities, image=None):
    """Slide 27: a CNN's feature_maps.png. image: see `plot_run`."""
    labels = data.y_test.argmax(axis=1)
    if image is None:
        image = run.metrics["flags"].get("image")
    if image is None:
        image = np.argmax(labels == 3)  # the slide's digit
    layers_in_order, outputs = networks.list_layers(model), {}
    values = data.x_test[image].reshape(1, *model.input_shape[1:])
    for layer in layers_in_order:
        values = outputs[layer] = layer(values)
    *activations, (_, output) = [(name, outputs[layer][0].numpy()) for name, layer in networks.name_layers(model)]
    digits = f"label {labels[image]}, predicted {output.argmax()}"
    title = f"{run.title}: the activations of each layer for test image {image} ({digits})"
    path = PLOTS / run.name / "feature_maps.png"
    return layers.plot_feature_maps(data.x_test[image], activations, output, path, title)


def plot_filters(run, model, data, probabilities):
    """Slides 22 and 28: a CNN's filters.png."""
    import keras

    kernel = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)).kernel.numpy()
    height, width, channels, n = kernel.shape
    if channels > 1:
        raise style.CannotDraw("it shows filters over one image, not over several maps")
    title = f"{run.title}: the {n} filters of the first convolution\n"
    title += f"{height}x{width} weights each, in the order of their feature maps\n"
    title += "Ink on orange raises the activation, ink on blue lowers it"
    return layers.plot_filters(kernel, PLOTS / run.name / "filters.png", title)


def write_draw_page(run, model, data, probabilities):
    """Slide 27: draw.html, on which the network predicts what one draws, and beside it another one (`find_other`)."""
    path = PLOTS / run.name / "draw.html"
    draw.write_draw_page(path, run, model, data, probabilities.argmax(axis=1), find_other(run))
    return path


def find_other(run):
    """Return the first MLP beside a CNN, or the first CNN beside an MLP: a `runs.Run` and its model; else None."""
    for other in runs.load_evaluated_runs():
        if ("cnn" in other.name) != ("cnn" in run.name):
            with contextlib.suppress(UserError, style.CannotDraw):
                model = runs.load_model(other.name)
                draw.check_layers(model)
                return other, model
    return None


def describe_result(run):
    """Return the title of a figure of a run: what it is called, and its test accuracy."""
    return f"{run.title}: test accuracy {run.metrics['test_accuracy']:.4f}"


def plot_comparison(all_runs, data, probabilities):
    """Draw the deck's runs side by side: plots/learning_curves.png and plots/disagreements.png.

    The second figure shows the test images that only one of MLP 256 and the CNN classifies correctly. A figure whose
    runs are missing is not drawn. Returns the paths of those that are.

    Args:
        all_runs: a list of `runs.Run`.
        data: (x_test, y_test).
        probabilities: a dict of run name to (10000, 10) float32.
    """
    complete = [run for run in all_runs if run.reference and "accuracy" in run.history]
    deck = {slides.find_experiment(run.name): run for run in reversed(complete)}  # of several seeds, the first
    deck = {experiment: deck[experiment] for experiment in slides.RUNS if experiment in deck}
    histories = {f"{run.title}\n(slide {run.reference.slide})": run.history for run in deck.values()}
    paths = []
    if len(histories) > 1:
        paths.append(training.plot_learning_curves(histories, PLOTS / "learning_curves.png"))
    names = {"cnn": "CNN", "mlp_256": "MLP"}
    if not names.keys() <= deck.keys():
        return paths
    data, _ = standardize(data, np.zeros(1))
    labels = data.y_test.argmax(axis=1)
    probabilities = {name: probabilities[deck[name].name] for name in names}
    correct = {name: probabilities[name].argmax(axis=1) == labels for name in names}
    groups = {}
    for better, worse in (("cnn", "mlp_256"), ("mlp_256", "cnn")):
        only, confidence = np.flatnonzero(correct[better] & ~correct[worse]), probabilities[worse].max(axis=1)
        shown = only[np.argsort(-confidence[only], kind="stable")][:12]
        title = f"{len(only)} images that only the {names[better]} classifies correctly: label → {names[worse]}'s"
        groups[f"{title} prediction"] = caption_images(data, probabilities[worse], shown)
    cnn, mlp = correct["cnn"], correct["mlp_256"]
    table = [[np.sum(first & second) for second in (mlp, ~mlp)] for first in (cnn, ~cnn)]
    title = (
        f"{len(labels)} test images, classified by the CNN and by the MLP with 256 units. Orange: the image's number"
    )
    path = PLOTS / "disagreements.png"
    return [*paths, evaluation.plot_disagreements(table, list(names.values()), groups, path, title)]
