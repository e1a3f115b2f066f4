"""Test images and what the network makes of them: the confusion matrix (slide 19), predictions, misclassified ones."""

import numpy as np

from digits.figures.style import GREY, ORANGE, PITCH, ROW, draw_bars, draw_images, figure, format_percent


def plot_confusion_matrix(matrix, path, title):
    """Slide 19: the confusion matrix, with recall and precision along its margins, and accuracy where they meet.

    matrix: (n, n) counts, rows are labels; n is 10 for digits. The colour shows the mistakes only, so that the
    thousands on the diagonal don't drown them; zeros are left out.
    """
    matrix = np.asarray(matrix)
    n = len(matrix)
    correct = np.eye(n, dtype=bool)
    with np.errstate(invalid="ignore"):  # NaN where there is nothing to divide by
        recall, precision = (np.diag(matrix) / matrix.sum(axis=axis) for axis in (1, 0))
    mistakes = np.where(correct | (matrix == 0), np.nan, matrix)
    accuracy = format_percent(np.trace(matrix) / matrix.sum(), 2)
    with figure(path, (8, 7.2)) as fig:
        fig.suptitle(f"Confusion matrix\n{title}")
        axes = fig.subplots()
        grid = np.arange(-0.5, n)
        axes.pcolormesh(grid, grid, mistakes, cmap="Oranges", vmin=0, vmax=1.6 * max(matrix[~correct].max(), 1))
        axes.pcolormesh(grid, grid, np.where(correct, 1, np.nan), cmap="Greys", vmin=0, vmax=5)
        axes.hlines(grid, -0.5, n - 0.5, color="#DDDDDD", linewidth=0.8)
        axes.vlines(grid, -0.5, n - 0.5, color="#DDDDDD", linewidth=0.8)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                weight = "bold" if row == column else "normal"
                axes.text(column, row, f"{count}", ha="center", va="center", fontweight=weight)
        for digit in range(n):
            axes.text(n + 0.25, digit, format_percent(recall[digit], 2), ha="center", va="center", fontsize=9)
            axes.text(digit, n, format_percent(precision[digit], 2), ha="center", va="center", fontsize=9)
        axes.text(n + 0.25, n, f"accuracy\n{accuracy}", ha="center", va="center", fontsize=10, fontweight="bold")
        axes.set(xlim=(-0.55, n + 0.8), ylim=(n + 0.35, -0.55), aspect="equal")
        axes.set(xticks=[*range(n), n + 0.25], xticklabels=[*range(n), "recall"])
        axes.set(yticks=range(n + 1), yticklabels=[*range(n), "precision"], ylabel="true label")
        axes.xaxis.set(label_position="top", ticks_position="top", label_text="predicted label")
        axes.xaxis.labelpad = 8
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return path


def describe_prediction(label, prediction, probability):
    """Return an image's caption: the true label if it differs, the prediction and its probability."""
    digits = f"{label} → {prediction}" if label != prediction else f"{prediction}"
    return f"{digits}  {format_percent(probability)}"


def plot_images(groups, path, title, columns):
    """Images in groups, each image with a caption above it, and its number in its corner.

    groups: a dict of the group's title to three arrays or lists: images (n, 784) in [0, 1], n captions, and n numbers.
    columns: images in a row.
    """
    heights = [0.35 * bool(name) + ROW * max(1, -(-len(images) // columns)) for name, (images, *_) in groups.items()]
    with figure(path, (PITCH * columns, 0.6 + sum(heights))) as fig:
        fig.suptitle(title)
        panels = fig.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (name, (images, captions, numbers)) in zip(panels, groups.items()):
            axes.set_title(name)
            draw_images(axes, images.reshape(-1, 28, 28), captions, columns, numbers)
    return path


def plot_prediction(photo, digits, probabilities, doubts, path, title):
    """The digits found in an image file, what the network saw of each, and its ten probabilities.

    The digits stand in rows below the file, in the order in which they are read. Each has a frame and its prediction;
    what is in doubt has a dashed grey frame, what was left out a dotted one.

    photo: (height, width, 3) uint8; digits: `handwriting.Digits` of it; probabilities: (n, 10); doubts: (n,) texts.
    """
    boxes, images = digits.boxes, digits.images
    columns = min(len(images), 8)
    width, height = PITCH * max(columns, 3), 2.3 * -(-len(images) // columns)  # of the digits, in inches
    photo_height = min(width * photo.shape[0] / photo.shape[1], 4)
    with figure(path, (width, 0.5 + photo_height + height)) as fig:
        fig.suptitle(title)
        top, bottom = fig.subplots(2, 1, height_ratios=(photo_height, height))
        top.imshow(photo)
        top.axis("off")
        frames = [(box, GREY, ":") for box in digits.dropped]
        frames += [(box, GREY, "--") if doubt else (box, ORANGE, "-") for box, doubt in zip(boxes, doubts)]
        for box, color, style in frames:
            left, upper, right, lower = box - 0.5
            x, y = [left, right, right, left, left], [upper, upper, lower, lower, upper]
            top.plot(x, y, style, color=color, linewidth=1.5, clip_on=False)
        predictions = [f"{values.argmax()}{'?' * bool(doubt)}" for values, doubt in zip(probabilities, doubts)]
        captions = [f"{digit}  {format_percent(values.max())}" for digit, values in zip(predictions, probabilities)]
        numbers = [f"#{number}" for number in range(1, len(images) + 1)] if len(images) > 1 else []
        corners = draw_images(bottom, images, captions, columns, numbers, below=0.8, vmax=255)
        for box, prediction, (x, y), values in zip(boxes, predictions, corners, probabilities):
            look = {"color": ORANGE, "fontsize": 14, "fontweight": "bold"}
            top.annotate(prediction, box[:2], (0, 2), textcoords="offset points", **look)
            draw_bars(bottom, values, x, y + 1.6, width=1, height=0.5)
    return path
