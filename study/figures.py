"""The figures of the study: what many seeds of each experiment say."""

import numpy as np

from digits.figures.style import BLUE, ORANGE, figure, plot_curves, shade_between


def plot_seeds(values, path, title, label, references=None):
    """One dot per seed, one row per experiment, the mean as a line, the deck's numbers as diamonds.

    Args:
        values: a dict of experiment to numbers, one per seed.
        path, title: of the figure.
        label: of the axis.
        references: a dict of experiment to the deck's number.

    Returns:
        `path`.
    """
    names = list(values)
    with figure(path, (9, 1.8 + 0.45 * len(names))) as fig:
        axes = fig.subplots()
        for row, name in enumerate(names):
            spread = row + np.linspace(-0.22, 0.22, len(values[name]))  # one under the other, in the order of seeds
            axes.plot(values[name], spread, "o", color=BLUE, alpha=0.5, markersize=5)
            axes.plot([np.mean(values[name])] * 2, [row - 0.35, row + 0.35], color="black", linewidth=2)
            if name in (references or {}):
                axes.plot(references[name], row, "D", color=ORANGE, markersize=9, markeredgecolor="black")
        handles = {"a seed": ("o", BLUE), "mean of the seeds": ("|", "black"), "the deck": ("D", ORANGE)}
        for text, (marker, color) in list(handles.items())[: 3 if references else 2]:
            axes.plot([], [], marker, color=color, label=text, markersize=8)
        axes.set(title=title, xlabel=label, yticks=range(len(names)), yticklabels=names)
        axes.invert_yaxis()
        axes.grid(axis="x")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)
    return path


def plot_sizes(gaps, accuracies, path, title):
    """Slide 14: overfitting and test accuracy against the number of training images.

    gaps, accuracies: a dict each of a number of images to numbers, one per seed.
    """
    with figure(path, (10, 4.5)) as fig:
        fig.suptitle(title)
        labels = ("training minus validation accuracy", "test accuracy")
        images = list(gaps)
        for axes, table, label in zip(fig.subplots(1, 2), (gaps, accuracies), labels):
            lowest, mean, highest = (
                [reduce(values) for values in table.values()] for reduce in (np.min, np.mean, np.max)
            )
            shade_between(axes, images, lowest, highest, BLUE, "all seeds")
            axes.plot(images, mean, "-o", color=BLUE, linewidth=2, label="mean of the seeds")
            axes.set(xscale="log", xlabel="training images", title=label)
            axes.set_xticks(images, images)
            axes.minorticks_off()
            axes.grid(True)
            axes.legend()
    return path


def plot_mean_curves(training, validation, path, title):
    """Slides 12, 13, 17: the learning curves of several experiments, means over the seeds in a band from worst to best.

    training, validation: a dict each of experiment to accuracies (seeds, epochs).
    """
    with figure(path, (11, 6.5)) as fig:
        fig.suptitle(title)
        panels = fig.subplots(2, -(-len(training) // 2), sharex=True, sharey=True).ravel()
        for axes, name in zip(panels, training):
            curves = np.asarray(training[name]), np.asarray(validation[name])
            epochs = np.arange(1, curves[0].shape[1] + 1)
            for values, color in zip(curves, (BLUE, ORANGE)):
                shade_between(axes, epochs, values.min(axis=0), values.max(axis=0), color)
            plot_curves(axes, epochs, *(values.mean(axis=0) for values in curves))
            axes.set(title=f"{name} ({len(training[name])} seeds)", ylim=(0.94, 1.001))
        for axes in panels[len(training) :]:
            axes.remove()
        panels[0].legend(loc="lower right")
        fig.supxlabel("epoch")
        fig.supylabel("accuracy")
    return path
