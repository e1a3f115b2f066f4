"""Test images and what the network makes of them: the confusion matrix (slide 19), predictions, misclassified ones."""

import numpy as np

from digits.figures.style import BLUE, ORANGE, figure, format_percent


def plot_confusion_matrix(matrix, recall, precision, path, title):
    """Slide 19: the confusion matrix, with recall and precision along its margins.

    matrix: (10, 10) counts, rows are labels; recall, precision: (10,) in [0, 1], NaN where there was nothing to divide.
    The colour shows the mistakes only, so that the thousands on the diagonal don't drown them.
    """
    matrix = np.asarray(matrix)
    right = np.eye(10, dtype=bool)
    mistakes = np.where(right, np.nan, matrix)
    with figure(path, (9.6, 8.2)) as fig:
        axes = fig.subplots()
        axes.imshow(np.where(right, 1.0, np.nan), cmap="Greys", vmin=0, vmax=6)
        image = axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes[~right].max() * 1.4, 1))
        for row in range(10):
            for column in range(10):
                count, is_right = matrix[row, column], row == column
                style = {"fontweight": "bold"} if is_right else {"color": "black" if count else "#AAAAAA"}
                axes.text(column, row, f"{count}", ha="center", va="center", **style)
        for digit in range(10):
            axes.text(10.1, digit, format_percent(recall[digit]), ha="center", va="center")
            axes.text(digit, 10.05, format_percent(precision[digit]), ha="center", va="center", fontsize=9.5)
        axes.text(10.1, -0.95, "recall", ha="center", va="center", fontweight="bold")
        axes.text(-0.75, 10.05, "precision", ha="right", va="center", fontweight="bold", fontsize=9.5)
        axes.set(xlim=(-0.5, 10.7), ylim=(10.5, -0.5), xticks=range(10), yticks=range(10), ylabel="true label")
        axes.xaxis.set(label_position="top", ticks_position="top", label_text="predicted label")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        fig.colorbar(image, ax=axes, label="misclassified (grey: correct)", shrink=0.6, pad=0.02)
        fig.suptitle(title)
    return path


def draw_images(panels, images, captions, highlighted=(), **font):
    """Draw images (n, 784) in [0, 1], dark on white, each with its caption below; panels that are left stay empty."""
    for axes in panels:
        axes.axis("off")
    for index, (axes, image, caption) in enumerate(zip(panels, images, captions)):
        axes.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        style = font | ({"color": ORANGE, "fontweight": "bold"} if index in highlighted else {})
        axes.text(0.5, -0.04, caption, transform=axes.transAxes, ha="center", va="top", **style)


def plot_images(images, captions, path, title, columns, highlighted=()):
    """Images with a caption below each, `columns` in a row.

    images: (n, 784) in [0, 1]; captions: n strings; highlighted: the indexes whose captions are set in another colour.
    """
    rows = max(1, -(-len(images) // columns))
    lines = max((caption.count("\n") + 1 for caption in captions), default=1)
    with figure(path, (10, 0.6 + rows * (9.4 / columns + 0.21 * lines))) as fig:
        fig.suptitle(title)
        draw_images(fig.subplots(rows, columns, squeeze=False).ravel(), images, captions, highlighted)
    return path


def plot_prediction(photo, boxes, images, probabilities, path, title):
    """The digits found in an image file; beside it, what the network saw of each, and its ten probabilities.

    photo: (height, width, 3) uint8; boxes: (n, 4) left, top, right, bottom; images: (n, 28, 28); probabilities:
    (n, 10). Digits are numbered in the order in which they are read where there are several.
    """
    columns = -(-len(images) // 6)
    rows = -(-len(images) // columns)
    with figure(path, (4.5 + 4.5 * columns, max(2.8, 0.6 + 1.25 * rows))) as fig:
        fig.suptitle(title)
        grid = fig.add_gridspec(rows, 1 + 2 * columns, width_ratios=[3] + [1, 1.8] * columns)
        axes = fig.add_subplot(grid[:, 0])
        axes.imshow(photo)
        axes.axis("off")
        for number, (left, top, right, bottom) in enumerate(boxes, 1):
            x, y = np.array([left, right, right, left, left]) - 0.5, np.array([top, top, bottom, bottom, top]) - 0.5
            axes.plot(x, y, color=ORANGE, linewidth=1.5, clip_on=False)
            if len(boxes) > 1:
                axes.annotate(f"{number}", (left, top), (0, 2), textcoords="offset points", color=ORANGE)
        for index, (image, values) in enumerate(zip(images, probabilities)):
            row, column = index % rows, 1 + 2 * (index // rows)
            axes = fig.add_subplot(grid[row, column])
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            if len(boxes) > 1:
                axes.set_ylabel(f"{index + 1}", color=ORANGE, rotation=0, ha="right", va="center")
            axes = fig.add_subplot(grid[row, column + 1])
            best = values.argmax()
            axes.bar(range(10), values, color=[ORANGE if digit == best else BLUE for digit in range(10)])
            axes.set(xticks=range(10), yticks=[], ylim=(0, 1.3))
            axes.text(best, values[best] + 0.03, format_percent(values[best]), ha="center", va="bottom", fontsize=9)
            axes.spines["left"].set_visible(False)
    return path


def plot_samples(x, labels, path, title):
    """The first ten images of each digit, one row per digit. x: (n, 784) in [0, 1]; labels: (n,)."""
    first_ten = np.stack([x[labels == digit][:10].reshape(10, 28, 28) for digit in range(10)])
    wall = np.pad(first_ten, ((0, 0), (0, 0), (1, 1), (1, 1))).swapaxes(1, 2).reshape(300, 300)
    with figure(path, (7, 7)) as fig:
        axes = fig.subplots()
        axes.imshow(wall, cmap="gray_r")
        axes.set(xticks=[], yticks=np.arange(10) * 30 + 15, yticklabels=range(10), ylabel="label", title=title)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    return path


def plot_disagreements(groups, path, title):
    """Test digits in groups, each group under a title of its own.

    groups: a dict of a title to a pair: images (n, 784) in [0, 1], and n captions; twenty of them are shown.
    """
    with figure(path, (11, 0.5 + 3.7 * len(groups))) as fig:
        fig.suptitle(title)
        for part, (name, (images, captions)) in zip(fig.subfigures(len(groups), 1), groups.items()):
            part.suptitle(name)
            draw_images(part.subplots(2, 10).ravel(), images, captions, fontsize=10)
    return path
