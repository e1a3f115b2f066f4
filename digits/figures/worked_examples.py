"""Slides 8-9 and 22-26 as figures: the five steps; a convolution and a max pooling with the numbers in the cells."""

import re

import numpy as np

from digits.figures.style import BLUE, GREY, PALE, figure

# What the five steps of slide 9 call.
CALLS = [
    ["load_data"],
    ["keras.Sequential"],
    ["model.compile", "model.fit"],
    ["model.evaluate"],
    ["model.predict"],
]
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
    """Slides 22 and 23: how a filter goes over an image, one output per step, which is filled in beside it.

    image, output: (n, n); kernel: (3, 3). Around the image there are zeros, so that the output is as large.
    """
    padded, outside = np.pad(image, 1), np.pad(np.zeros(image.shape, bool), 1, constant_values=True)
    n = len(image)
    middle = n / 2
    with figure(path, (8.2, 2 + 2.1 * n)) as fig:
        fig.suptitle("Convolution with zero padding (slides 22-23): multiply, then add")
        top, bottom = fig.subfigures(2, 1, height_ratios=(0.6, n))
        axes = top.subplots()
        prepare(axes, 3 * n + 4, n + 0.7)
        parts = [(0, image, "image", "*"), (n + 2, kernel, "filter", "="), (2 * n + 4, output, "output", "")]
        for x, matrix, name, sign in parts:
            draw_matrix(axes, matrix, (x, (n - len(matrix)) / 2))
            axes.text(x + len(matrix) / 2, n + 0.2, name, ha="center", va="top")
            axes.text(x + n + 1, middle, sign, ha="center", va="center", fontsize=20)
        for step, (axes, products) in enumerate(zip(bottom.subplots(n, n).flat, list_products(image, kernel))):
            row, column = divmod(step, n)
            under = np.s_[row : row + 3, column : column + 3]  # what the filter lies on
            window = np.zeros(padded.shape, int)
            window[under] = 1 + (kernel != 0)
            colors = np.array(["white", "#E3EFF7", "#9CCAE8"])[window]
            prepare(axes, 2 * n + 4.6, n + 2)
            rows = " +\n".join(" + ".join(products[i : i + 3]) for i in (0, 3, 6))
            axes.set_title(f"{rows} = {output[row, column]:g}", loc="left")
            draw_matrix(axes, padded, colors=colors, bold=window == 2, faint=outside & (window < 2))
            axes.text(n + 3, middle + 1, "→", ha="center", va="center", fontsize=16)
            steps = np.arange(n * n).reshape(n, n)
            filled, now = np.where(steps <= step, output, np.nan), steps == step
            draw_matrix(axes, filled, (n + 4, 1), np.where(now, "#F3C08F", "white"), bold=now, faint=~now)
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
