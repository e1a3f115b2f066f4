"""Slides 8-9 and 22-26 as figures: the five steps; a convolution and a max pooling with the numbers in the cells."""

import re

import numpy as np

from digits.figures.style import BLUE, GREY, PALE, figure

# What the five steps of slide 9 call.
CALLS = [["load_data"], ["keras.Sequential"], ["model.compile", "model.fit"], ["model.evaluate"], ["model.predict"]]
SQUARES = ["#F7EFA0", "#B5DDF5", "#EFB06A", "#C58BAA"]  # Okabe and Ito's colours, pale, as greys apart too


def draw_matrix(axes, matrix, corner=(0, 0), colors="white", bold=False, faint=False):
    """Draw a small matrix as a table of numbers, NaN as an empty cell; the left upper corner is at `corner`.

    colors: of the cells; bold, faint: masks of the numbers that are set so.
    """
    from matplotlib.patches import Rectangle

    colors, bold, faint = (np.broadcast_to(value, matrix.shape) for value in (colors, bold, faint))
    for (row, column), value in np.ndenumerate(matrix):
        x, y = corner[0] + column, corner[1] + row
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colors[row, column], edgecolor=GREY, linewidth=0.8))
        if not np.isnan(value):
            color = GREY if faint[row, column] else "black"
            weight = "bold" if bold[row, column] else "normal"
            axes.text(x + 0.5, y + 0.5, f"{value:g}", ha="center", va="center", color=color, fontweight=weight)


def prepare(axes, width, height, title=None):
    """Make room in `axes` for a drawing whose unit is the width of a cell."""
    axes.set(xlim=(-0.1, width + 0.1), ylim=(height + 0.1, -0.1), aspect="equal", title=title)
    axes.axis("off")


def plot_flow_chart(script, path):
    """Slides 8 and 9: the five steps of a script that trains, each with its Keras calls and the lines where they stand.

    script: the content of mlp.py.
    """
    from matplotlib.patches import FancyBboxPatch

    headings = re.findall(r'print\("\\n(\d\. .+?)  .*\((slides? .+)\)"\)', script)
    lines = script.splitlines()
    corners = [(0, 2.2), (2.8, 2.2), (5.6, 2.2), (0, 0), (2.8, 0)]  # of the boxes: three in the upper row
    with figure(path, (8.2, 4.6)) as fig:
        fig.suptitle("The five steps (slides 8-9), and where they stand in mlp.py")
        axes = fig.subplots()
        axes.set(xlim=(-0.4, 8.05), ylim=(-0.05, 4.1))
        axes.axis("off")
        for (left, bottom), (heading, slides), calls in zip(corners, headings, CALLS):
            axes.add_patch(FancyBboxPatch((left, bottom), 2.4, 1.4, "round,pad=0,rounding_size=0.1", fc=PALE, ec=BLUE))
            middle = left + 1.2
            axes.text(middle, bottom + 1.15, heading, ha="center", va="center", fontweight="bold")
            axes.text(middle, bottom + 0.85, slides, ha="center", va="center", color=GREY)
            for row, call in enumerate(calls):
                numbers = (number for number, line in enumerate(lines, 1) if f"{call}(" in line)
                text = f"line {next(numbers, '?')}: {call}"  # "?" where a student has edited it
                axes.text(middle, bottom + 0.5 - 0.3 * row, text, ha="center", va="center")
            if (left, bottom) != corners[0]:
                ends = (left, bottom + 0.7), (left - 0.4, bottom + 0.7)
                axes.annotate("", *ends, arrowprops={"arrowstyle": "-|>", "color": GREY})
        for height, text in ((3.7, "train: images and their labels"), (1.5, "test: images that it has not seen")):
            axes.text(0, height, text, fontsize=12)
    return path


