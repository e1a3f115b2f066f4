"""Learning curves: what training did to accuracy and loss, epoch by epoch (slides 11-13, 17, 29)."""

import textwrap

import numpy as np

from digits.figures.style import BLUE, GREY, ORANGE, figure

NOTE = "Training is drawn half an epoch earlier: it is the mean over the epoch, validation is measured at its end."
LIMITS = {"accuracy": (0.87, 1.003), "loss": (0, 0.5)}  # of the axes of every run, so that runs can be compared
NOISE = 0.005  # training minus validation accuracy, up to which nothing is called overfitting: see `describe_gap`


def plot_learning_curve(history, path, title):
    """Slides 12, 13, 17: accuracy and loss of each epoch, in training and validation, the gap between them shaded.

    history: pandas.DataFrame, one row per epoch: loss, accuracy if it was a metric, and val_* if validated.
    """
    shown = [key for key in LIMITS if key in history]  # without a metric, Keras has no accuracy
    with figure(path, (0.5 + 5 * len(shown), 4.6)) as fig:
        gap = describe_gap(history).replace("above validation", "above validation (shaded)")
        fig.suptitle(f"{title}\n{gap}".strip())
        fig.supxlabel(wrap_note(fig), fontsize=10)
        for axes, key in zip(fig.subplots(1, len(shown), squeeze=False)[0], shown):
            draw_curves(axes, history, key)
            axes.set(title=key)
            low, high = axes.get_ylim()
            ends = [line.get_ydata()[-1] for line in axes.lines]
            close = len(ends) > 1 and np.ptp(ends) < 0.05 * (high - low)  # then the lower label is set lower
            for line, end in zip(axes.lines, ends):
                place = "center" if not close else "bottom" if end == max(ends) else "top"
                label = f"{line.get_label()} {end:.4f}"
                axes.text(len(history) + 0.3, end, label, color=line.get_color(), va=place)
    return path


def wrap_note(fig):
    """Return why training is drawn earlier, in lines as long as the Figure is wide."""
    return textwrap.fill(NOTE, int(12 * fig.get_figwidth()))


def draw_curves(axes, history, key):
    """Draw a training and a validation curve of "accuracy" or "loss", and shade where training does better.

    history: see `plot_learning_curve`. See `NOTE`: the network still learns while Keras takes the training's mean.
    """
    epochs = np.arange(1, len(history) + 1)
    training, validation = history[key], history.get(f"val_{key}")
    axes.plot(epochs - 0.5, training, "-o", color=BLUE, linewidth=2, markersize=4, label="training")
    if validation is not None:
        axes.plot(epochs, validation, "--s", color=ORANGE, linewidth=2, markersize=4, label="validation")
        x = np.union1d(epochs - 0.5, epochs)[1:-1]  # where there are both
        curves = np.interp(x, epochs - 0.5, training), np.interp(x, epochs, validation)
        lower, upper = curves if key == "loss" else curves[::-1]
        shade = {"color": GREY, "alpha": 0.25, "linewidth": 0, "label": "better in training"}
        axes.fill_between(x, lower, upper, where=lower < upper, interpolate=True, **shade)
    axes.margins(y=0.02)
    (low, high), (lowest, highest) = axes.get_ylim(), LIMITS[key]
    axes.set(xlabel="epoch", xlim=(0, len(history) + 0.1), ylim=(min(low, lowest), max(high, highest)))
    axes.locator_params(axis="x", integer=True, nbins=11)
    axes.grid(True)


def describe_gap(history):
    """Return in words how far training ends above validation accuracy; an empty string if there is no validation.

    It is called overfitting above `NOISE`, three times 0.0017, which is the largest standard deviation of this gap over
    the study's seeds of one of the deck's runs (results/runs.csv). So MLP 256 overfits (0.0185 in the mean), and the
    CNN (0.0022) does not.
    """
    if not {"accuracy", "val_accuracy"} <= set(history):
        return ""
    gap = history["accuracy"].iloc[-1] - history["val_accuracy"].iloc[-1]
    words = f"training ends {abs(gap):.4f} {'above' if gap >= 0 else 'below'} validation"
    return f"Overfitting: {words}" if gap > NOISE else words.capitalize()


def plot_learning_curves(histories, path):
    """Slides 12, 13, 17, 29 side by side: the accuracy of each run's epochs.

    histories: a dict of a run's title to its pandas.DataFrame, as in `plot_learning_curve`.
    """
    with figure(path, (3 * len(histories) + 0.6, 4.4)) as fig:
        fig.suptitle("Overfitting and its remedies")
        panels = fig.subplots(1, len(histories), sharey=True, squeeze=False)[0]
        for axes, (title, history) in zip(panels, histories.items()):
            draw_curves(axes, history, "accuracy")
            axes.set(title=title)
            words = describe_gap(history).replace(": ", ":\n").replace(" 0.", "\n0.")
            box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
            axes.text(0.97, 0.06, words, transform=axes.transAxes, ha="right", bbox=box)
        panels[0].set_ylabel("accuracy")
        fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, title=wrap_note(fig))
    return path
