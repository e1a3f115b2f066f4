"""The training images, and what becomes of one of them and its label before the training (slides 2-6)."""

import numpy as np

from digits.figures.style import GREY, figure
from digits.figures.worked_examples import draw_matrix, prepare


def plot_samples(x, labels, path, title):
    """The first ten images of each digit, one row per digit. x: (n, 784) in [0, 1]; labels: (n,)."""
    first_ten = np.stack([x[labels == digit][:10].reshape(10, 28, 28) for digit in range(10)])
    wall = np.pad(first_ten, ((0, 0), (0, 0), (1, 1), (1, 1))).swapaxes(1, 2).reshape(300, 300)
    with figure(path, (7, 7)) as fig:
        axes = fig.subplots()
        axes.imshow(wall, cmap="gray_r")
        axes.set(xticks=[], yticks=np.arange(10) * 30 + 15, yticklabels=range(10), ylabel="label", title=title)
        note = "Ink is black here, as on paper. In the data it is 255 and the paper 0,\nso draw.html shows it white."
        axes.set_xlabel(note, fontsize=10)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return path


def plot_preprocessing(raw, features, label, path, title):
    """Slides 4 to 6: the numbers of an image, the same divided by 255 and in one row, and its label one-hot.

    raw: (28, 28) uint8; features: (784,) float32 in [0, 1]; label: (10,), one-hot.
    """
    with figure(path, (15, 10.2)) as fig:
        fig.suptitle(title)
        places = fig.subplot_mosaic([["raw", "normalised"], ["row"] * 2, ["label"] * 2], height_ratios=(28, 2, 4))
        draw_numbers(places["raw"], raw, "Slide 4: 28x28 raw numbers, from 0 (paper) to 255 (ink)")
        draw_numbers(places["normalised"], features.reshape(28, 28), "Slide 5: each divided by 255, from 0 to 1")
        axes = places["row"]
        axes.imshow(features[None], cmap="gray_r", aspect="auto")
        axes.set(title="Slide 4: the 28 rows, one after the other, are the 784 features", yticks=[])
        axes.set_xticks(np.arange(28) * 28 + 13.5, [f"row {row}" for row in range(1, 29)], fontsize=8)
        axes.vlines(np.arange(1, 28) * 28 - 0.5, -0.5, 0.5, color=GREY, linewidth=0.8)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(True)
        axes = places["label"]
        prepare(axes, 10, 1.6, f"Slide 6: the label {label.argmax()} as ten numbers, one-hot")
        draw_matrix(axes, label[None], colors=np.where(label == 1, "#F3C08F", "white"), bold=label == 1)
        for digit in range(10):
            axes.text(digit + 0.5, 1.5, f"{digit}", ha="center", va="center", color=GREY)
    return path


def draw_numbers(axes, image, title):
    """Write each number of a (28, 28) image into a cell, which is as dark as the number is large."""
    axes.pcolormesh(image, cmap="gray_r", edgecolors="#DDDDDD", linewidth=0.4)
    for (row, column), value in np.ndenumerate(image):
        text = f"{value:.2f}" if value % 1 else f"{value:.0f}"
        color = "white" if value > image.max() / 2 else "black" if value else "#999999"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=6, color=color)
    axes.set(ylim=(28, 0), aspect="equal", title=title)
    axes.axis("off")
