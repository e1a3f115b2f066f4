"""What the layers of a trained network compute (slides 7, 22, 27, 28)."""

import numpy as np

from digits.figures.networks import describe_size
from digits.figures.style import BLUE, GREY, ORANGE, PALE, PITCH, ROW, draw_images, figure, format_percent


def count_columns(n):
    """Return in how many columns `n` maps, or the filters that make them, stand in a square, as good as can be."""
    return int(np.ceil(np.sqrt(n)))


def tile_maps(maps):
    """Put maps (height, width, n) into a square, with lines of NaN between and around them."""
    from skimage.util import montage

    columns = count_columns(maps.shape[2])
    grid_shape = -(-maps.shape[2] // columns), columns
    return montage(np.moveaxis(maps, 2, 0), fill=np.nan, padding_width=1, grid_shape=grid_shape)


def plot_feature_maps(image, activations, probabilities, path, title):
    """Slide 27: one digit on its way through the CNN: maps as images, the numbers of a layer of units as a strip.

    Args:
        image: (784,) in [0, 1].
        activations: a list of (name, array), one per layer: maps (height, width, n) or numbers (n,).
        probabilities: (10,), of the digits; the largest are labelled.
        path, title: of the figure.
    """
    from matplotlib import colormaps
    from matplotlib.patches import ConnectionPatch

    greys = colormaps["gray_r"].with_extremes(bad=PALE)
    steps = [("input", image.reshape(28, 28, 1)), *activations]
    strip = 0.42, 0.58  # of the width of its axes, which has room for the name
    with figure(path, (13, 3.3)) as fig:
        fig.get_layout_engine().set(w_pad=0.14)
        fig.suptitle(title)
        note = "In each layer, black is the largest activation and white the smallest. Orange: the predicted digit."
        fig.supxlabel(note, fontsize=11)
        widths = [1 if values.ndim == 3 else 0.5 for _, values in steps]
        *panels, output = fig.subplots(1, len(steps) + 1, width_ratios=[*widths, 0.7])
        for axes, (name, values) in zip(panels, steps):
            if values.ndim == 3:
                axes.imshow(tile_maps(values), cmap=greys)
            else:
                axes.imshow(values[:, None], cmap=greys, aspect="auto", extent=(*strip, len(values), 0))
                axes.fill_between(strip, 0, len(values), facecolor="none", edgecolor=GREY, linewidth=0.8)
                axes.set(xlim=(0, 1))
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{name}\n{describe_size(values.shape, name)}", fontsize=11)
            axes.spines[:].set_visible(False)
        prediction = probabilities.argmax()
        output.barh(range(10), probabilities, color=[ORANGE if digit == prediction else BLUE for digit in range(10)])
        for digit in np.argsort(-probabilities, kind="stable")[:3]:
            if probabilities[digit] >= 0.01:
                output.text(probabilities[digit] + 0.03, digit, format_percent(probabilities[digit]), va="center")
        output.set_title("output\n10 probabilities", fontsize=11)
        output.set(yticks=range(10), xticks=[], xlim=(0, 1.5), ylim=(9.6, -0.6))
        output.tick_params(length=0)
        output.spines["bottom"].set_visible(False)
        edges = [(0, 1) if values.ndim == 3 else strip for _, values in steps] + [(-0.2, 1)]
        for start, end, (_, left), (right, _) in zip(panels, [*panels[1:], output], edges, edges[1:]):
            ends = {"axesA": start, "axesB": end, "coordsA": "axes fraction", "coordsB": "axes fraction"}
            look = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 5, "shrinkB": 5, "color": GREY}
            fig.add_artist(ConnectionPatch((left, 0.5), (right, 0.5), **ends, **look, in_layout=False))
    return path


def plot_filters(kernel, path, title):
    """Slides 22, 27, 28: the filters that the first convolution has learned, each at the place of its feature map.

    kernel: (height, width, 1, filters).
    """
    filters = np.moveaxis(kernel[:, :, 0], 2, 0)
    captions = [f"{number}" for number in range(1, len(filters) + 1)]
    return plot_weights(filters, captions, path, title, np.abs(kernel).max(), count_columns(len(filters)))


def plot_hidden_units(kernel, outgoing, path, title):
    """Slide 7: what the hidden units of an MLP look at: the 784 weights of each, as an image.

    kernel: (784, hidden); outgoing: (hidden, 10), the weights from there to the digits, or None. The 24 strongest are
    shown, each with the digit that its largest outgoing weight leads to, or else with its number.
    """
    strength = np.linalg.norm(kernel, axis=0)
    if outgoing is not None:
        strength = strength * np.linalg.norm(outgoing, axis=1)
    strongest = np.argsort(-strength, kind="stable")[:24]
    limit = np.quantile(np.abs(kernel[:, strongest]), 0.998)
    if outgoing is None:
        captions = [f"unit {number + 1}" for number in strongest]
    else:
        captions = [f"supports {digit}" for digit in outgoing[strongest].argmax(axis=1)]
    return plot_weights(kernel.T[strongest].reshape(-1, 28, 28), captions, path, title, limit, 8)


def plot_weights(weights, captions, path, title, limit, columns):
    """Draw weights (n, height, width) as images from -limit to limit, each with its caption above it."""
    from matplotlib.colors import LinearSegmentedColormap

    # Negative weights dark blue, in grey print too, 0 white, positive ones orange.
    cmap = LinearSegmentedColormap.from_list("weights", ["#003B5C", BLUE, "white", "#F0A060", ORANGE])
    rows = -(-len(weights) // columns)
    with figure(path, (PITCH * columns + 1, ROW * rows + 0.8)) as fig:
        fig.suptitle(title)
        axes = fig.subplots()
        for x, y in draw_images(axes, weights, captions, columns, cmap=cmap, vmin=-limit, vmax=limit):
            axes.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color="#AAAAAA", linewidth=0.8)
        fig.colorbar(axes.images[0], ax=axes, label="weight", shrink=0.8, pad=0.02)
    return path
