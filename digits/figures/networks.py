"""Diagrams of networks, drawn from the model that was built: its layers, their shapes, their parameters."""

import textwrap

import numpy as np

from digits.errors import CannotDraw
from digits.figures.style import BLUE, GREY, ORANGE, PALE, figure
from digits.networks import KINDS, list_layers, name_layers

# In inches, which are the unit of the diagram.
SLOT, RADIUS = 0.42, 0.175  # of a unit, drawn as a circle
SHOWN = 10  # slots in a column: a layer of more units is drawn with an ellipsis
MAP = 1.4 / 28  # a pixel of a map
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")  # matplotlib's own, "$x_1$", take longer than all the rest


def describe_size(shape, name):
    """Return the shape of what the layer `name` gives, in words."""
    if len(shape) == 1:
        return f"{shape[0]} {'values' if name in ('input', 'flatten') else 'units'}"
    height, width, n = shape
    return f"{n} maps, {height}x{width}" if n > 1 else f"1 image, {height}x{width}"


def find_dropout(model):
    """Return the dropout rates of the layers of units: a dict of a layer, None for the input, to the rate.

    A Dropout before Flatten leaves out values of maps; it is drawn at what Flatten makes of them.
    """
    rates, layers = {}, list_layers(model)
    for before, layer, after in zip([None, *layers], layers, layers[1:]):
        if type(layer).__name__ == "Dropout" and layer.rate:
            rates[before if len(layer.output.shape) == 2 else after] = layer.rate
    return rates


def plot_network(model, path, title):
    """Slides 7, 16, 20, 21, 28: the layers of a network, with the shape and the number of parameters of each.

    Maps are drawn as a stack, units as circles with lines, an ellipsis where there are too many; of units with
    Dropout, some are crossed out and have no label. Raises a CannotDraw where the model has other layers.
    """
    layers = list_layers(model)
    input_shape = model.inputs[0].shape[1:]
    if type(layers[0]).__name__ == "Reshape":  # from 784 values to an image
        input_shape = layers.pop(0).output.shape[1:]
    unknown = {type(layer).__name__ for layer in layers} - {*KINDS, "Dropout"}
    if unknown:
        raise CannotDraw(f"it cannot show {', '.join(sorted(unknown))}")
    if len(input_shape) == 2:
        input_shape = (*input_shape, 1)
    columns = [("input", input_shape, None)]
    columns += [(name, layer.output.shape[1:], layer) for name, layer in name_layers(model)]
    if any(len(shape) == 2 for _, shape, _ in columns):
        raise CannotDraw("it cannot show a Dense layer on an image")
    rates = find_dropout(model)
    maps = sum(len(shape) == 3 for _, shape, _ in columns)
    widths = np.full(len(columns), 1.35 if maps else 2.8)
    for place, (_, shape, _) in enumerate(columns[:maps]):
        widths[place] = max(widths[place], MAP * shape[1] + find_offsets(shape)[-1] + 0.12)
    ends = np.cumsum(widths)
    middles = ends - widths / 2
    left, right = middles[0] - 0.95, middles[-1] + 0.95
    top, bottom = (2.55, -3.6) if maps else (2.15, -3.05)
    with figure(path, (right - left, top - bottom + 0.5 + 0.35 * bool(rates))) as fig:
        fig.suptitle(f"{title}: {model.count_params():,} parameters")
        axes = fig.subplots()
        axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        axes.axis("off")
        front, starts = None, []
        for x, (name, shape, layer) in zip(middles, columns):
            if len(shape) == 3:
                window = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
                front = draw_maps(axes, x, shape, window, front)
                starts = [front.get_center()]
            else:
                letter = {"input": "x", "flatten": "d", "output": "y"}.get(name, "h")
                starts = draw_units(axes, x, shape[0], letter, rates.get(layer, 0), starts)
            write_layer(axes, x, name, shape, layer, narrow=maps > 0)
        if maps > 1:
            parts = {"feature extraction": (ends[0], ends[maps - 1]), "fully connected": (ends[maps - 1], ends[-1])}
            for text, (start, end) in parts.items():
                axes.plot([start + 0.1, end - 0.1], [2.25, 2.25], color=GREY, linewidth=1)
                axes.text((start + end) / 2, 2.32, text, ha="center")
        if rates:
            says = "Dropout({0:g}) leaves out a different {1:g}% of this layer"
            notes = " and ".join(says.format(rate, 100 * rate) for rate in rates.values())
            fig.supxlabel(f"Crossed out: in each training step, {notes}", fontsize=11, color=ORANGE)
    return path


