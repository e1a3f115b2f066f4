"""What the layers of a trained network compute (slides 22, 27, 28)."""

import numpy as np

from digits.figures.networks import describe_size
from digits.figures.style import BLUE, ORANGE, PITCH, ROW, draw_bars, draw_images, figure, format_percent

# Of feature_maps.png, in widths of a map.
WIDTH = 21.6
ACROSS, DOWN = 1.08, 1.25  # from one map to the next
GAP = 0.8  # between two layers


def count_columns(n):
    """Return in how many columns `n` maps stand, or the filters that make them: about twice as many as rows."""
    rows = max(1, int(np.sqrt(n / 2)))
    return min(-(-n // rows), int(WIDTH / ACROSS))


def plot_feature_maps(image, activations, probabilities, path, title):
    """Slide 27: one digit on its way through the CNN: maps as images, the numbers of a layer of units as a strip.

    The maps are numbered, in the order of the page and of filters.png. What is largest in a layer is white, as there.

    image: (784,) in [0, 1]; probabilities: (10,), of the digits, of which the largest are labelled.
    activations: a list of (name, array), one per layer: maps (height, width, n) or numbers (n,).
    """
    maps = [(name, values) for name, values in activations if values.ndim == 3]
    units = [(name, values) for name, values in activations if values.ndim == 1]
    corners, bottom = place_maps([values.shape[2] for _, values in maps])
    with figure(path, (13, 13 * (bottom + 3.5) / WIDTH + 0.7)) as fig:
        fig.suptitle(title)
        fig.supxlabel("In each layer, white is the largest activation and black the smallest.", fontsize=11)
        axes = fig.subplots()
        axes.imshow(image.reshape(28, 28), cmap="gray", extent=(0, 2 * DOWN, 2 * DOWN, 0))
        axes.text(0, -0.35, "input", fontweight="bold")
        for (left, top), (name, values) in zip(corners, maps):
            axes.text(left, top - 0.35, f"→ {name}: {describe_size(values.shape, name)}", fontweight="bold")
            columns, limits = count_columns(values.shape[2]), {"vmin": values.min(), "vmax": values.max()}
            for number, activation in enumerate(np.moveaxis(values, 2, 0)):
                x, y = left + number % columns * ACROSS, top + number // columns * DOWN
                axes.imshow(activation, cmap="gray", extent=(x, x + 1, y + 1, y), **limits)
                axes.text(x + 0.5, y - 0.02, f"{number + 1}", ha="center", va="bottom", fontsize=9)
        pitch = (WIDTH - 6) / max(len(units), 1)  # from one strip to the next
        for left, (name, values) in zip(pitch * np.arange(len(units)), units):
            axes.text(left, bottom + 0.5, f"→ {name}: {describe_size(values.shape, name)}", fontweight="bold")
            axes.imshow(values[None], cmap="gray", extent=(left, left + pitch - GAP, bottom + 2.2, bottom + 0.8))
        axes.text(WIDTH - 6, bottom + 0.5, "→ output: 10 probabilities", fontweight="bold")
        base = bottom + 2.2
        places = draw_bars(axes, probabilities, WIDTH - 6, base, width=6, height=1)
        for digit in np.argsort(-probabilities, kind="stable")[:3]:
            if (share := probabilities[digit]) >= 0.01:
                axes.text(places[digit], base - share - 0.05, format_percent(share), ha="center", va="bottom")
        axes.set(xlim=(-0.1, WIDTH + 0.1), ylim=(base + 0.5, -0.8), aspect="equal")
        axes.axis("off")
    return path


def place_maps(counts):
    """Return the left upper corners of layers with so many maps, in rows that begin beside the input, and their end."""
    x, y, height, corners = 2 * DOWN + GAP, 0, 2 * DOWN, []
    for count in counts:
        columns = count_columns(count)
        if x + columns * ACROSS > WIDTH:
            x, y, height = 0, y + height + GAP, 0
        corners.append((x, y))
        x += columns * ACROSS + GAP
        height = max(height, -(-count // columns) * DOWN)
    return corners, y + height


def plot_filters(kernel, path, title):
    """Slides 22, 27, 28: the filters that the first convolution has learned, each at the place of its feature map.

    kernel: (height, width, 1, filters).
    """
    from matplotlib.colors import LinearSegmentedColormap

    # Negative weights dark blue, in grey print too, 0 white, positive ones orange.
    cmap = LinearSegmentedColormap.from_list("weights", ["#003B5C", BLUE, "white", "#F0A060", ORANGE])
    filters, limit = np.moveaxis(kernel[:, :, 0], 2, 0), np.abs(kernel).max()
    captions = [f"{number}" for number in range(1, len(filters) + 1)]
    columns = count_columns(len(filters))
    rows = -(-len(filters) // columns)
    with figure(path, (PITCH * columns + 1, ROW * rows + 0.8)) as fig:
        fig.suptitle(title)
        axes = fig.subplots()
        for x, y in draw_images(axes, filters, captions, columns, cmap=cmap, vmin=-limit, vmax=limit):
            axes.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color="#AAAAAA", linewidth=0.8)
        fig.colorbar(axes.images[0], ax=axes, label="weight", shrink=0.8, pad=0.02)
    return path
