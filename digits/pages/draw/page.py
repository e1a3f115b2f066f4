"""plots/<run>/draw.html: draw a digit, and watch the trained network at work on it (slide 27). One file, offline."""

import base64
import json
import math
import zlib

import numpy as np

from digits import mnist
from digits.handwriting.normalization import STROKE
from digits.networks import STAGES, check_layers, list_layers
from digits.pages.template import read, write_page

IMAGES = 1000  # test images on the page
MODULES = ["language.js", *(f"draw/{name}.js" for name in ("network", "strokes", "view", "explain", "draw"))]
BRIGHT = 0.995  # of a layer's activations, those that are not shown in white
HIGH = 32  # units in a column
SIZES = {"input": "pixels", "flatten": "numbers", "hidden": "units", "output": "units"}  # in text.json


def write_draw_page(path, run, model, predictions, other=None):
    """Write the page of a run.

    Args:
        path: of the HTML file.
        run: `runs.Run`, evaluated.
        model: keras.Sequential.
        predictions: (10000,) digits, of the test images.
        other: None, or a pair of a `runs.Run` and its model, which predicts the same drawing beside this one.

    Raises:
        CannotDraw: network.js cannot compute the network.
    """
    check_layers(model)
    metrics = run.metrics
    facts = {
        "name": run.name,
        "accuracy": f"{metrics['test_accuracy']:.4f}",
        "date": metrics.get("date", "-"),
        **{key: metrics[key] for key in ("parameters", "epochs", "seed")},
    }
    pixels = mnist.load_arrays()["x_test"][:200] / np.float32(255)
    stages = describe_stages(model, pixels)
    others = [other] if other else []
    content = {
        "text": translate(facts, stages),
        "stroke": STROKE,
        "networks": [stages, *(describe_stages(model, pixels[:1]) for _, model in others)],
        **describe_images(predictions),
    }
    versions = [f"{name} {version}" for name, version in metrics.get("versions", {}).items() if name != "onednn"]
    write_page(
        path,
        "draw/draw.html.j2",
        content=content,
        stages=stages,
        convolutional=stages[1]["kind"] == "convolution",
        networks=[run.name, *(run.name for run, _ in others)],
        filters=describe_filters(stages, model),
        versions=versions,
        modules=MODULES,
    )


