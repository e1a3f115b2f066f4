"""The pictures of the study: what many seeds of each experiment say. `figures.py` has their look."""

import numpy as np

from figures import BLUE, ORANGE, draw


def seeds(values, path, title, label, marks=None):
    """The study: a dot a seed, a row an experiment, the mean as a line; `marks` are the deck's numbers, as diamonds.

    values: a dict of experiment to numbers, one a seed. marks: a dict of experiment to a number. label: of the axis.
    """
    names = list(values)

    def paint(figure):
        axes = figure.subplots()
        for row, name in enumerate(names):
            spread = row + np.linspace(-0.22, 0.22, len(values[name]))  # one under the other, in the order of seeds
            axes.plot(values[name], spread, "o", color=BLUE, alpha=0.5, markersize=5)
            axes.plot([np.mean(values[name])] * 2, [row - 0.35, row + 0.35], color="black", linewidth=2)
            if name in (marks or {}):
                axes.plot(marks[name], row, "D", color=ORANGE, markersize=9, markeredgecolor="black")
        handles = {"a seed": ("o", BLUE), "mean of the seeds": ("|", "black"), "the deck": ("D", ORANGE)}
        for text, (marker, color) in list(handles.items())[: 3 if marks else 2]:
            axes.plot([], [], marker, color=color, label=text, markersize=8)
        axes.set(title=title, xlabel=label, yticks=range(len(names)), yticklabels=names)
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.3)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)

    return draw(path, (9, 1.8 + 0.45 * len(names)), paint)


def sizes(gaps, accuracies, path, title):
    """Slide 14: overfitting and test accuracy against the number of training pictures.

    gaps, accuracies: a dict each of a number of pictures to numbers, one a seed.
    """

    def paint(figure):
        figure.suptitle(title)
        labels = ("training minus validation accuracy", "test accuracy")
        pictures = list(gaps)
        for axes, table, label in zip(figure.subplots(1, 2), (gaps, accuracies), labels):
            lowest, mean, highest = (
                [reduce(values) for values in table.values()] for reduce in (np.min, np.mean, np.max)
            )
            axes.fill_between(pictures, lowest, highest, color=BLUE, alpha=0.2, label="all seeds")
            axes.plot(pictures, mean, "-o", color=BLUE, linewidth=2, label="mean of the seeds")
            axes.set(xscale="log", xlabel="training pictures", title=label)
            axes.set_xticks(pictures, pictures)
            axes.minorticks_off()
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.3)
            axes.legend()

    return draw(path, (10, 4.5), paint)


def mean_curves(training, validation, path, title):
    """Slides 12, 13, 17: the learning curves of several experiments, means over the seeds in a band from worst to best.

    training, validation: a dict each of experiment to accuracies (seeds, epochs).
    """

    def paint(figure):
        figure.suptitle(title)
        panels = figure.subplots(2, -(-len(training) // 2), sharex=True, sharey=True).ravel()
        for axes, name in zip(panels, training):
            for label, table, color, line in (
                ("training", training, BLUE, "-"),
                ("validation", validation, ORANGE, "--"),
            ):
                values = np.asarray(table[name])
                epochs = np.arange(1, values.shape[1] + 1)
                axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2)
                axes.plot(epochs, values.mean(axis=0), line, color=color, linewidth=2, label=label)
            axes.set(title=f"{name} ({len(training[name])} seeds)", ylim=(0.94, 1.001))
            axes.locator_params(axis="x", integer=True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.3)
        for axes in panels[len(training) :]:
            axes.remove()
        panels[0].legend(loc="lower right")
        figure.supxlabel("epoch")
        figure.supylabel("accuracy")

    return draw(path, (11, 6.5), paint)
