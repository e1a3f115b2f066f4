"""What the deck says, once: its runs, their slides, arguments and layers, and the two test accuracies in it."""

import re
from typing import NamedTuple

# The arguments of `main` on slide 10, and where the deck is silent, of the book that it follows. 48000 images are for
# training and 12000 for validation, in 240 batches per epoch. The seed is the most typical of the study's twenty.
TRAINING = {"epochs": 10, "batch_size": 200, "validation_split": 0.2, "learning_rate": 0.001, "seed": 5}
TRAINING_IMAGES, STEPS = 48000, 240
# The other arguments of each script.
SCRIPTS = {
    "mlp": {"hidden": 256},
    "mlp_dropout": {"hidden": 800, "dropout": 0.5},
    "cnn": {"kernel_size": 3, "dropout": 0.25},
}


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


def find_next(experiment):
    """Return the command that comes after one of the deck's experiments."""
    commands = {name: run.command for name, run in RUNS.items()}
    following = dict(zip(commands, [*list(commands.values())[1:], "evaluate.py"]))
    return f"python {following[experiment]}"


def find_experiment(run_name):
    """Return the experiment that a run belongs to: its name without the seed."""
    return re.sub(r"_seed\d+", "", run_name)