def write_layer(axes, x, name, shape, layer, narrow):
    """Write below a layer at `x` its name, output shape and parameters; narrow: in short lines, which are larger.

    layer: None for the input.
    """
    letters, size = (14, 11) if narrow else (30, 10)
    function = getattr(getattr(layer, "activation", None), "__name__", None)
    heading = name + {"relu": ", ReLU", "softmax": ", softmax"}.get(function, "")
    details = [describe_size(shape, name), "no parameters"]
    if layer and layer.weights:
        terms = ["·".join(map(str, weights.shape)) for weights in layer.weights]
        details[1:] = [" + ".join(terms), f"= {layer.count_params():,} parameters"]
    y = -2.4
    for line in textwrap.wrap(heading, letters):
        axes.text(x, y, line, ha="center", fontsize=size, fontweight="bold")
        y -= 0.018 * size
    for line in [line for text in details for line in textwrap.wrap(text, letters)]:
        axes.text(x, y - 0.04, line, ha="center", fontsize=size)
        y -= 0.018 * size


def draw_units(axes, x, n, letter, rate, starts):
    """Draw a layer of `n` units as a column of circles around `x`, with lines from the `starts` in the layer before.

    Returns the starts of the next lines: the places of the units that no Dropout of this `rate` crosses out.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle

    first = 0 if letter == "y" else 1  # the outputs are named after the digits
    numbers = list(range(n)) if n <= SHOWN else [*range(SHOWN - 3), None, n - 2, n - 1]
    places = [(x, SLOT * ((len(numbers) - 1) / 2 - slot)) for slot in range(len(numbers))]
    units = [slot for slot, number in enumerate(numbers) if number is not None]
    dropped = set(np.random.default_rng(2).permutation(units)[: round(rate * len(units))].tolist())
    kept = [places[slot] for slot in units if slot not in dropped]
    lines = [[start, end] for start in starts for end in kept]
    axes.add_collection(LineCollection(lines, color=GREY, alpha=0.4, linewidth=0.6, zorder=1))
    for slot, (number, (_, y)) in enumerate(zip(numbers, places)):
        if number is None:
            axes.text(x, y, "⋮", ha="center", va="center", fontsize=16)
            continue
        color = GREY if slot in dropped else BLUE
        axes.add_patch(Circle((x, y), RADIUS, facecolor="white", edgecolor=color, linewidth=1.2, zorder=2))
        if slot in dropped:
            axes.plot(x, y, "x", color=ORANGE, markersize=26, markeredgewidth=2, zorder=3)
            continue
        label = letter + f"{number + first}".translate(SUBSCRIPTS)
        size = 10 if n < 1000 else 9
        axes.text(x, y, label, ha="center", va="center", fontsize=size, fontstyle="italic", zorder=3)
    return kept


def find_offsets(shape):
    """Return how far each square of a stack of maps is from the first, to the right and up: one for every four."""
    count = -(-shape[2] // 4)
    return 0.5 / max(count, 6) * np.arange(count)


def draw_maps(axes, x, shape, window, before):
    """Draw maps as a stack of squares around `x`, and what computes a value of the first; return its Rectangle.

    shape: height, width, number of maps; window: height and width of the filter or the pooling; before: the Rectangle
    of the first map of the layer before, in which the window is marked. The input has neither.
    """
    from matplotlib.patches import Rectangle

    height, width = MAP * shape[0], MAP * shape[1]
    offsets = find_offsets(shape)
    left, bottom = x - (width + offsets[-1]) / 2, -(height + offsets[-1]) / 2
    for offset in reversed(offsets):
        corner = left + offset, bottom + offset
        first = Rectangle(corner, width, height, facecolor=PALE, edgecolor=BLUE, linewidth=1, zorder=2, label="map")
        axes.add_patch(first)
    if window and before:
        side = MAP * window[1], MAP * window[0]
        corner = before.get_x() + 0.6 * before.get_width(), before.get_y() + 0.6 * before.get_height()
        style = {"facecolor": "white", "edgecolor": ORANGE, "linewidth": 1.2, "zorder": 3, "label": "window"}
        axes.add_patch(Rectangle(corner, *side, **style))
        end = left + 0.3 * width, bottom + 0.6 * height
        for y in (corner[1], corner[1] + side[1]):
            axes.plot([corner[0] + side[0], end[0]], [y, end[1]], color=ORANGE, linewidth=0.8, zorder=3)
    return first
