"""The pictures of what goes on inside a network (slides 7 and 20-27). `figures.py` has their look."""

import numpy as np

from figures import BLUE, GREY, ORANGE, PALE, draw, percent


def numbers(axes, matrix, title, shade=0, bold=False, faint=False):
    """Draw a small matrix as a table of numbers.

    shade: how dark each cell is, 0 to 1; bold, faint: masks of the cells that are set so.
    """
    shade, bold, faint = (np.broadcast_to(value, matrix.shape) for value in (shade, bold, faint))
    axes.pcolormesh(shade, cmap="Blues", vmin=0, vmax=2, edgecolors=GREY, linewidth=0.8)
    for (row, column), value in np.ndenumerate(matrix):
        color = GREY if faint[row, column] and not bold[row, column] else "black"
        weight = "bold" if bold[row, column] else "normal"
        place = column + 0.5, row + 0.5
        axes.text(*place, f"{value:g}", ha="center", va="center", color=color, fontweight=weight)
    axes.set(aspect="equal", xticks=[], yticks=[], title=title)
    axes.invert_yaxis()


def convolution(image, kernel, output, path):
    """Slides 22 and 23: how a filter goes over a picture, one output a step.

    image, output: (n, n); kernel: (3, 3). Around the picture there are zeros, so that the output is as large.
    """
    padded, outside = np.pad(image, 1), np.pad(np.zeros(image.shape, bool), 1, constant_values=True)
    rows, columns = output.shape

    def paint(figure):
        figure.suptitle("Convolution (slides 22-23): multiply, number by number, and add")
        top, bottom = figure.subfigures(2, 1, height_ratios=(1, rows))
        for axes, matrix, title in zip(
            top.subplots(1, 3), (image, kernel, output), ("picture", "filter (weights)", "output")
        ):
            numbers(axes, matrix, title)
        for step, axes in enumerate(bottom.subplots(rows, columns).flat):
            row, column = divmod(step, columns)
            window = np.zeros(padded.shape)
            window[row : row + 3, column : column + 3] = 0.4 + 0.6 * (kernel != 0)
            products = [
                f"{a:g}·{b:g}" for a, b in zip(padded[row : row + 3, column : column + 3].flat, kernel.flat) if b
            ]
            title = f"{step + 1}: {' + '.join(products)} = {output[row, column]:g}"
            numbers(axes, padded, title, shade=window, bold=window == 1, faint=outside)

    return draw(path, (10.5, 3.6 + 2.7 * rows), paint)


