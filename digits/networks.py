"""The one place that knows which networks are like the deck's: what of a model can be asked, drawn and computed."""

import itertools

import numpy as np

from digits import deck, metrics
from digits.errors import CannotDraw, UserError

# The layers that figures and pages show: what a figure calls them, and what the drawing page does.
KINDS = {"Conv2D": "convolution", "MaxPooling2D": "max pooling", "Flatten": "flatten", "Dense": "hidden layer"}
STAGES = {"Conv2D": "convolution", "MaxPooling2D": "pooling", "Flatten": "flatten", "Dense": "hidden"}
# What network.js computes: layers, and their settings. With another one, there is no page rather than a wrong one.
KNOWN = {
    "Reshape": {},
    "Conv2D": {
        "activation": ["linear", "relu"],
        "padding": ["same"],
        "strides": [(1, 1)],
        "dilation_rate": [(1, 1)],
        "groups": [1],
    },
    "MaxPooling2D": {"padding": ["valid"]},
    "Dropout": {},
    "Flatten": {},
    "Dense": {"activation": ["linear", "relu", "softmax"]},
}


def predict(model, images):
    """Return a model's probabilities for images of MNIST's form, (n, classes) float32. Random layers do nothing.

    Args:
        model: keras.Model that takes pixels from 0 to 1, as (784,), (28, 28) or (28, 28, 1).
        images: (n, 28, 28) uint8.

    Raises:
        UserError: it takes other inputs, or does not give ten numbers per image.
    """
    shape = getattr(model, "input_shape", None)  # None: a class that never says
    if not isinstance(shape, tuple) or None in shape[1:] or np.prod(shape[1:]) != 784:
        raise UserError(f"other images: it takes none of 28x28 pixels but inputs of shape {shape}")
    pixels = images.reshape(len(images), *shape[1:]).astype("float32")
    pixels /= 255
    batches = np.array_split(pixels, len(pixels) // 1000 + 1)
    outputs = np.concatenate([np.asarray(model(batch, training=False)) for batch in batches])
    if outputs.shape != (len(images), 10):
        raise UserError(f"another task: its outputs are not ten digits but of shape {outputs.shape[1:]}")
    return metrics.to_probabilities(outputs)


def list_layers(model):
    """Return the layers of a model without its input. Raises a CannotDraw where they do not follow one another."""
    if not getattr(model, "inputs", None):
        raise CannotDraw(f"{type(model).__name__} is a class of your own, and what it computes is not known")
    if None in model.inputs[0].shape[1:]:
        raise CannotDraw("the size of the network's input is not fixed")
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    for before, after in itertools.pairwise(layers):
        if type(model).__name__ != "Sequential" and after.input is not before.output:
            raise CannotDraw(f"the layers do not follow one after the other ({before.name}, {after.name})")
    return layers


def name_layers(model):
    """Return (name, layer) of each layer whose values a figure shows, those of a kind numbered, as on slide 20.

    Raises a CannotDraw where there is none.
    """
    layers = [layer for layer in list_layers(model) if type(layer).__name__ in KINDS]
    if not layers:
        raise CannotDraw(f"none of the layers is one of {', '.join(KINDS)}")
    kinds = [KINDS[type(layer).__name__] for layer in layers[:-1]]
    names = [
        f"{kind} {kinds[:place].count(kind)}" if kinds.count(kind) > 1 else kind for place, kind in enumerate(kinds, 1)
    ]
    return list(zip([*names, "output"], layers))


def check_layers(model):
    """Raise a CannotDraw that names the layers that network.js cannot compute, and what is unknown of them."""
    unknown, layers = [], list_layers(model)
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise CannotDraw("not all weights are finite numbers: the training diverged")
    for layer in layers:
        kind, settings = type(layer).__name__, layer.get_config()
        known = KNOWN.get(kind, {}) | ({"strides": [settings["pool_size"]]} if kind == "MaxPooling2D" else {})
        reasons = [f"{name}={settings[name]}" for name, values in known.items() if settings[name] not in values]
        if kind == "Reshape" and (layer is not layers[0] or layer.output.shape[1:3] != (28, 28)):
            reasons.append(f"an output of shape {layer.output.shape[1:]}")
        if kind == "Dense" and len(layer.input.shape) > 2:
            reasons.append(f"an input of shape {layer.input.shape[1:]}")
        if reasons or kind not in KNOWN:
            unknown.append(f"{layer.name} ({', '.join([kind, *reasons])})")
    last = layers[-1].get_config()
    if not unknown and (last.get("units"), last.get("activation")) != (10, "softmax"):
        unknown.append(f"{layers[-1].name} (not the softmax of ten values)")
    if unknown:
        raise CannotDraw(f"it cannot compute {'; '.join(unknown)}")


def is_convolutional(model):
    """Return whether a model is a CNN; otherwise it is an MLP, if anything of the deck."""
    return any(type(layer).__name__ == "Conv2D" for layer in model.layers)


def is_decks(experiment, model, history):
    """Return whether a trained model is the deck's of this experiment, trained as the deck says.

    Args:
        experiment: name of a run without its seed.
        model: keras.Model.
        history: of its training: see `runs.save`.
    """
    import keras

    if experiment not in deck.RUNS or not getattr(history, "accelerated", False):
        return False  # what `training.accelerate` does not take may be another training: with class weights, say

    def settings(part):
        return {name: value for name, value in part.get_config().items() if name != "name"}

    layers = [layer for layer in model.layers if type(layer) is not keras.layers.InputLayer]
    expected = [getattr(keras.layers, kind)(**arguments) for kind, arguments in deck.RUNS[experiment].layers]
    epochs = deck.TRAINING["epochs"]
    return (
        [type(layer) for layer in layers] == [type(layer) for layer in expected]
        and [settings(layer) for layer in layers] == [settings(layer) for layer in expected]
        and model.loss == "categorical_crossentropy"
        and type(model.optimizer) is keras.optimizers.Adam
        and settings(model.optimizer) == settings(keras.optimizers.Adam(deck.TRAINING["learning_rate"]))
        and (len(history.epoch), history.params["steps"]) == (epochs, deck.STEPS)
        and int(model.optimizer.iterations) == epochs * deck.STEPS  # fit was called once
    )