def list_products(image, kernel):
    """Return what a convolution adds up for each of its outputs: a list each of nine texts, of a number and a weight.

    image: (n, n), around which there are zeros; kernel: (3, 3).
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), kernel.shape).reshape(-1, kernel.size)
    return [[f"{value:g}·{weight:g}" for value, weight in zip(window, kernel.flat)] for window in windows]


def plot_convolution(image, kernel, output, path):
    """Slides 22 and 23: how a filter goes over an image, one step per output; each row of outputs is filled in beside.

    image, output: (n, n); kernel: (3, 3). Around the image there are zeros, so that the output is as large.
    """
    padded, outside = np.pad(image, 1), np.pad(np.zeros(image.shape, bool), 1, constant_values=True)
    n = len(image)
    across, down, first = n + 3.8, n + 5.1, n + 4  # from one step to the next, and down to the first
    right = n * across + 0.6
    width, height = right + n, first + n * down - 3
    with figure(path, (0.26 * width, 0.26 * height + 0.6)) as fig:
        fig.set_dpi(225)  # a small sheet, enlarged, so that its numbers are large
        fig.suptitle("Convolution with zero padding (slides 22-23):\nmultiply element by element, then add")
        axes = fig.subplots()
        prepare(axes, width, height)
        parts = [(image, "image", "*"), (kernel, "filter", "="), (output, "output", "")]
        for x, (matrix, name, sign) in zip((width - 3 * n - 4) / 2 + (n + 2) * np.arange(3), parts):
            draw_matrix(axes, matrix, (x, (n - len(matrix)) / 2))
            axes.text(x + len(matrix) / 2, n + 0.2, name, ha="center", va="top")
            axes.text(x + n + 1, n / 2, sign, ha="center", va="center", fontsize=20)
        for (row, column), products in zip(np.ndindex(n, n), list_products(image, kernel)):
            x, y = column * across, first + row * down
            rows = " +\n".join(" + ".join(products[i : i + 3]) for i in (0, 3, 6))
            axes.text(x, y - 0.2, f"{rows} = {output[row, column]:g}", va="bottom")
            window = np.zeros(padded.shape, int)
            window[row : row + 3, column : column + 3] = 1 + (kernel != 0)  # what the filter lies on
            colors = np.array(["white", "#E3EFF7", "#9CCAE8"])[window]
            draw_matrix(axes, padded, (x, y), colors, bold=window == 2, faint=outside & (window < 2))
        for row in range(n):
            y, place = first + row * down + 1, np.arange(n)[:, None]
            axes.text(right - 0.8, y + n / 2, "→", ha="center", va="center", fontsize=16)
            colors = np.where(place == row, "#F3C08F", "white")
            draw_matrix(axes, np.where(place <= row, output, np.nan), (right, y), colors, place == row, place < row)
    return path


def plot_max_pooling(image, output, path):
    """Slides 24 to 26: of each 2x2 square of an image only the largest number stays; a square and it share a colour.

    image: (n, n); output: half as high and wide.
    """
    n, half = len(image), len(output)
    colors = np.array(SQUARES)[np.arange(half * half).reshape(half, half) % len(SQUARES)]
    largest = image == output.repeat(2, axis=0).repeat(2, axis=1)
    with figure(path, (9, 3.5)) as fig:
        fig.suptitle("Max pooling (slides 24-26): keep the largest number of each 2x2 square")
        axes = fig.subplots()
        prepare(axes, n + half + 6.5, n + 0.7)
        draw_matrix(axes, image, colors=colors.repeat(2, axis=0).repeat(2, axis=1), bold=largest)
        axes.text(n / 2, n + 0.2, "image", ha="center", va="top")
        for step, (row, column) in enumerate(np.ndindex(half, half)):
            values = ", ".join(f"{value:g}" for value in image[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flat)
            box = {"facecolor": colors[row, column], "edgecolor": "none", "boxstyle": "round,pad=0.35"}
            text = f"max({values}) = {output[row, column]:g}"
            axes.text(n + 3, n * (step + 0.5) / half**2, text, ha="center", va="center", bbox=box)
        for x in (n + 0.7, n + 5.3):
            axes.text(x, n / 2, "→", ha="center", va="center", fontsize=20)
        draw_matrix(axes, output, (n + 6.5, (n - half) / 2), colors, bold=True)
        axes.text(n + 6.5 + half / 2, (n + half) / 2 + 0.2, "output", ha="center", va="top")
    return path
