"""Diagrams of networks, drawn from the model that was built: its layers, their shapes, their parameters."""

import numpy as np

from digits.errors import CannotDraw
from digits.figures.style import BLUE, GREY, ORANGE, PALE, figure
from digits.networks import KINDS, list_layers, name_layers

# In inches, which are the unit of the diagram.
SLOT, RADIUS = 0.42, 0.175  # of a unit, drawn as a circle
SHOWN = 10  # slots in a column: a layer of more units is drawn with an ellipsis
MAP = 1.15 / 28  # a pixel of a map
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
    first, *others = list_layers(model)
    is_reshaped = type(first).__name__ == "Reshape"  # from 784 values to an image
    unknown = {type(layer).__name__ for layer in (others if is_reshaped else [first, *others])} - {*KINDS, "Dropout"}
    if unknown:
        raise CannotDraw(f"it cannot show {', '.join(sorted(unknown))}")
    rates = find_dropout(model)
    input_shape = (first.output if is_reshaped else first.input).shape[1:]
    if len(input_shape) == 2:
        input_shape = (*input_shape, 1)
    columns = [("input", input_shape, None)]
    columns += [(name, layer.output.shape[1:], layer) for name, layer in name_layers(model)]
    if any(len(shape) == 2 for _, shape, _ in columns):
        raise CannotDraw("it cannot show a Dense layer on an image")
    maps = sum(len(shape) == 3 for _, shape, _ in columns)
    pitch = 1.5 if maps else 2.8
    width, top, bottom = pitch * (len(columns) - 1) + 1.9, 2.55 if maps else 2.15, -3.05
    with figure(path, (width, top - bottom + 0.5 + 0.35 * bool(rates))) as fig:
        fig.suptitle(f"{title}: {model.count_params():,} parameters")
        axes = fig.subplots()
        axes.set(xlim=(-0.95, width - 0.95), ylim=(bottom, top), aspect="equal")
        axes.axis("off")
        front, starts = None, []
        for x, (name, shape, layer) in zip(pitch * np.arange(len(columns)), columns):
            if len(shape) == 3:
                window = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
                front = draw_maps(axes, x, shape, window, front)
                starts = [front.get_center()]
            else:
                letter = {"input": "x", "flatten": "d", "output": "y"}.get(name, "h")
                starts = draw_units(axes, x, shape[0], letter, rates.get(layer, 0), starts)
            write_layer(axes, x, name, shape, layer)
        if maps > 1:
            last = len(columns) - 1
            for text, start, end in (("feature extraction", 1, maps - 1), ("fully connected", maps, last)):
                axes.plot([(start - 0.4) * pitch, (end + 0.4) * pitch], [2.25, 2.25], color=GREY, linewidth=1)
                axes.text((start + end) / 2 * pitch, 2.32, text, ha="center")
        if rates:
            notes = " and ".join(
                f"Dropout({rate:g}) leaves out a different {100 * rate:g}% of this layer" for rate in rates.values()
            )
            fig.supxlabel(f"Crossed out: in each training step, {notes}", fontsize=11, color=ORANGE)
    return path


def write_layer(axes, x, name, shape, layer):
    """Write below a layer at `x` its name, output shape and parameters; `layer` is None for the input."""
    function = getattr(getattr(layer, "activation", None), "__name__", None)
    heading = name + {"relu": ", ReLU", "softmax": ", softmax"}.get(function, "")
    axes.text(x, -2.4, heading, ha="center", fontsize=10, fontweight="bold")
    parameters = ["no parameters"]
    if layer and layer.weights:
        terms = ["·".join(map(str, weights.shape)) for weights in layer.weights]
        parameters = [" + ".join(terms), f"= {layer.count_params():,}"]
    for y, line in zip((-2.62, -2.8, -2.98), [describe_size(shape, name), *parameters]):
        axes.text(x, y, line, ha="center", fontsize=10)


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


def draw_maps(axes, x, shape, window, before):
    """Draw maps as a stack of squares around `x`, one for every four of them, and what computes a value of the first.

    Args:
        axes, x: of matplotlib, and the middle of the stack.
        shape: height, width, number of maps.
        window: height and width of the filter, or of the pooling; None for the input.
        before: matplotlib's Rectangle of the first map of the layer before, in which the window is marked, or None.

    Returns:
        The Rectangle of the first map.
    """
    from matplotlib.patches import Rectangle

    height, width, count = MAP * shape[0], MAP * shape[1], -(-shape[2] // 4)
    shift = 0.5 / max(count, 6)
    left, bottom = x - (width + shift * (count - 1)) / 2, -(height + shift * (count - 1)) / 2
    for i in reversed(range(count)):
        corner = left + i * shift, bottom + i * shift
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
