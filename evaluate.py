"""Steps 4 and 5 of the deck (slides 8, 12, 18-19): how good is a trained model, and where does it err?

python evaluate.py                 every saved model again, its pictures, and one table against the deck
python evaluate.py cnn mlp_256     only these
"""

import math
import sys
from pathlib import Path

import numpy as np

import deck
import figures
import figures_layers
import preprocess
import report
import saved
import script
import train

PLOTS = report.PLOTS


def confusion_matrix(labels, predictions):
    """Slide 18: count how often each digit is read as each digit.

    labels, predictions: (n,) integers 0..9. Returns a (10, 10) data frame of counts: rows `label`, columns `predict`.
    """
    import pandas as pd

    counts = pd.crosstab(pd.Series(labels, name="label"), pd.Series(predictions, name="predict"))
    return counts.reindex(index=range(10), columns=range(10), fill_value=0)


def recall_and_precision(matrix):
    """Slide 18: recall is the share of each digit that was found, precision the share of each reading that is right.

    matrix: as from `confusion_matrix`. Returns two (10,) float arrays; NaN where there is nothing to divide by.
    """
    counts = np.asarray(matrix, dtype=float)
    right = counts.diagonal()
    with np.errstate(invalid="ignore"):
        return right / counts.sum(axis=1), right / counts.sum(axis=0)


def measure(model, x, y):
    """Return what `model` says of the pictures `x`, (n, 10) float32 probabilities, its accuracy, and its loss.

    The loss is None where it is not a number.
    """
    from keras.losses import categorical_crossentropy

    # A part at a time: `model.predict(x)` would hold a copy of them all.
    probabilities = np.concatenate([model.predict_on_batch(part) for part in np.split(x, range(500, len(x), 500))])
    accuracy = float(np.mean(y.argmax(axis=1) == probabilities.argmax(axis=1)))
    return probabilities, accuracy, finite(np.mean(categorical_crossentropy(y, probabilities)))


def evaluate(model, data, run):
    """Slides 12 and 19: measure `model` on the test set; print, draw and save what comes out.

    data: `preprocess.Digits`. Completes models/<run>/metrics.json, draws accuracy.png and confusion_matrix.png in
    plots/<run>/. Returns the probabilities, (10000, 10) float32. Raises OSError where a file can't be read or written.
    """
    import pandas as pd

    metrics, history = saved.read(run)
    probabilities, accuracy, loss = measure(model, data.x_test, data.y_test)
    matrix = confusion_matrix(data.y_test.argmax(axis=1), probabilities.argmax(axis=1))
    recall, precision = recall_and_precision(matrix)

    print("Confusion matrix: rows are what the digits are, columns what the network reads")
    print(matrix)
    print("\nRecall (found of each digit) and precision (right of each reading)")
    print(pd.DataFrame({"recall": recall, "precision": precision}).T.round(4).to_string(na_rep="-"))

    title = f"{run}: test accuracy {accuracy:.4f}" + " on SYNTHETIC digits, not MNIST" * (data.dataset != "mnist")
    figures.accuracy(history, PLOTS / run / "accuracy.png", title)
    figures.confusion_matrix(matrix, recall, precision, PLOTS / run / "confusion_matrix.png", title)
    metrics |= {
        "test_accuracy": accuracy,
        "test_loss": loss,
        "recall": [finite(value) for value in recall],
        "precision": [finite(value) for value in precision],
        "confusion_matrix": matrix.to_numpy().tolist(),
    }
    train.write_json(train.MODELS / run / "metrics.json", metrics)
    return probabilities


def finite(value):
    """Return `value` as a float, or None (JSON's null) where it is not a number."""
    return float(value) if math.isfinite(value) else None


def predict(probabilities, data, run):
    """Slide 8: what the network reads in the first test digits, and which ones it gets wrong.

    probabilities: (n, 10), a row a picture of `data.x_test`. Writes plots/<run>/predictions.png and mistakes.png.
    """
    labels, predictions = data.y_test.argmax(axis=1), probabilities.argmax(axis=1)
    source = f"{run} ({data.dataset} test set)"
    print(f"The first 20 test digits: {' '.join(map(str, labels[:20]))}")
    print(f"What the network reads:   {' '.join(map(str, predictions[:20]))}")
    figures.digits(
        data.x_test[:20],
        [f"label {label}\nreads {guess}" for label, guess in zip(labels[:20], predictions[:20])],
        PLOTS / run / "predictions.png",
        f"{source}: the first 20 digits",
        columns=10,
        wrong=np.flatnonzero(labels[:20] != predictions[:20]),
    )
    wrong = np.flatnonzero(labels != predictions)
    confidence = probabilities.max(axis=1)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    print(f"It misreads {len(wrong)} of {len(labels)}")
    figures.digits(
        data.x_test[shown],
        [f"label {labels[i]}, reads {predictions[i]}\nand is {floor_percent(confidence[i])} sure" for i in shown],
        PLOTS / run / "mistakes.png",
        f"{source}: {len(wrong)} of {len(labels)} misread, the surest mistakes first",
        columns=6,
    )


