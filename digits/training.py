"""Keras's `fit`, faster, and with a Ctrl-C that loses no finished epoch. Importing this module starts TensorFlow."""

import functools
import math

import numpy as np

from digits import acceleration, environment, interrupts
from digits.errors import UserError

environment.import_tensorflow()  # before anything imports Keras

import keras

UPDATES = 8  # of the progress bar per epoch: TensorFlow runs the batches in between in one go, which is faster


def accelerate(model):
    """Let `model.fit` do the same training faster, and stop at Ctrl-C without losing a finished epoch.

    This sets `fit` on this one model. Its type and its file remain Keras's own. Without this call, Keras's `fit` trains
    the same weights; only the rounding of Adam differs (`acceleration.fuse_adam`).
    """
    model.fit = functools.partial(fit, model)


def fit(
    model,
    x=None,
    y=None,
    batch_size=None,
    epochs=1,
    verbose="auto",
    callbacks=None,
    validation_split=0.0,
    validation_data=None,
    shuffle=True,
    initial_epoch=0,
    validation_freq=1,
    **others,
):
    """Train `model` as Keras's `fit` does with the same arguments: the same batches in the same order.

    After Ctrl-C, training ends with the batch. If an epoch was finished, its History is returned, with fewer epochs
    than were asked for. What this can't do exactly as Keras (data that are no arrays, the arguments in `others`,
    callbacks that watch every batch, a model with steps of its own) it leaves to Keras.

    Args:
        model: compiled keras.Model.
        x, y: arrays of images and labels, or what else Keras takes.
        verbose: 0 silent, 1 a progress bar, 2 one line per epoch, "auto" 1 in a terminal and 2 elsewhere.
        others: the rest of the arguments of Keras's `fit`; all are described there.

    Returns:
        keras.callbacks.History.

    Raises:
        UserError: the split leaves no image to train or to validate with.
        KeyboardInterrupt: Ctrl-C, before the first epoch was finished.
    """
    if verbose == "auto":
        verbose = 1 if environment.is_terminal() else 2
    arguments = {
        "epochs": epochs,
        "verbose": verbose,
        "initial_epoch": initial_epoch,
        "validation_freq": validation_freq,
        **others,
    }
    data = {
        "x": x,
        "y": y,
        "batch_size": batch_size,
        "validation_split": validation_split,
        "validation_data": validation_data,
        "shuffle": shuffle,
    }
    callbacks = keras.tree.flatten(callbacks) if callbacks else []
    exact = model.compiled and not others and isinstance(shuffle, bool) and are_arrays((x, y))
    exact = exact and (validation_data is None or are_arrays(validation_data))
    if exact and has_keras_steps(model) and not any(map(watches_batches, callbacks)):
        return _fit_faster(model, callbacks, arguments, **data)
    return _fit_until_interrupted(model, callbacks, arguments | data)


def are_arrays(pair):
    """Return whether `pair` is a tuple of two arrays, one row of the first for each row of the second."""
    if not isinstance(pair, tuple) or [type(part) for part in pair] != [np.ndarray, np.ndarray]:
        return False
    return len(pair[0]) == len(pair[1])


def watches_batches(callback):
    """Return whether a Keras callback is called for every batch, which `fit` would run several of in one go."""
    names = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    keras_own = keras.callbacks.Callback
    return any(getattr(getattr(callback, name), "__func__", None) is not getattr(keras_own, name) for name in names)


def has_keras_steps(model):
    """Return whether Keras's own steps train and test a model, one by one, and not eagerly."""
    own = all(getattr(type(model), name) is getattr(keras.Model, name) for name in ("train_step", "test_step"))
    return own and model.steps_per_execution == 1 and not model.run_eagerly


def _fit_faster(model, callbacks, arguments, x, y, batch_size, validation_split, validation_data, shuffle):
    batch_size = batch_size or 32
    if validation_split and validation_data is None:
        split_at = math.floor(len(x) * (1 - validation_split))
        if split_at in (0, len(x)):
            raise UserError(f"--validation-split {validation_split} leaves no image to train or to validate with", 2)
        validation_data = x[split_at:], y[split_at:]
        x, y = x[:split_at], y[:split_at]
    steps = math.ceil(len(x) / batch_size)
    if arguments["verbose"]:
        validated = len(validation_data[0]) if validation_data else 0
        print(f"{len(x)} images for training, {validated} for validation; {environment.device_name()}")
        epochs = "1 epoch" if arguments["epochs"] == 1 else f"{arguments['epochs']} epochs"
        print(f"{epochs} of {steps} batches of {batch_size}", flush=True)
    together = math.ceil(steps / UPDATES)
    with acceleration.faster_steps(model, (x, y), validation_data, batch_size, together, shuffle) as datasets:
        arguments |= {
            "x": datasets[0],
            "shuffle": False,  # the dataset does
            "validation_data": datasets[1],
            "validation_batch_size": batch_size,
        }
        return _fit_until_interrupted(model, callbacks, arguments)


def _fit_until_interrupted(model, callbacks, arguments):
    try:
        with interrupts.raise_once():
            type(model).fit(model, callbacks=callbacks, **arguments)
    except KeyboardInterrupt:
        if not model.history.epoch:
            message = f"interrupted in epoch 1 of {arguments['epochs']}: nothing of it was kept"
            raise KeyboardInterrupt(f"{message}; earlier runs are unchanged") from None
    return model.history
