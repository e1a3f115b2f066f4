"""Every picture that the scripts write: arrays in, PNG out, one look for all.

Colours are Okabe and Ito's, told apart by colour-blind eyes; lines differ in style too, for print in grey.
"""

import numpy as np

import script

BLUE, ORANGE, GREY, PALE = "#0072B2", "#D55E00", "#666666", "#CFE0EC"
STYLE = {"font.family": "DejaVu Sans", "font.size": 11, "axes.titlesize": 12, "figure.titlesize": 13}


def draw(path, size, paint):
    """Write the picture that `paint(figure)` paints, `size` inches wide and high, to `path`; return `path`."""
    import matplotlib
    from matplotlib.figure import Figure  # not pyplot: no window, no display needed

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE}):
        figure = Figure(figsize=size, dpi=110, layout="constrained")
        paint(figure)
        with script.whole_file(path) as part:
            figure.savefig(part, format="png")
    return path


def show(paths):
    """Open a window for each saved picture and wait until they are closed; where there is no display, say so."""
    from matplotlib import pyplot

    if pyplot.get_backend().lower() == "agg":
        print("--show: there is no display here; open the files named above instead")
        return
    for path in paths:
        picture = pyplot.imread(path)
        window = pyplot.figure(path, figsize=(picture.shape[1] / 110, picture.shape[0] / 110))
        window.figimage(picture)
    pyplot.show()


def accuracy(history, path, title):
    """Slides 12, 13, 17: accuracy and loss after each epoch, training against validation, the gap between them shaded.

    history: a data frame with the columns accuracy and loss, and val_accuracy and val_loss where there was validation;
    a row an epoch.
    """
    epochs = np.arange(1, len(history) + 1)
    dots = {"marker": "o", "markersize": 4, "linewidth": 2}

    def paint(figure):
        figure.suptitle(title)
        for axes, key in zip(figure.subplots(1, 2), ("accuracy", "loss")):
            curves = [("training", history[key], BLUE, "-")]
            if f"val_{key}" in history:
                curves.append(("validation", history[f"val_{key}"], ORANGE, "--"))
                axes.fill_between(epochs, curves[0][1], curves[1][1], color=GREY, alpha=0.15, label="gap")
            for name, values, color, line in curves:
                label = f"{name}: {values.iloc[-1]:.4f} at the end"
                axes.plot(epochs, values, line, color=color, label=label, **dots)
            axes.set(xlabel="epoch", title=key)
            axes.locator_params(axis="x", integer=True, nbins=11)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.3)
            axes.legend(loc="lower right" if key == "accuracy" else "upper right")
        if "val_accuracy" in history:
            figure.supxlabel(gap_note(history["accuracy"], history["val_accuracy"]), fontsize=10, color=GREY)

    return draw(path, (10, 5), paint)


def gap_note(training, validation):
    """Say in words what the distance between two curves of accuracy means. training, validation: a number an epoch."""
    gap = training.iloc[-1] - validation.iloc[-1]
    note = f"At the end training is {gap:+.4f} above validation: the wider this gap, the more was learned by heart."
    if (training < validation).any():
        note += (
            "\nValidation above training is no mistake: training accuracy is a mean over the epoch, "
            "taken while the network still learned\n"
            "(with Dropout, and with neurons missing); validation comes after the epoch, with all of them."
        )
    return note


def confusion_matrix(matrix, recall, precision, path, title):
    """Slide 19: the confusion matrix, with recall and precision along its margins.

    matrix: (10, 10) counts, rows are labels; recall, precision: (10,) in [0, 1], NaN where there was nothing to divide.
    The colour shows the mistakes only, so that the thousands on the diagonal don't drown them.
    """
    matrix = np.asarray(matrix)
    right = np.eye(10, dtype=bool)
    mistakes = np.where(right, np.nan, matrix)

    def paint(figure):
        axes = figure.subplots()
        axes.imshow(np.where(right, 1.0, np.nan), cmap="Greys", vmin=0, vmax=6)
        image = axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes[~right].max() * 1.4, 1))
        for row in range(10):
            for column in range(10):
                count, is_right = matrix[row, column], row == column
                style = {"fontweight": "bold"} if is_right else {"color": "black" if count else "#AAAAAA"}
                axes.text(column, row, f"{count}", ha="center", va="center", **style)
        for digit in range(10):
            axes.text(10.1, digit, percent(recall[digit]), ha="center", va="center")
            axes.text(digit, 10.05, percent(precision[digit]), ha="center", va="center", fontsize=9.5)
        axes.text(10.1, -0.95, "recall", ha="center", va="center", fontweight="bold")
        axes.text(-0.75, 10.05, "precision", ha="right", va="center", fontweight="bold", fontsize=9.5)
        axes.set(xlim=(-0.5, 10.7), ylim=(10.5, -0.5), xticks=range(10), yticks=range(10), ylabel="label: what it is")
        axes.xaxis.set(label_position="top", ticks_position="top", label_text="prediction: what the network reads")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(image, ax=axes, label="mistakes (grey: read rightly)", shrink=0.6, pad=0.02)
        figure.suptitle(title)

    return draw(path, (9.6, 8.2), paint)


def percent(value):
    return "-" if np.isnan(value) else f"{100 * value:.1f}%"


