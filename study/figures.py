"""The figures of the study: what many seeds of each experiment say."""

import numpy as np

from digits.figures.style import BLUE, GREY, ORANGE, figure
from study.claims import describe_interval


def write_row(axes, row, texts):
    """Write `texts` side by side into `axes`, which show nothing else, in the line of `row`."""
    axes.axis("off")
    for place, text in zip((0, 0.2, 0.5), texts):
        axes.text(place, row, text, transform=axes.get_yaxis_transform(), va="center")


def plot_seeds(values, path, title, label, references):
    """One dot per seed, one row per experiment, the mean as a line, the deck's numbers as diamonds.

    values, references: a dict each of the experiment's title to numbers, one per seed, and to the deck's number.
    """
    with figure(path, (11, 1.6 + 0.5 * len(values))) as fig:
        fig.suptitle(title)
        axes, margin = fig.subplots(1, 2, sharey=True, width_ratios=(5, 2))
        for row, (name, numbers) in enumerate(values.items()):
            spread = row + np.linspace(-0.22, 0.22, len(numbers))  # one under the other, in the order of seeds
            axes.plot(numbers, spread, "o", color=BLUE, alpha=0.5, markersize=5, label="a seed")
            mean = np.mean(numbers)
            axes.plot(mean, row, "|", color="black", markersize=24, markeredgewidth=2, label="mean")
            if name in references:
                style = {"markersize": 9, "markeredgecolor": "black", "label": "the deck"}
                axes.plot(references[name], row, "D", color=ORANGE, **style)
            deviation = f"{np.std(numbers, ddof=1):.4f}" if len(numbers) > 1 else "-"
            write_row(margin, row, (len(numbers), f"{mean:.4f}", deviation))
        write_row(margin, -0.75, ("n", "mean", "sd"))
        axes.set(xlabel=label, yticks=range(len(values)), yticklabels=list(values), ylim=(len(values) - 0.5, -0.5))
        axes.grid(axis="x")
        handles = {line.get_label(): line for line in axes.lines}
        fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, markerscale=0.8)
    return path


def plot_claims(groups, path, title):
    """The deck's claims about differences as a forest plot: the mean difference, its 95% interval, a line at 0.

    groups: a dict of what is measured to a list of `study.claims.Claim`; none of them is empty.
    """
    heights = [1 + len(group) for group in groups.values()]
    with figure(path, (13, 1.4 + sum(0.24 + 0.36 * height for height in heights))) as fig:
        fig.suptitle(title)
        shape = {"squeeze": False, "height_ratios": heights, "width_ratios": (2, 1)}
        panels, margins = fig.subplots(len(groups), 2, sharex="col", sharey="row", **shape).T
        for axes, margin, (measured, group) in zip(panels, margins, groups.items()):
            axes.axvline(0, color="black", linewidth=1)
            for row, claim in enumerate(group):
                color = {"holds": BLUE, "does not hold": ORANGE}.get(claim.verdict, GREY)
                axes.plot([claim.low, claim.high], [row, row], color=color, linewidth=2)
                axes.plot(claim.mean, row, "s", color=color, markersize=6)
                write_row(margin, row, (claim.seeds, f"{claim.mean:.4f}", describe_interval(claim.low, claim.high)))
            words = ["slides" if "-" in claim.slides else "slide" for claim in group]
            labels = [f"{claim.statement} ({word} {claim.slides})" for word, claim in zip(words, group)]
            axes.set(yticks=range(len(group)), yticklabels=labels, ylim=(len(group) - 0.4, -0.6))
            axes.set_title(f"Difference in {measured}", loc="left", fontsize=11, fontweight="bold")
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            axes.grid(axis="x")
        write_row(margins[0], -1, ("n", "mean", "95% interval"))
        panels[-1].set_xlabel("mean difference and its 95% interval")
        panels[-1].locator_params(axis="x", nbins=5)
    return path
