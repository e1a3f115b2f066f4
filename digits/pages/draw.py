"""plots/<run>/draw.html: draw a digit, and watch the trained network at work on it (slide 27). One file, offline."""

import base64
import json
import math
import zlib
from pathlib import Path

import numpy as np

from digits.figures.networks import list_layers
from digits.figures.style import CannotDraw
from digits.handwriting.normalization import STROKE
from digits.pages.template import write_page

FOLDER = Path(__file__).parent / "draw"
IMAGES = 1000  # test images on the page
MODULES = ["language.js", *(f"draw/{name}.js" for name in ("network", "strokes", "view", "explain", "draw"))]
BRIGHT = 0.995  # of a layer's activations, those that are not shown in white
HIGH = 32  # units in a column
STAGES = {"Conv2D": "convolution", "MaxPooling2D": "pooling", "Flatten": "flatten", "Dense": "hidden"}
SIZES = {"input": "pixels", "flatten": "numbers", "hidden": "units", "output": "units"}  # in text.json
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


def write_draw_page(path, run, model, data, predictions, neighbours, other=None):
    """Write the page of a run.

    Args:
        path: of the HTML file.
        run: `runs.Run`, evaluated.
        model: keras.Sequential.
        data: `preprocess.Dataset`.
        predictions: (10000,) digits, of the test images.
        neighbours: a list of `runs.Run`, whose pages lie beside this one.
        other: None, or a pair of a `runs.Run` and its model, which predicts the same drawing beside this one.
    """
    metrics, unknown = run.metrics, find_unknown(model)
    facts = {
        "name": run.name,
        "accuracy": f"{metrics['test_accuracy']:.4f}",
        "date": metrics.get("date", "-"),
        **{key: metrics[key] for key in ("parameters", "epochs", "seed")},
    }
    stages = [] if unknown else describe_stages(model, data.x_test[:200])
    others = [other[1]] if other and not find_unknown(other[1]) else []
    content = {
        "text": translate(facts, stages),
        "stroke": STROKE,
        "networks": [stages, *(describe_stages(model, data.x_test[:1]) for model in others)],
        **describe_images(data, predictions),
    }
    versions = [f"{name} {version}" for name, version in metrics.get("versions", {}).items() if name != "onednn"]
    write_page(
        path,
        "draw/draw.html.j2",
        content=content,
        stages=stages,
        convolutional=len(stages) > 1 and stages[1]["kind"] == "convolution",
        unknown=unknown,
        synthetic=metrics["dataset"] != "mnist",
        neighbours=neighbours,
        networks=[run.name] + [other[0].name for _ in others],
        filters=describe_filters(stages, model),
        versions=versions,
        modules=MODULES,
    )


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
    if layers[-1].output.shape[1:] != (10,) or type(layers[-1]).__name__ != "Dense":
        unknown.append(f"{layers[-1].name} (an output of shape {layers[-1].output.shape[1:]})")
    return unknown


def describe_stages(model, images):
    """Return what the page shows and computes of a network, from left to right: its input, and each layer but those
    that pass their values on.

    A stage has `maps` of `rows` x `columns` values, the map last, as in Keras; units are one such map, and what Flatten
    gives is one row per map. `depth` values at a time are computed from a window on the stage before, which has `grid`
    places: its `size`, its `stride`, and the `padding` above and to the left; that of a dense layer is all of it. The
    scale of a stage follows from its activations for some test images. `at` counts the layers of Keras. Its canvas has
    `wide` maps side by side, `gap` pixels apart.
    """
    stages = [{"kind": "input", "at": 0, "rows": 28, "columns": 28, "maps": 1, "count": 784, "grid": (28, 28)}]
    stages[0] |= {"scale": 1, "weights": []}
    layers, values = list_layers(model), images
    for at, layer in enumerate(layers, 1):
        values, before = layer(values), stages[-1]
        kind = STAGES.get(type(layer).__name__)
        if not kind or (kind == "flatten" and before["maps"] == 1):
            continue  # it passes its values on
        scale = float(f"{np.quantile(np.array(values), BRIGHT):.3g}") or 1
        kind = "output" if at == len(layers) else kind
        stages.append({"kind": kind, "at": at, "scale": scale, **describe_window(layer, before)})
    for i, stage in enumerate(stages):
        maps, flat = stage["maps"], stage["kind"] == "flatten"
        wide = [n for n in range(1, maps + 1) if maps % n == 0 and (n == 1 or 2 * n * n <= maps)]
        stage |= {"name": f"stage{i}", "wide": 1 if flat else wide[-1], "gap": 0 if flat else 1}
        stage |= {"number": 1 + sum(other["kind"] == stage["kind"] for other in stages[:i])}
        stage["width"] = stage["wide"] * (stage["columns"] + stage["gap"]) - stage["gap"]
        stage["height"] = maps // stage["wide"] * (stage["rows"] + stage["gap"]) - stage["gap"]
    return stages