def digits(images, captions, path, title, columns, wrong=()):
    """Pictures with a caption below each, `columns` in a row.

    images: (n, 784) in [0, 1]; captions: n strings; wrong: the indexes whose captions are set in another colour.
    """
    rows = max(1, -(-len(images) // columns))

    def paint(figure):
        figure.suptitle(title)
        for index, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
            axes.axis("off")
            if index < len(images):
                axes.imshow(images[index].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
                style = {"color": ORANGE, "fontweight": "bold"} if index in wrong else {}
                axes.text(0.5, -0.04, captions[index], transform=axes.transAxes, ha="center", va="top", **style)

    lines = max((caption.count("\n") + 1 for caption in captions), default=1)
    return draw(path, (10, 0.6 + rows * (9.4 / columns + 0.21 * lines)), paint)


def reading(picture, boxes, images, probabilities, path, title):
    """A picture with the digits found in it boxed; beside it, for each, what the network saw and its ten probabilities.

    picture: (height, width, 3) uint8; boxes: (n, 4) left, top, right, bottom; images: (n, 28, 28); probabilities:
    (n, 10). Digits are numbered in the order in which they are read where there are several.
    """
    columns = -(-len(images) // 6)
    rows = -(-len(images) // columns)

    def paint(figure):
        figure.suptitle(title)
        grid = figure.add_gridspec(rows, 1 + 2 * columns, width_ratios=[3] + [1, 1.8] * columns)
        axes = figure.add_subplot(grid[:, 0])
        axes.imshow(picture)
        axes.axis("off")
        for number, (left, top, right, bottom) in enumerate(boxes, 1):
            x, y = np.array([left, right, right, left, left]) - 0.5, np.array([top, top, bottom, bottom, top]) - 0.5
            axes.plot(x, y, color=ORANGE, linewidth=1.5, clip_on=False)
            if len(boxes) > 1:
                axes.annotate(f"{number}", (left, top), (0, 2), textcoords="offset points", color=ORANGE)
        for index, (image, values) in enumerate(zip(images, probabilities)):
            row, column = index % rows, 1 + 2 * (index // rows)
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            if len(boxes) > 1:
                axes.set_ylabel(f"{index + 1}", color=ORANGE, rotation=0, ha="right", va="center")
            axes = figure.add_subplot(grid[row, column + 1])
            best = values.argmax()
            axes.bar(range(10), values, color=[ORANGE if digit == best else BLUE for digit in range(10)])
            axes.set(xticks=range(10), yticks=[], ylim=(0, 1.3))
            axes.text(
                best,
                values[best] + 0.03,
                percent(np.floor(1000 * values[best]) / 1000),
                ha="center",
                va="bottom",
                fontsize=9,
            )
            axes.spines[["top", "right", "left"]].set_visible(False)

    return draw(path, (4.5 + 4.5 * columns, max(2.8, 0.6 + 1.25 * rows)), paint)


def samples(x, labels, path, title):
    """The first ten pictures of each digit, a row a digit. x: (n, 784) in [0, 1]; labels: (n,)."""
    first_ten = np.stack([x[labels == digit][:10].reshape(10, 28, 28) for digit in range(10)])
    wall = np.pad(first_ten, ((0, 0), (0, 0), (1, 1), (1, 1))).swapaxes(1, 2).reshape(300, 300)

    def paint(figure):
        axes = figure.subplots()
        axes.imshow(wall, cmap="gray_r")
        axes.set(xticks=[], yticks=np.arange(10) * 30 + 15, yticklabels=range(10), ylabel="label", title=title)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    return draw(path, (7, 7), paint)


def learning_curves(histories, path):
    """Slides 12, 13, 17, 29 side by side: each run's accuracy after each epoch, the gap to validation shaded.

    histories: a dict of a run's title to its data frame, a row an epoch, as in `accuracy`.
    """

    def paint(figure):
        figure.suptitle("Overfitting and its cure: the wider the grey gap, the more was learned by heart")
        for axes, (title, history) in zip(figure.subplots(1, len(histories), sharey=True), histories.items()):
            epochs = np.arange(1, len(history) + 1)
            training, validation = history["accuracy"], history["val_accuracy"]
            axes.fill_between(epochs, training, validation, color=GREY, alpha=0.25)
            axes.plot(epochs, training, "-", color=BLUE, linewidth=2, label="training")
            axes.plot(epochs, validation, "--", color=ORANGE, linewidth=2, label="validation")
            gap = training.iloc[-1] - validation.iloc[-1]
            axes.set(title=f"{title}\ngap at the end: {gap:+.4f}", xlabel="epoch", ylim=(0.935, 1.002))
            axes.locator_params(axis="x", integer=True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.3)
            axes.legend(loc="lower right")
        figure.axes[0].set_ylabel("accuracy")

    return draw(path, (3.3 * len(histories) + 0.6, 4.2), paint)


def disagreements(groups, path, title):
    """Test digits in groups, each group under a title of its own.

    groups: a dict of a title to a pair: pictures (n, 784) in [0, 1], and n captions; twenty of them are shown.
    """

    def paint(figure):
        figure.suptitle(title)
        for part, (name, (images, captions)) in zip(figure.subfigures(len(groups), 1), groups.items()):
            part.suptitle(name)
            for index, axes in enumerate(part.subplots(2, 10).flat):
                axes.axis("off")
                if index < len(images):
                    axes.imshow(images[index].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
                    axes.text(0.5, -0.04, captions[index], transform=axes.transAxes, ha="center", va="top", fontsize=10)

    return draw(path, (11, 0.5 + 3.7 * len(groups)), paint)