def floor_percent(share):
    """Write a share as a percentage, rounded down: no mistake is 100% sure."""
    return f"{np.floor(1000 * share) / 10:.1f}%"


def look_inside(model, data, run, digit=0):
    """Slides 7 and 27: draw what the layers of `model` look at, into plots/<run>/.

    For a CNN: feature_maps.png, the test picture number `digit` on its way through it, and filters.png.
    For an MLP: hidden_neurons.png.
    """
    import keras

    source = f"{run} ({data.dataset})"
    convolutions = [layer.kernel.numpy() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    if not convolutions:
        kernel, outgoing = model.layers[0].kernel.numpy(), model.layers[-1].kernel.numpy()
        title = f"{source}: what the 40 strongest of its {kernel.shape[1]} hidden neurons look at"
        figures_layers.hidden_neurons(kernel, outgoing, PLOTS / run / "hidden_neurons.png", title)
        return
    figures_layers.filters(convolutions, PLOTS / run / "filters.png", f"{source}: its filters")
    names = {"Conv2D": "convolution", "MaxPooling2D": "max pooling", "Flatten": "flattened", "Dense": "hidden neurons"}
    layers = [layer for layer in model.layers if type(layer).__name__ in names]
    outputs = keras.Model(model.inputs, [layer.output for layer in layers]).predict_on_batch(data.x_test[[digit]])
    stages = [(names[type(layer).__name__], output[0]) for layer, output in zip(layers, outputs)]
    probabilities, label = stages.pop()[1], data.y_test[digit].argmax()
    title = f"{source}: test picture {digit} on its way through the network. It is a {label}, "
    title += f"read as a {probabilities.argmax()}"
    path = PLOTS / run / "feature_maps.png"
    figures_layers.feature_maps(data.x_test[digit], stages, probabilities, label, path, title)


def compare(data, probabilities):
    """Draw the deck's runs side by side: plots/learning_curves.png, and plots/disagreements.png.

    data: MNIST's `preprocess.Digits`; probabilities: a dict of run to (10000, 10). The second picture shows the test
    digits that only one of MLP 256 and the CNN reads. A picture whose runs are missing is not drawn.
    """
    runs = [run for run in saved.runs() if run in deck.RUNS and report.evaluated(run)]
    if len(runs) > 1:
        histories = {f"{run} (slide {deck.RUNS[run].slide})": saved.read(run)[1] for run in runs}
        figures.learning_curves(histories, PLOTS / "learning_curves.png")
    names = {"mlp_256": "MLP 256", "cnn": "CNN"}
    if not names.keys() <= probabilities.keys():
        return
    labels = data.y_test.argmax(axis=1)
    guesses = {run: probabilities[run].argmax(axis=1) for run in names}
    groups = {}
    for better, worse in (("cnn", "mlp_256"), ("mlp_256", "cnn")):
        only = np.flatnonzero((guesses[better] == labels) & (guesses[worse] != labels))
        only = only[np.argsort(-probabilities[worse].max(axis=1)[only], kind="stable")]
        captions = [f"label {labels[i]}\n{names[worse]}: {guesses[worse][i]}" for i in only]
        title = f"{len(only)} that only the {names[better]} reads; the surest mistakes of the {names[worse]} first"
        groups[title] = data.x_test[only], captions
    both = np.sum((guesses["cnn"] != labels) & (guesses["mlp_256"] != labels))
    title = f"Of {len(labels)} test digits, {both} are misread by both networks"
    figures.disagreements(groups, PLOTS / "disagreements.png", title)


def main():
    parser = script.argument_parser(__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a folder's name in models/ (default: all of them)")
    preprocess.add_folder_flag(parser)
    args = parser.parse_args()
    runs = [Path(run).name for run in args.runs] or saved.runs()  # models/cnn/ means cnn
    if not runs:
        script.fail(f"there is no saved run in {train.MODELS}/; `python cnn.py` makes one")

    script.import_tensorflow()
    datasets, done, failed = {}, {}, 0
    for run in runs:
        print(f"\n=== {run}")
        try:
            dataset = saved.read(run)[0]["dataset"]
            model = saved.load_model(run)
            if dataset not in datasets:
                datasets[dataset] = preprocess.load_data(dataset, args.data)
            data = datasets[dataset]
            done[run] = evaluate(model, data, run)
            predict(done[run], data, run)
            look_inside(model, data, run, saved.read(run)[0]["flags"].get("digit", 0))
        except OSError as error:
            print(f"evaluate.py: {error}", file=sys.stderr)
            failed += 1
    if "mnist" in datasets:
        compare(datasets["mnist"], done)
    if done:
        print(f"\n{report.table(done).to_string(index=False, na_rep='-', float_format='{:.4f}'.format)}")
        print(f"Pictures: {PLOTS}/<run>/; all of them on one page: {report.page()}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    script.run(main)
