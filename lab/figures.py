"""What a class has handed in, beside the study."""

import numpy as np

from digits.figures.style import BLUE, GREY, ORANGE, PALE, figure


def plot_class(groups, path, title):
    """Everyone's test accuracies as dots, one panel per experiment, over the study's seeds and their 99% interval.

    The interval is the middle third of the axis, whatever the accuracies are: one beyond it is drawn at the edge.

    groups: a dict of the experiment's name to (runs, study, interval): a DataFrame of `class_results.COLUMNS`, one run
    for each student, the accuracies of the study's seeds, (n,), and the (low, high) in which it expects the next one.
    """
    heights = [1.2 + 0.12 * sum(runs["interval"] == "outside") for runs, *_ in groups.values()]  # in inches, for names
    with figure(path, (11, 0.9 + sum(heights))) as fig:
        fig.suptitle(title)
        panels = fig.subplots(len(groups), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (name, (runs, study, (low, high))) in zip(panels, groups.items()):
            left, right = low - (high - low), high + (high - low)
            axes.axvspan(low, high, color=PALE, linewidth=0, label="99 of 100 runs, by the study")
            axes.plot(study, np.full(len(study), -0.75), "|", color=GREY, markersize=9, label="a seed of the study")
            runs = runs.sort_values("accuracy").assign(x=runs["accuracy"].clip(left, right))
            runs["height"] = np.random.default_rng(0).permutation(np.linspace(-0.4, 0.85, len(runs) + 2)[1:-1])
            for place, color, label in (("inside", BLUE, "a student's run"), ("outside", ORANGE, "one outside")):
                dots = runs[runs["interval"] == place]
                axes.plot(dots["x"], dots["height"], "o", color=color, alpha=0.7, label=label)
            for dot in runs[runs["interval"] == "outside"].itertuples():
                side, ha = (-8, "right") if dot.x > high else (8, "left")
                label = dot.student[:24] if dot.x == dot.accuracy else f"{dot.accuracy:.4f}, {dot.student[:24]}"
                place = {"textcoords": "offset points", "va": "center", "ha": ha, "fontsize": 9}
                axes.annotate(label, (dot.x, dot.height), (side, 0), **place)
            axes.set_ylabel(f"{name}\n{len(runs)} student{'s'[: len(runs) != 1]}", rotation=0, ha="right", va="center")
            axes.set(yticks=[], ylim=(-1, 1), xlim=(left - (high - low) / 20, right + (high - low) / 20))
            axes.spines["left"].set_visible(False)
        panels[-1].set_xlabel("test accuracy")
        handles = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels())}
        fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    return path
