"""The training images, and what becomes of one of them and its label before the training (slides 2-6)."""

import numpy as np

from digits.figures.style import GREY, ORANGE, figure
from digits.figures.worked_examples import draw_matrix, prepare

ROWS, COLUMNS = np.arange(11, 19), np.arange(7, 15)  # counted from 1: the part whose numbers are written


def plot_samples(x, labels, path, title):
    """The first ten images of each digit, one row per digit. x: (n, 784) in [0, 1]; labels: (n,)."""
    first_ten = np.stack([x[labels == digit][:10].reshape(10, 28, 28) for digit in range(10)])
    wall = np.pad(first_ten, ((0, 0), (0, 0), (1, 1), (1, 1))).swapaxes(1, 2).reshape(300, 300)
    with figure(path, (7, 7)) as fig:
        axes = fig.subplots()
        axes.imshow(wall, cmap="gray")
        axes.set(xticks=[], yticks=np.arange(10) * 30 + 15, yticklabels=range(10), ylabel="label", title=title)
        axes.set_xlabel("Ink is 255 in the data, which is white, and the paper 0", fontsize=10)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return path


def plot_preprocessing(raw, features, label, path, title):
    """Slides 4 to 6: an image, the numbers of a part of it, the same divided by 255, all in one row; its label one-hot.

    raw: (28, 28) uint8; features: (784,) float32 in [0, 1]; label: (10,), one-hot.
    """
    with figure(path, (14, 8)) as fig:
        fig.suptitle(title)
        names = [["image", "raw", "normalised"], ["row"] * 3, ["label"] * 3]
        places = fig.subplot_mosaic(names, height_ratios=(28, 3, 7))
        pixels = np.arange(1, 29)
        draw_pixels(places["image"], raw, pixels, pixels, "Slide 4: 28x28 pixels")
        frame = COLUMNS[0] - 0.5, ROWS[0] - 0.5, len(COLUMNS), len(ROWS)
        places["image"].indicate_inset(frame, edgecolor=ORANGE, alpha=1, linewidth=2)
        draw_pixels(places["raw"], raw, ROWS, COLUMNS, "The framed part: from 0 (paper) to 255 (ink)")
        normalised = features.reshape(28, 28)
        draw_pixels(places["normalised"], normalised, ROWS, COLUMNS, "Slide 5: divided by 255, from 0 to 1")
        axes = places["row"]
        axes.imshow(features[None], cmap="gray", aspect="auto")
        axes.set(title="Slide 4: the 28 rows, one after the other, are the 784 features", yticks=[], xlabel="row")
        axes.set_xticks(np.arange(28) * 28 + 13.5, range(1, 29))
        axes.vlines(np.arange(1, 28) * 28 - 0.5, -0.5, 0.5, color=GREY, linewidth=0.8)
        axes.tick_params(length=0)
        axes = places["label"]
        prepare(axes, 10, 1.6, f"Slide 6: the label {label.argmax()} as ten numbers, one-hot")
        draw_matrix(axes, label[None], colors=np.where(label == 1, "#F3C08F", "white"), bold=label == 1)
        for digit in range(10):
            axes.text(digit + 0.5, 1.4, f"{digit}", ha="center", va="center", color=GREY)
    return path


def draw_pixels(axes, image, rows, columns, title):
    """Draw a part of a (28, 28) image, whose rows and columns are counted from 1; its numbers too, if it is small."""
    part = image[np.ix_(rows - 1, columns - 1)]
    borders = {"edgecolors": GREY, "linewidth": 0.4, "clip_on": False}
    axes.pcolormesh(columns, rows, part, cmap="gray", vmin=0, vmax=image.max(), **borders)
    for (row, column), value in np.ndenumerate(part if len(rows) < 28 else []):
        text = f"{value:.2f}" if value % 1 else f"{value:.0f}"
        color = "black" if value > image.max() / 2 else "white"
        axes.text(columns[column], rows[row], text, ha="center", va="center", color=color)
    every = len(rows) // 8
    axes.set(aspect="equal", title=title, xlabel="column", xticks=columns[::every], ylabel="row", yticks=rows[::every])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
