"""What the layers of a trained network compute (slides 7, 22, 27, 28)."""

import numpy as np

from digits.figures.style import BLUE, GREY, ORANGE, PALE, figure, format_percent


def tile_maps(maps, grid_shape=None):
    """Put maps (height, width, n) beside each other, with lines of NaN between and around them.

    grid_shape: rows and columns; as square as can be if None.
    """
    from skimage.util import montage

    if grid_shape is None:
        columns = int(np.ceil(np.sqrt(maps.shape[2])))
        grid_shape = -(-maps.shape[2] // columns), columns
    return montage(np.moveaxis(maps, 2, 0), fill=np.nan, padding_width=1, grid_shape=grid_shape)


def to_rectangle(values):
    """Put n numbers into rows of a rectangle, as square as can be; what is left of it is NaN."""
    columns = int(np.ceil(np.sqrt(len(values))))
    return np.pad(values, (0, -len(values) % columns), constant_values=np.nan).reshape(-1, columns)


def plot_image(axes, image, title, cmap="gray_r", **limits):
    """Draw numbers as greys, the largest black, on a pale ground."""
    from matplotlib import colormaps

    axes.imshow(image, cmap=colormaps[cmap].with_extremes(bad=PALE), **limits)
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_color(PALE)


def plot_feature_maps(image, activations, probabilities, label, path, title):
    """Slide 27: one digit on its way through the CNN.

    Args:
        image: (784,) in [0, 1].
        activations: a list of (name, array), one per layer: maps (height, width, n) or numbers (n,).
        probabilities: (10,), of the digits.
        label: true digit.
        path, title: of the figure.

    Returns:
        `path`.
    """
    maps = [(name, values) for name, values in activations if values.ndim == 3]
    rows = [(name, values) for name, values in activations if values.ndim == 1]
    with figure(path, (16, 6.8)) as fig:
        fig.suptitle(title)
        top, bottom = fig.subfigures(2, 1, height_ratios=(1.5, 1))
        panels = top.subplots(1, 1 + len(maps))
        plot_image(panels[0], image.reshape(28, 28), "input\n1 image, 28x28")
        for axes, (name, values) in zip(panels[1:], maps):
            height, width, n = values.shape
            plot_image(axes, tile_maps(values), f"{name}\n{n} maps, {height}x{width}")
        panels = bottom.subplots(1, len(rows) + 1, width_ratios=[*[1] * len(rows), 2])
        for axes, (name, values) in zip(panels, rows):
            plot_image(axes, to_rectangle(values), f"{name}: {len(values)} numbers")
        bars = panels[-1].bar(range(10), probabilities, color=[BLUE if i == label else ORANGE for i in range(10)])
        panels[-1].bar_label(bars, [format_percent(value) for value in probabilities], fontsize=10)
        panels[-1].set(title="output: 10 probabilities", xticks=range(10), yticks=[], ylim=(0, 1.15))
        panels[-1].spines["left"].set_visible(False)
    return path


def plot_filters(kernels, path, title):
    """Slides 22, 27, 28: the filters that each convolution has learned.

    kernels: a list of (height, width, input maps, filters). A column is a filter, a row an input map.
    """
    walls = [tile_maps(kernel.reshape(*kernel.shape[:2], -1), kernel.shape[2:]) for kernel in kernels]
    heights = [0.4 + 11 * wall.shape[0] / wall.shape[1] for wall in walls]  # inches
    with figure(path, (12, 1 + sum(heights))) as fig:
        fig.suptitle(
            f"{title}\nwhite: positive weights, black: negative; a column is a filter, a row what it is applied to"
        )
        panels = fig.subplots(len(walls), 1, height_ratios=heights)
        for number, (axes, wall, kernel) in enumerate(zip(panels, walls, kernels), start=1):
            height, width, maps, n = kernel.shape
            source = f"the {maps} maps of convolution {number - 1}" if number > 1 else "the input"
            limit = np.abs(kernel).max()
            heading = f"convolution {number}: {n} filters {height}x{width} applied to {source}"
            plot_image(axes, wall, heading, "gray", vmin=-limit, vmax=limit)
    return path


def plot_hidden_units(kernel, outgoing, path, title):
    """Slide 7: what the hidden units of an MLP look at: the 784 weights of each, as an image.

    kernel: (784, hidden); outgoing: (hidden, 10), the weights from there to the digits. The forty strongest are shown.
    """
    strength = np.linalg.norm(kernel, axis=0) * np.linalg.norm(outgoing, axis=1)
    strongest = np.argsort(-strength, kind="stable")[:40]
    with figure(path, (12, 6.2)) as fig:
        fig.suptitle(title)
        for axes in (panels := fig.subplots(4, 10).ravel())[len(strongest) :]:
            axes.remove()
        limit = np.quantile(np.abs(kernel[:, strongest]), 0.995)
        for axes, unit in zip(panels, strongest):
            plot_image(axes, kernel[:, unit].reshape(28, 28), None, "gray", vmin=-limit, vmax=limit)
            axes.set_xlabel(f"for {outgoing[unit].argmax()}")
        fig.supxlabel(
            "white: positive weight, black: negative weight; below, the digit with the largest outgoing weight",
            fontsize=10,
            color=GREY,
        )
    return path
