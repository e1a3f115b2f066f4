"""The convolution and the max pooling that slides 22-26 work by hand, step by step."""

import numpy as np

from digits.figures.style import GREY, figure


def plot_matrix(axes, matrix, title, shade=0, bold=False, faint=False):
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


def plot_convolution(image, kernel, output, path):
    """Slides 22 and 23: how a filter goes over an image, one output per step.

    image, output: (n, n); kernel: (3, 3). Around the image there are zeros, so that the output is as large.
    """
    padded, outside = np.pad(image, 1), np.pad(np.zeros(image.shape, bool), 1, constant_values=True)
    rows, columns = output.shape
    with figure(path, (10.5, 3.6 + 2.7 * rows)) as fig:
        fig.suptitle("Convolution (slides 22-23): multiply, number by number, and add")
        top, bottom = fig.subfigures(2, 1, height_ratios=(1, rows))
        for axes, matrix, title in zip(
            top.subplots(1, 3), (image, kernel, output), ("image", "filter (weights)", "output")
        ):
            plot_matrix(axes, matrix, title)
        for step, axes in enumerate(bottom.subplots(rows, columns).flat):
            row, column = divmod(step, columns)
            window = np.zeros(padded.shape)
            window[row : row + 3, column : column + 3] = 0.4 + 0.6 * (kernel != 0)
            products = [
                f"{a:g}·{b:g}" for a, b in zip(padded[row : row + 3, column : column + 3].flat, kernel.flat) if b
            ]
            title = f"{step + 1}: {' + '.join(products)} = {output[row, column]:g}"
            plot_matrix(axes, padded, title, shade=window, bold=window == 1, faint=outside)
    return path


def plot_max_pooling(image, output, path):
    """Slides 24 to 26: of each 2x2 square of an image only the largest number stays. image: (n, n); output: half."""
    rows, columns = output.shape
    with figure(path, (10.5, 6)) as fig:
        fig.suptitle("Max pooling (slides 24-26): of each 2x2 square the largest number stays")
        top, bottom = fig.subfigures(2, 1)
        board = (np.indices(image.shape) // 2).sum(axis=0) % 2 * 0.4
        largest = image == output.repeat(2, axis=0).repeat(2, axis=1)
        before, after = top.subplots(1, 2)
        plot_matrix(before, image, "image", shade=board, bold=largest)
        plot_matrix(after, output, "output", shade=board[::2, ::2], bold=True)
        for step, axes in enumerate(bottom.subplots(1, rows * columns)):
            row, column = divmod(step, columns)
            square = np.zeros(image.shape)
            square[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 1
            values = ", ".join(f"{value:g}" for value in image[square == 1])
            title = f"{step + 1}: max({values}) = {output[row, column]:g}"
            plot_matrix(axes, image, title, shade=square, bold=(square == 1) & largest)
    return path
