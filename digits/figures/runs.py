"""The figures of runs: from a saved run and its predictions to plots/<run>/, and the runs side by side."""

import numpy as np

from digits import deck, mnist, networks
from digits.errors import CannotDraw, warn
from digits.figures import curves, evaluation, layers
from digits.figures import networks as diagrams
from digits.runs import PLOTS, STANDARD


def plot_run(run, model=None, labels=None, probabilities=None, image=None):
    """Draw the figures of a run into plots/<run>/; return their paths, and the errors of those that failed.

    A figure that does not apply to this model is left out with one line on stderr, and an earlier run's is deleted.

    Args:
        run: `runs.Run`.
        model: keras.Model, or None if it cannot be loaded: then what its layers compute is not drawn.
        labels, probabilities: (n,) and (n, classes), of the test images, or None if the run is not evaluated.
        image: index of the test image in feature_maps.png (default: the first 3 that is classified correctly).
    """
    print("Drawing the figures ...", flush=True)
    paths, errors = [], []
    applicable = find_figures(run, model, labels)
    for name, plot in FIGURES.items():
        path = PLOTS / run.name / f"{name}.png"
        try:
            if name in applicable:
                options = {"image": image} if name == "feature_maps" else {}
                paths.append(plot(run, model, labels, probabilities, path, **options))
                continue
        except CannotDraw as reason:
            warn(f"{path.name} is left out: {reason}")
        except Exception as error:  # one of ours: the other figures are drawn all the same
            warn(f"{path.name} failed")
            errors.append(error)
        path.unlink(missing_ok=True)
    return paths, errors


def find_figures(run, model, labels):
    """Return the names of the figures that apply to a run. The images in them are the repository's own."""
    names = {"accuracy"}
    if "confusion_matrix" in run.metrics:
        names.add("confusion_matrix")
    if labels is not None and np.array_equal(labels, mnist.load_arrays()["y_test"]):
        names |= {"predictions", "mistakes"}
    if model is not None:
        names.add("network")
        if networks.is_convolutional(model):
            names |= {"filters", "feature_maps"} if run.check == STANDARD else {"filters"}
    return names


def plot_network(run, model, labels, probabilities, path):
    """Slides 7, 16, 20-21, 28: network.png."""
    return diagrams.plot_network(model, path, run.title)


def plot_curves(run, model, labels, probabilities, path):
    """Slides 11-13, 17: accuracy.png."""
    if "loss" not in run.history and "accuracy" not in run.history:
        raise CannotDraw("there are no learning curves of loss or accuracy")
    title = describe_result(run)
    last, planned = run.history.index[-1] + 1, run.metrics.get("planned_epochs", 0)
    if last < planned:
        title += f", stopped after epoch {last} of {planned}"
    return curves.plot_learning_curve(run.history, path, title)


def plot_matrix(run, model, labels, probabilities, path):
    """Slides 18-19: confusion_matrix.png."""
    return evaluation.plot_confusion_matrix(run.metrics["confusion_matrix"], path, describe_result(run))


def plot_predictions(run, model, labels, probabilities, path):
    """Slide 8: predictions.png."""
    least = np.argsort(probabilities.max(axis=1), kind="stable")[:10]
    groups = {
        "The first ten test images": caption_images(labels, probabilities, np.arange(10)),
        "The ten with the least confident predictions": caption_images(labels, probabilities, least),
    }
    title = f"{run.title}: predictions and their probabilities, label → prediction. Orange: the image's number"
    return evaluation.plot_images(groups, path, title, 10)


def plot_mistakes(run, model, labels, probabilities, path):
    """The misclassified test images: mistakes.png."""
    wrong = np.flatnonzero(labels != probabilities.argmax(axis=1))
    shown = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:24]
    title = f"{run.title}: {len(wrong)} of {len(labels)} test images misclassified\n"
    title += "Most confident first, label → prediction. Orange: the image's number"
    return evaluation.plot_images({"": caption_images(labels, probabilities, shown)}, path, title, 8)


def caption_images(labels, probabilities, chosen):
    """Return the test images `chosen`, their captions and their numbers: what `evaluation.plot_images` takes."""
    values = probabilities[chosen]
    captions = map(evaluation.describe_prediction, labels[chosen], values.argmax(axis=1), values.max(axis=1))
    return mnist.load_arrays()["x_test"][chosen] / 255, list(captions), chosen


def plot_feature_maps(run, model, labels, probabilities, path, image=None):
    """Slide 27: a CNN's feature_maps.png. image: see `plot_run`."""
    raw = mnist.load_arrays()
    if image is None:
        image = np.argmax((labels == 3) & (probabilities.argmax(axis=1) == 3))  # the slide's digit
    pixels = raw["x_test"][image].astype("float32") / 255
    values, outputs = pixels.reshape(1, *model.input_shape[1:]), {}
    for layer in networks.list_layers(model):
        values = outputs[layer] = layer(values, training=False)
    *activations, (_, output) = [(name, outputs[layer][0].numpy()) for name, layer in networks.name_layers(model)]
    digits = f"label {raw['y_test'][image]}, predicted {output.argmax()}"
    title = f"{run.title}: the activations of each layer for test image {image} ({digits})"
    return layers.plot_feature_maps(pixels, activations, output, path, title)


def plot_filters(run, model, labels, probabilities, path):
    """Slides 22 and 28: a CNN's filters.png."""
    kernel = next(layer for layer in model.layers if type(layer).__name__ == "Conv2D").kernel.numpy()
    height, width, channels, n = kernel.shape
    if channels > 1:
        raise CannotDraw("it shows filters over one image, not over several maps")
    title = f"{run.title}: the {n} filters of the first convolution\n"
    title += f"{height}x{width} weights each, in the order of their feature maps\n"
    title += "Ink on orange raises the activation, ink on blue lowers it"
    return layers.plot_filters(kernel, path, title)


# What `plot_run` draws, in the order in which the pages show it, each with a caption in pages/index/text.json.
FIGURES = {
    "network": plot_network,
    "accuracy": plot_curves,
    "confusion_matrix": plot_matrix,
    "predictions": plot_predictions,
    "mistakes": plot_mistakes,
    "feature_maps": plot_feature_maps,
    "filters": plot_filters,
}


def describe_result(run):
    """Return the title of a figure of a run: what it is called, and its test accuracy if it was evaluated."""
    accuracy = run.metrics.get("test_accuracy")
    return run.title if accuracy is None else f"{run.title}: test accuracy {accuracy:.4f}"


def plot_comparison(all_runs):
    """Draw those of the runs that are the deck's side by side, of several seeds the first: plots/learning_curves.png.

    all_runs: a list of `runs.Run`. Returns the paths of what was drawn: none where there are not two of them.
    """
    complete = [run for run in all_runs if run.reference and "accuracy" in run.history]
    found = {deck.find_experiment(run.name): run for run in reversed(complete)}
    shown = [found[experiment] for experiment in deck.RUNS if experiment in found]
    if len(shown) < 2:
        return []
    histories = {f"{run.title}\n(slide {run.reference.slide})": run.history for run in shown}
    return [curves.plot_learning_curves(histories, PLOTS / "learning_curves.png")]