def describe_stages(model, images):
    """Return what the page shows and computes of a network: its input and each layer but those that pass values on.

    A stage has `maps` of `rows` x `columns` values, the map last, as in Keras; units are one such map, and what Flatten
    gives is one row per map. `depth` values at a time are computed from one of the `windows`. The scale of a stage
    follows from its activations for some test images; `at` counts the layers of Keras.
    """
    grid, layers = (28, 28), list_layers(model)
    values = images.reshape(len(images), *model.input_shape[1:])
    stages = [{"kind": "input", "at": 0, "count": 784, "scale": 1, "weights": []} | lay_out(*grid, 1)]
    for at, layer in enumerate(layers, 1):
        kind, shape, values = STAGES.get(type(layer).__name__), layer.output.shape[1:], layer(values, training=False)
        maps = stages[-1]["maps"]
        if not kind or (kind == "flatten" and maps == 1):
            continue  # it passes its values on
        windows = list_windows(layer, *grid)
        height, width = windows.shape[2:]
        windows = windows.reshape(-1, height * width)
        if type(layer).__name__ == "Dense":
            windows = windows[:, : stages[-1]["count"]]  # the last column of units may not be full
        stage = {
            "kind": "output" if at == len(layers) else kind,
            "at": at,
            "count": math.prod(shape),
            "depth": maps if kind == "flatten" else shape[-1],
            "scale": float(f"{np.quantile(np.array(values), BRIGHT):.3g}") or 1,
            "activation": getattr(getattr(layer, "activation", None), "__name__", "linear"),
            "across": width,
            "windows": windows.tolist(),
            "weights": [encode(weights.astype("<f4").tobytes()) for weights in layer.get_weights()],
        }
        if kind == "flatten":
            stage |= lay_out(1, math.prod(grid), maps, wide=1, gap=0)
        else:
            *grid, maps = shape if len(shape) == 3 else (min(HIGH, shape[0]), -(-shape[0] // HIGH), 1)
            stage |= lay_out(*grid, maps)
        stages.append(stage)
    for i, stage in enumerate(stages):
        number = 1 + sum(other["kind"] == stage["kind"] for other in stages[:i])
        stage |= {"name": f"stage{i}", "number": number, "pixels": stage["pixels"][: stage["count"]]}
    return stages


def list_windows(layer, rows, columns):
    """Return the windows of a layer on a map: those of its own rows and columns, (rows, columns, height, width).

    A window is places of the map, which are counted row by row; -1 is padding. That of a dense layer is the whole map.
    """
    kind, places = type(layer).__name__, np.arange(rows * columns).reshape(rows, columns)
    whole = (rows, columns) if kind == "Dense" else (1, 1)
    size = step = getattr(layer, "kernel_size", getattr(layer, "pool_size", whole))
    if kind == "Conv2D":
        places = np.pad(places, [((side - 1) // 2, side // 2) for side in size], constant_values=-1)
        step = (1, 1)
    return np.lib.stride_tricks.sliding_window_view(places, size)[:: step[0], :: step[1]]


def lay_out(rows, columns, maps, wide=None, gap=1):
    """Return the shape of a stage and of its canvas, and the pixel of each of its values there, counted row by row.

    There are `wide` maps side by side, `gap` pixels apart.
    """
    wide = wide or max(n for n in range(1, maps + 1) if maps % n == 0 and (n == 1 or 2 * n * n <= maps))
    width = wide * (columns + gap) - gap
    y, x, at = np.indices((rows, columns, maps))
    pixels = (at // wide * (rows + gap) + y) * width + at % wide * (columns + gap) + x
    return {
        "rows": rows,
        "columns": columns,
        "maps": maps,
        "wide": wide,
        "width": width,
        "height": maps // wide * (rows + gap) - gap,
        "pixels": pixels.ravel().tolist(),
    }


def describe_filters(stages, model):
    """Return the filters of a convolution that stands first: of each, rows of weights in percent of the largest."""
    if stages[1]["kind"] != "convolution":
        return []
    kernel = list_layers(model)[stages[1]["at"] - 1].kernel.numpy()
    percent = np.rint(100 * kernel[:, :, 0] / np.abs(kernel).max()).astype(int)
    return percent.transpose(2, 0, 1).tolist()


def translate(facts, stages):
    """Return the page's texts in both languages, with what is known when it is written: a dict of dicts."""
    translations = json.loads(read("draw/text.json"))
    for text in translations.values():
        for stage in stages:
            name, size = text[stage["kind"]].format(**stage), text[SIZES.get(stage["kind"], "maps")].format(**stage)
            keys = text["keys"].format(stage=name, size=size)
            text |= {stage["name"]: name, f"{stage['name']}size": size, f"{stage['name']}keys": keys}
        for key in ("title", "footer", "imageRange"):
            text[key] = text[key].format(**facts, last=IMAGES - 1)
        text["filtersOf"] = text["filtersOf"].format(stage=text["stage1"])
    return translations


def describe_images(predictions):
    """Return the first test images for the page: their pixels, compressed, and the digits of labels and predictions."""
    raw = mnist.load_arrays()
    pixels, labels = raw["x_test"][:IMAGES], raw["y_test"][:IMAGES]
    return {
        "images": encode(zlib.compress(pixels.tobytes())),
        "labels": "".join(map(str, labels)),
        "predictions": "".join(map(str, predictions[: len(labels)])),
    }


def encode(content):
    """Return bytes as base64, a text."""
    return base64.b64encode(content).decode()
