"""plots/<run>/draw.html: draw a digit, and watch the trained network at work on it (slide 27). One file, offline."""

import base64
import json
from pathlib import Path

import numpy as np

from digits.figures.networks import list_layers
from digits.figures.style import CannotDraw
from digits.handwriting.normalization import STROKE
from digits.pages.template import write_page

FOLDER = Path(__file__).parent / "draw"
MODULES = ["network", "strokes", "trace", "view"]  # imported by draw.js as digits/<name>.js
# What network.js computes: layers, and their settings. Another one is named on the page instead of computed wrongly.
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


def write_draw_page(path, run, title, model, data, predictions):
    """Write the page of a run.

    Args:
        path: of the HTML file.
        run: `runs.Run`, evaluated.
        title: of the run.
        model: keras.Sequential.
        data: `preprocess.Dataset`.
        predictions: (10000,) digits, of the test images.
    """
    unknown = find_unknown(model)
    content = {
        "text": json.loads((FOLDER / "text.json").read_text(encoding="utf-8")),
        "layers": [] if unknown else [describe_layer(layer) for layer in list_layers(model)],
        "examples": list(choose_examples(data, predictions)),
        "stroke": STROKE,
    }
    sources = {f"digits/{name}.js": (FOLDER / f"{name}.js").read_bytes() for name in MODULES}
    modules = {name: f"data:text/javascript;base64,{encode(source)}" for name, source in sources.items()}
    write_page(path, "draw/draw.html.j2", run=run, title=title, unknown=unknown, content=content, modules=modules)


def find_unknown(model):
    """Return a text for each layer that network.js cannot compute: its name, its kind, and what is unknown of it."""
    try:
        layers = list_layers(model)
    except CannotDraw as reason:
        return [str(reason)]
    unknown = []
    for layer in layers:
        kind, settings = type(layer).__name__, layer.get_config()
        known = KNOWN.get(kind, {}) | ({"strides": [settings["pool_size"]]} if kind == "MaxPooling2D" else {})
        reasons = [f"{name}={settings[name]}" for name, values in known.items() if settings[name] not in values]
        if kind == "Dense" and len(layer.input.shape) > 2:
            reasons.append(f"an input of shape {layer.input.shape[1:]}")
        if reasons or kind not in KNOWN:
            unknown.append(f"{layer.name} ({', '.join([kind, *reasons])})")
    if layers[-1].output.shape[1:] != (10,):
        unknown.append(f"{layers[-1].name} (an output of shape {layers[-1].output.shape[1:]})")
    return unknown


def describe_layer(layer):
    """Return a layer for network.js: its kind, name, shapes, activation, the size of its window, and its weights."""
    return {
        "kind": type(layer).__name__,
        "name": layer.name,
        "inputShape": layer.input.shape[1:],
        "shape": layer.output.shape[1:],
        "activation": getattr(getattr(layer, "activation", None), "__name__", None),
        "size": getattr(layer, "kernel_size", getattr(layer, "pool_size", None)),
        "weights": [encode(weights.astype("<f4").tobytes()) for weights in layer.get_weights()],
    }


def choose_examples(data, predictions):
    """Yield test images to show: the first 24, and the first 12 that are misclassified, mixed."""
    labels = data.y_test.argmax(axis=1)
    chosen = np.union1d(np.arange(24), np.flatnonzero(labels != predictions)[:12])
    for i in np.random.default_rng(0).permutation(chosen).tolist():
        pixels = np.rint(255 * data.x_test[i]).astype(np.uint8)
        yield {
            "index": i,
            "label": int(labels[i]),
            "prediction": int(predictions[i]),
            "pixels": encode(pixels.tobytes()),
        }


def encode(content):
    """Return bytes as base64, a text."""
    return base64.b64encode(content).decode()
