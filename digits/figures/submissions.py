"""What a class has handed in, beside the study."""

import numpy as np

from digits.figures.style import BLUE, GREY, ORANGE, PALE, figure


def plot_class(groups, path, title):
    """Everyone's test accuracies as dots, one panel per experiment, over the study's seeds and their 99% interval.

    groups: a dict of the experiment's name to (runs, study, interval): a DataFrame of `submissions.COLUMNS`, the
    accuracies of the study's seeds, (n,), and the (low, high) in which it expects the next one; NaN for n < 2.
    """
    with figure(path, (11, 0.9 + 1.2 * len(groups))) as fig:
        fig.suptitle(title)
        panels = fig.subplots(len(groups), 1, squeeze=False)[:, 0]
        for axes, (name, (runs, study, interval)) in zip(panels, groups.items()):
            if len(study) > 1:
                axes.axvspan(*interval, color=PALE, linewidth=0, label="99 of 100 runs, by the study")
            axes.plot(study, np.full(len(study), -0.75), "|", color=GREY, markersize=9, label="a seed of the study")
            heights = np.linspace(-0.35, 0.85, len(runs) + 2)[1:-1]
            outside = (runs["interval"] == "outside").to_numpy()
            for chosen, color, label in ((~outside, BLUE, "a student's run"), (outside, ORANGE, "one outside")):
                axes.plot(runs["accuracy"][chosen], heights[chosen], "o", color=color, alpha=0.7, label=label)
            for height, student, accuracy in zip(heights[outside], runs["student"][outside], runs["accuracy"][outside]):
                axes.annotate(
                    student[:20], (accuracy, height), (7, 0), textcoords="offset points", va="center", fontsize=9
                )
            axes.set_ylabel(
                f"{name}\n{len(runs)} {'run' if len(runs) == 1 else 'runs'}", rotation=0, ha="right", va="center"
            )
            axes.set(yticks=[], ylim=(-1, 1))
            axes.margins(x=0.12)
            axes.spines["left"].set_visible(False)
        panels[-1].set_xlabel("test accuracy")
        handles = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels())}
        fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    return path
