"""What the deck says: its runs, their slides, their layers, and the two test accuracies that it prints."""

import re
from typing import NamedTuple


class Reference(NamedTuple):
    """What the deck says of one of its runs."""

    title: str
    slide: int
    accuracy: float | None  # on the test set; None where the deck prints no number
    command: str  # that trains it
    layers: list  # of pairs: a class of keras.layers, and its arguments


def _dense(units, activation="relu"):
    return "Dense", {"units": units, "activation": activation, "kernel_initializer": "random_normal"}


def _convolution(filters):
    return "Conv2D", {"filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}


RUNS = {
    "mlp_256": Reference("MLP, 256 units", 12, 0.9762, "mlp.py", [_dense(256), _dense(10, "softmax")]),
    "mlp_800": Reference("MLP, 800 units", 13, None, "mlp.py --hidden 800", [_dense(800), _dense(10, "softmax")]),
    "mlp_dropout": Reference(
        "MLP, 800 units, Dropout 0.5",
        17,
        None,
        "mlp_dropout.py",
        [_dense(800), ("Dropout", {"rate": 0.5}), _dense(10, "softmax")],
    ),
    "cnn": Reference(
        "CNN",
        29,
        0.9902,
        "cnn.py",
        [
            ("Reshape", {"target_shape": (28, 28, 1)}),
            _convolution(16),
            ("MaxPooling2D", {}),
            _convolution(36),
            ("MaxPooling2D", {}),
            ("Dropout", {"rate": 0.25}),
            ("Flatten", {}),
            ("Dense", {"units": 128, "activation": "relu"}),
            ("Dense", {"units": 10, "activation": "softmax"}),
        ],
    ),
}
EPOCHS, STEPS = 10, 240  # slide 10: 48000 images in batches of 200


def find_next(experiment):
    """Return the command that comes after an experiment in the deck; after the last one, and a student's own, all."""
    commands = {name: run.command for name, run in RUNS.items()}
    following = dict(zip(commands, [*list(commands.values())[1:], "evaluate.py"]))
    return f"python {following.get(experiment, 'evaluate.py')}"


def find_experiment(run_name):
    """Return the experiment that a run belongs to: its name without the seed."""
    return re.sub(r"_seed\d+", "", run_name)


def is_deck_model(experiment, model, history):
    """Return whether a trained model is the deck's of this experiment, or one that an edited script has built.

    Args:
        experiment: key of `RUNS`.
        model: compiled keras.Model.
        history: keras.callbacks.History of its training.
    """
    import keras

    def is_cross_entropy(loss):
        if isinstance(loss, keras.losses.CategoricalCrossentropy):
            return loss.get_config() == keras.losses.CategoricalCrossentropy().get_config()
        return loss in ("categorical_crossentropy", keras.losses.categorical_crossentropy)

    def settings(part):
        return {name: value for name, value in part.get_config().items() if name != "name"}

    layers = [layer for layer in model.layers if type(layer) is not keras.layers.InputLayer]
    expected = [getattr(keras.layers, kind)(**arguments) for kind, arguments in RUNS[experiment].layers]
    return (
        [type(layer) for layer in layers] == [type(layer) for layer in expected]
        and [settings(layer) for layer in layers] == [settings(layer) for layer in expected]
        and is_cross_entropy(model.loss)
        and type(model.optimizer) is keras.optimizers.Adam
        and settings(model.optimizer) == settings(keras.optimizers.Adam(0.001))
        and (len(history.epoch), history.params["steps"]) == (EPOCHS, STEPS)
        and int(model.optimizer.iterations) == EPOCHS * STEPS  # fit was called once
    )
