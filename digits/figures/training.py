"""Learning curves: what training did to accuracy and loss, epoch by epoch (slides 11-13, 17, 29)."""

import numpy as np

from digits.figures.style import GREY, figure, plot_curves, shade_between


def plot_learning_curve(history, path, title):
    """Slides 12, 13, 17: accuracy and loss after each epoch, training against validation, the gap between them shaded.

    Args:
        history: pandas.DataFrame, one row per epoch: accuracy and loss, and val_accuracy and val_loss if validated.
        path: of the PNG.
        title: of the figure.

    Returns:
        `path`.
    """
    epochs = np.arange(1, len(history) + 1)
    with figure(path, (10, 5)) as fig:
        fig.suptitle(title)
        for axes, key in zip(fig.subplots(1, 2), ("accuracy", "loss")):
            training, validation = history[key], history.get(f"val_{key}")
            names = {"training": training, "validation": validation}
            labels = [
                f"{name}: {values.iloc[-1]:.4f} at the end" for name, values in names.items() if values is not None
            ]
            if validation is not None:
                shade_between(axes, epochs, training, validation, label="gap")
            plot_curves(axes, epochs, training, validation, labels, marker="o", markersize=4)
            axes.set(xlabel="epoch", title=key)
            axes.legend(loc="lower right" if key == "accuracy" else "upper right")
        if "val_accuracy" in history:
            fig.supxlabel(describe_gap(history["accuracy"], history["val_accuracy"]), fontsize=10, color=GREY)
    return path


def describe_gap(training, validation):
    """Return in words what the distance between two accuracy curves means; one number per epoch each."""
    note = f"Final gap (training - validation): {training.iloc[-1] - validation.iloc[-1]:+.4f}"
    if (training < validation).any():
        note += (
            "\nTraining accuracy is averaged over the epoch, while the network still learns (and with dropout on);"
            "\nvalidation is measured after it, with dropout off."
        )
    return note


def plot_learning_curves(histories, path):
    """Slides 12, 13, 17, 29 side by side: each run's accuracy after each epoch, the gap to validation shaded.

    Args:
        histories: a dict of a run's title to its pandas.DataFrame, as in `plot_learning_curve`.
        path: of the PNG.

    Returns:
        `path`.
    """
    with figure(path, (3.3 * len(histories) + 0.6, 4.2)) as fig:
        fig.suptitle("Overfitting and its cure: the wider the grey gap, the more was memorised")
        for axes, (title, history) in zip(
            fig.subplots(1, len(histories), sharey=True, squeeze=False)[0], histories.items()
        ):
            epochs = np.arange(1, len(history) + 1)
            training, validation = history["accuracy"], history.get("val_accuracy")
            if validation is not None:
                shade_between(axes, epochs, training, validation)
                title += f"\ngap at the end: {training.iloc[-1] - validation.iloc[-1]:+.4f}"
            plot_curves(axes, epochs, training, validation)
            axes.set(title=title, xlabel="epoch", ylim=(0.935, 1.002))
            axes.legend(loc="lower right")
        fig.axes[0].set_ylabel("accuracy")
    return path