def describe_window(layer, before):
    """Return the shape of a layer's stage, and what it computes from windows on the stage `before` it."""
    kind, shape, config = type(layer).__name__, layer.output.shape[1:], layer.get_config()
    size, stride, padding = (1, 1), (1, 1), (0, 0)
    if kind == "Conv2D":
        size = config["kernel_size"]
        padding = [(side - 1) // 2 for side in size]
    elif kind == "MaxPooling2D":
        size = stride = config["pool_size"]
    elif kind == "Dense":
        size, stride = before["grid"], (0, 0)
    grid = rows, columns = shape[:2] if len(shape) == 3 else (min(HIGH, shape[0]), -(-shape[0] // HIGH))
    maps, depth = (shape[2], shape[2]) if len(shape) == 3 else (1, shape[0])
    if kind == "Flatten":
        grid, rows, columns, maps = before["grid"], 1, math.prod(before["grid"]), before["maps"]
        depth = maps
    return {
        "rows": rows,
        "columns": columns,
        "maps": maps,
        "count": math.prod(shape),
        "depth": depth,
        "grid": grid,
        "size": size,
        "stride": stride,
        "padding": padding,
        "activation": config.get("activation", "linear"),
        "weights": [encode(weights.astype("<f4").tobytes()) for weights in layer.get_weights()],
    }


def describe_filters(stages, model):
    """Return the filters of a convolution that stands first: of each, rows of weights in percent of the largest."""
    if len(stages) < 2 or stages[1]["kind"] != "convolution":
        return []
    kernel = list_layers(model)[stages[1]["at"] - 1].kernel.numpy()
    percent = np.rint(100 * kernel[:, :, 0] / np.abs(kernel).max()).astype(int)
    return percent.transpose(2, 0, 1).tolist()


def translate(facts, stages):
    """Return the page's texts in both languages, with what is known when it is written: a dict of dicts."""
    translations = json.loads((FOLDER / "text.json").read_text(encoding="utf-8"))
    for text in translations.values():
        for stage in stages:
            name, size = text[stage["kind"]].format(**stage), text[SIZES.get(stage["kind"], "maps")].format(**stage)
            keys = text["keys"].format(stage=name, size=size)
            text |= {stage["name"]: name, f"{stage['name']}size": size, f"{stage['name']}keys": keys}
        for key in ("title", "footer"):
            text[key] = text[key].format(**facts)
        if len(stages) > 1:
            text["filtersOf"] = text["filtersOf"].format(stage=text["stage1"])
    return translations


def describe_images(data, predictions):
    """Return the first test images for the page: their pixels, compressed, and the digits of labels and predictions."""
    pixels = np.rint(255 * data.x_test[:IMAGES]).astype(np.uint8)
    labels = data.y_test[:IMAGES].argmax(axis=1)
    return {
        "images": encode(zlib.compress(pixels.tobytes(), 9)),
        "labels": "".join(map(str, labels)),
        "predictions": "".join(map(str, predictions[: len(labels)])),
    }


def encode(content):
    """Return bytes as base64, a text."""
    return base64.b64encode(content).decode()