def max_pooling(image, output, path):
    """Slides 24 to 26: of each 2x2 square of a picture only the largest number stays. image: (n, n); output: half."""
    rows, columns = output.shape

    def paint(figure):
        figure.suptitle("Max pooling (slides 24-26): of each 2x2 square the largest number stays")
        top, bottom = figure.subfigures(2, 1)
        board = (np.indices(image.shape) // 2).sum(axis=0) % 2 * 0.4
        largest = image == output.repeat(2, axis=0).repeat(2, axis=1)
        before, after = top.subplots(1, 2)
        numbers(before, image, "picture", shade=board, bold=largest)
        numbers(after, output, "output", shade=board[::2, ::2], bold=True)
        for step, axes in enumerate(bottom.subplots(1, rows * columns)):
            row, column = divmod(step, columns)
            square = np.zeros(image.shape)
            square[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 1
            values = ", ".join(f"{value:g}" for value in image[square == 1])
            title = f"{step + 1}: max({values}) = {output[row, column]:g}"
            numbers(axes, image, title, shade=square, bold=(square == 1) & largest)

    return draw(path, (10.5, 6), paint)


def mosaic(maps):
    """Put maps (height, width, n) beside each other, as square as can be, with lines of NaN between and around them."""
    height, width, n = maps.shape
    columns = int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    tiles = np.full((rows * columns, height + 1, width + 1), np.nan)
    tiles[:n, 1:, 1:] = np.moveaxis(maps, 2, 0)
    wall = tiles.reshape(rows, columns, height + 1, width + 1).swapaxes(1, 2)
    return np.pad(wall.reshape(rows * (height + 1), columns * (width + 1)), ((0, 1), (0, 1)), constant_values=np.nan)


def block(values):
    """Put n numbers into rows of a rectangle, as square as can be; what is left of it is NaN."""
    columns = int(np.ceil(np.sqrt(len(values))))
    return np.pad(values, (0, -len(values) % columns), constant_values=np.nan).reshape(-1, columns)


def greys(axes, picture, title, cmap="gray_r", **limits):
    """Draw numbers as greys, the largest black, on a pale ground."""
    from matplotlib import colormaps

    axes.imshow(picture, cmap=colormaps[cmap].with_extremes(bad=PALE), **limits)
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_color(PALE)


def feature_maps(image, stages, probabilities, label, path, title):
    """Slide 27: one digit on its way through the CNN.

    image: (784,); stages: a list of (name, array), what the layers say of it: maps (height, width, n) or numbers (n,);
    probabilities: (10,), of the digits; label: the digit that it is.
    """
    maps = [stage for stage in stages if stage[1].ndim == 3]
    rows = [stage for stage in stages if stage[1].ndim == 1]

    def paint(figure):
        figure.suptitle(title)
        top, bottom = figure.subfigures(2, 1, height_ratios=(1.5, 1))
        panels = top.subplots(1, 1 + len(maps))
        greys(panels[0], image.reshape(28, 28), "input\n1 picture, 28x28")
        for axes, (name, values) in zip(panels[1:], maps):
            height, width, n = values.shape
            greys(axes, mosaic(values), f"{name}\n{n} maps, {height}x{width}")
        panels = bottom.subplots(1, len(rows) + 1, width_ratios=[*[1] * len(rows), 2])
        for axes, (name, values) in zip(panels, rows):
            greys(axes, block(values), f"{name}: {len(values)} numbers")
        bars = panels[-1].bar(range(10), probabilities, color=[BLUE if i == label else ORANGE for i in range(10)])
        panels[-1].bar_label(bars, [percent(value) for value in probabilities], fontsize=10)
        panels[-1].set(title="output: 10 probabilities", xticks=range(10), yticks=[], ylim=(0, 1.15))
        panels[-1].spines[["top", "right", "left"]].set_visible(False)

    return draw(path, (16, 6.8), paint)


def filters(kernels, path, title):
    """Slides 22, 27, 28: the filters that each convolution has learned.

    kernels: a list of (height, width, maps read, filters). A filter is a column; a map that it reads, a row.
    """

    walls = []
    for kernel in kernels:
        height, width, maps, n = kernel.shape
        wall = np.full((maps, height + 1, n, width + 1), np.nan)
        wall[:, 1:, :, 1:] = kernel.transpose(2, 0, 3, 1)
        wall = wall.reshape(maps * (height + 1), n * (width + 1))
        walls.append(np.pad(wall, ((0, 1), (0, 1)), constant_values=np.nan))
    heights = [0.4 + 11 * wall.shape[0] / wall.shape[1] for wall in walls]  # inches

    def paint(figure):
        figure.suptitle(f"{title}\nwhite: positive weights, black: negative; a column is a filter, a row what it reads")
        panels = figure.subplots(len(walls), 1, height_ratios=heights)
        for number, (axes, wall, kernel) in enumerate(zip(panels, walls, kernels), start=1):
            height, width, maps, n = kernel.shape
            source = f"the {maps} maps of convolution {number - 1}" if number > 1 else "the picture"
            limit = np.abs(kernel).max()
            heading = f"convolution {number}: {n} filters {height}x{width} that read {source}"
            greys(axes, wall, heading, "gray", vmin=-limit, vmax=limit)

    return draw(path, (12, 1 + sum(heights)), paint)


def hidden_neurons(kernel, outgoing, path, title):
    """Slide 7: what the hidden neurons of an MLP look at: the 784 weights of each, as a picture.

    kernel: (784, hidden); outgoing: (hidden, 10), the weights from there to the digits. The forty strongest are shown.
    """
    strength = np.linalg.norm(kernel, axis=0) * np.linalg.norm(outgoing, axis=1)
    strongest = np.argsort(-strength, kind="stable")[:40]

    def paint(figure):
        figure.suptitle(title)
        for axes in (panels := figure.subplots(4, 10).ravel())[len(strongest) :]:
            axes.remove()
        limit = np.quantile(np.abs(kernel[:, strongest]), 0.995)
        for axes, neuron in zip(panels, strongest):
            greys(axes, kernel[:, neuron].reshape(28, 28), None, "gray", vmin=-limit, vmax=limit)
            axes.set_xlabel(f"for {outgoing[neuron].argmax()}")
        figure.supxlabel(
            "white: ink here makes the neuron fire; black: ink here keeps it silent; "
            "below, the digit that it speaks for most",
            fontsize=10,
            color=GREY,
        )

    return draw(path, (12, 6.2), paint)
