"""Keras's `fit`, faster. Importing this module starts TensorFlow."""

import functools
import inspect
import math

import numpy as np

from digits import acceleration, interrupts, keras_start, mnist
from digits.errors import UserError

keras_start.import_tensorflow()  # before anything imports Keras


UPDATES = 8  # of the progress bar per epoch: TensorFlow runs the batches in between in one go, which is faster
HEEDED = [  # the arguments of Keras's `fit` with which the training is proven
    *("x", "y", "batch_size", "validation_split", "validation_data", "shuffle"),
    *("epochs", "verbose", "initial_epoch", "validation_freq"),
]
PROVEN = {
    *("InputLayer", "Reshape", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense"),  # the deck's
    *("BatchNormalization", "Activation"),
}


def accelerate(model):
    """Let `model.fit` do the same training faster, and end with the batch at Ctrl-C.

    This sets `fit` on this one model. Its type and its file remain Keras's own. Without this call, Keras's `fit` trains
    the same weights; only the rounding of Adam differs (`acceleration.fuse_adam`).
    """
    model.fit = functools.partial(fit, model)


def fit(model, *positional, **named):
    """Train `model` as Keras's `fit` does with the same arguments: the same batches in the same order.

    What is trained as the deck trains is trained faster; everything else is left to Keras's own `fit`. With Keras's
    verbose="auto" there is a progress bar in a terminal, and one line per epoch elsewhere.

    Args:
        model: compiled keras.Model.
        positional, named: the arguments of Keras's `fit`, where all are described.

    Returns:
        keras.callbacks.History. Its attribute `accelerated` is True where the training was faster.

    Raises:
        UserError: the split leaves no image to train or to validate with.
    """
    call = inspect.signature(type(model).fit).bind(model, *positional, **named)
    call.apply_defaults()
    arguments = call.arguments
    if arguments.get("verbose") == "auto":
        arguments["verbose"] = 1 if keras_start.is_terminal() else 2
    with interrupts.handled():
        if is_proven(model) and is_plain(arguments):
            return fit_faster(model, **{name: arguments[name] for name in HEEDED})
        return type(model).fit(*call.args, **call.kwargs)


def is_proven(model):
    """Return whether a model is one of those of which tests show that they are trained exactly as by Keras."""
    if type(model).__name__ not in ("Sequential", "Functional") or not model.compiled:
        return False
    if not {type(layer).__name__ for layer in model.layers} <= PROVEN or not isinstance(model.loss, str):
        return False
    if not type(model.optimizer).__module__.startswith("keras."):
        return False
    compiled = model.get_compile_config()
    usual = {"metrics": ["accuracy"], "weighted_metrics": None, "loss_weights": None}
    return (
        all(compiled.get(name) == value for name, value in usual.items())
        and model.steps_per_execution == 1
        and not model.run_eagerly
    )


def is_plain(arguments):
    """Return whether the arguments of `fit`, a dict, are those of a lesson: MNIST's arrays, and none but HEEDED."""
    validation_data = arguments["validation_data"]
    return (
        not arguments["callbacks"]
        and all(value is None for name, value in arguments.items() if name not in ("self", "callbacks", *HEEDED))
        and isinstance(arguments["shuffle"], bool)
        and (validation_data is None or are_arrays(validation_data))
        and are_mnists(arguments["x"], arguments["y"])
    )


def are_arrays(pair):
    """Return whether `pair` is a tuple of two arrays, one row of the first for each row of the second."""
    if not isinstance(pair, tuple) or [type(part) for part in pair] != [np.ndarray, np.ndarray]:
        return False
    return len(pair[0]) == len(pair[1])


def are_mnists(x, y):
    """Return whether x and y are MNIST's first training images, divided by 255, and their labels, one-hot.

    Of the images, every tenth is compared, which takes a hundredth of a second.
    """
    if not are_arrays((x, y)) or x.dtype != np.float32 or x.size != 784 * len(x):
        return False
    raw = mnist.load_arrays()
    if len(x) > len(raw["x_train"]) or not np.array_equal(y, np.eye(10)[raw["y_train"][: len(y)]]):
        return False
    images = raw["x_train"][: len(x) : 10].reshape(-1, 784)
    return np.array_equal(x[::10].reshape(-1, 784), images.astype("float32") / np.float32(255))


def fit_faster(model, x, y, batch_size, validation_split, validation_data, shuffle, **schedule):
    """Train `model` as `fit` does, many batches in one go. schedule: the other arguments of Keras's `fit`."""
    if validation_split and validation_data is None:
        split_at = math.floor(len(x) * (1 - validation_split))
        if split_at in (0, len(x)):
            raise UserError(f"--validation-split {validation_split} leaves no image to train or to validate with", 2)
        validation_data = x[split_at:], y[split_at:]
        x, y = x[:split_at], y[:split_at]
    batch_size = batch_size or 32  # Keras's own
    steps = math.ceil(len(x) / batch_size)
    if schedule["verbose"]:
        validated = len(validation_data[0]) if validation_data else 0
        print(f"{len(x)} images for training, {validated} for validation; {keras_start.device_name()}")
        epochs = "1 epoch" if schedule["epochs"] == 1 else f"{schedule['epochs']} epochs"
        print(f"{epochs} of {steps} batches of {batch_size}", flush=True)
    together = math.ceil(steps / UPDATES)
    with acceleration.faster_steps(model, (x, y), validation_data, batch_size, together, shuffle) as datasets:
        history = type(model).fit(
            model,
            datasets[0],
            shuffle=False,  # the dataset does
            validation_data=datasets[1],
            validation_batch_size=batch_size,
            **schedule,
        )
    history.accelerated = True
    return history
