"""What the predictions for test images are worth (slides 18-19), and intervals of what several seeds give."""

import numpy as np


def confusion_matrix(labels, predictions, classes=10):
    """Slide 18: (n,) labels and predictions -> (classes, classes) DataFrame of counts, a row per label."""
    import pandas as pd

    matrix = pd.crosstab(pd.Series(labels, name="label"), pd.Series(predictions, name="predict"))
    return matrix.reindex(index=range(classes), columns=range(classes), fill_value=0)


def recall_and_precision(matrix):
    """Slide 18: a confusion matrix -> DataFrame, one row per digit; NaN for a digit that does not occur.

    Recall: how many of the images of a digit are recognised. Precision: how many of the predictions of a digit are
    correct.
    """
    import pandas as pd

    correct = np.diag(matrix)
    recall = correct / matrix.sum(axis=1)
    precision = correct / matrix.sum(axis=0)
    return pd.DataFrame({"recall": recall, "precision": precision}).rename_axis("digit").round(4)


def to_labels(y):
    """Return labels as (n,) whole numbers: y is (n,), (n, 1) or one-hot (n, classes); NumPy's or TensorFlow's."""
    y = np.asarray(y)
    if y.ndim > 1 and y.shape[-1] > 1:
        return y.argmax(axis=-1)
    return y.ravel().astype(int)


def to_probabilities(outputs):
    """Return what a network gives as (n, classes) probabilities, float32.

    outputs: (n, classes) probabilities; logits, of which the softmax is taken; or (n,) or (n, 1) sigmoids, each the
    probability of the second of two classes. NaN, of a training that diverged, stays NaN.
    """
    outputs = np.asarray(outputs, "float32")
    if outputs.ndim == 1 or outputs.shape[-1] == 1:
        outputs = outputs.reshape(-1, 1)
        if outputs.min() < 0 or outputs.max() > 1:
            outputs = 1 / (1 + np.exp(-outputs))
        return np.hstack([1 - outputs, outputs])
    if outputs.min() < -0.01 or outputs.max() > 1.01:
        powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)
    return outputs


def measure(labels, probabilities):
    """Return the accuracy, cross-entropy and confusion matrix of predictions, by their names in metrics.json, a dict.

    labels: (n,) whole numbers; probabilities: (n, classes).
    """
    classes = max(probabilities.shape[1], labels.max() + 1)
    predictions = probabilities.argmax(axis=1)
    missing = classes - probabilities.shape[1]
    true = np.pad(probabilities, ((0, 0), (0, missing)))[np.arange(len(labels)), labels]
    total = probabilities.sum(axis=1)
    return {
        "test_accuracy": float(np.mean(predictions == labels)),
        "test_loss": float(-np.log(np.clip(true / total, 1e-7, 1)).mean(dtype="float64")),  # clipped as by Keras
        "confusion_matrix": confusion_matrix(labels, predictions, classes),
    }


def mean_interval(values, confidence=0.95):
    """Return the (low, high) of the t interval of the mean of `values`, (n,) numbers; NaN for fewer than two."""
    return _t_interval(values, confidence, np.sqrt(1 / max(len(values), 1)))


def prediction_interval(values, confidence=0.99):
    """Return the (low, high) in which the next value is expected, by `values`, (n,) numbers; NaN for fewer than two."""
    return _t_interval(values, confidence, np.sqrt(1 + 1 / max(len(values), 1)))


def _t_interval(values, confidence, factor):
    from scipy.special import stdtrit  # what stats.t.ppf returns; importing scipy.stats takes two seconds

    if len(values) < 2:
        return np.nan, np.nan
    margin = stdtrit(len(values) - 1, (1 + confidence) / 2) * np.std(values, ddof=1) * factor
    return np.mean(values) - margin, np.mean(values) + margin
