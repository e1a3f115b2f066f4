"""What the deck claims, and what the rows of results/runs.csv say about it.

The functions take these rows as a DataFrame with one more column, `gap`: training minus validation accuracy.
A claim that no seed says anything about is left out.
"""

from itertools import pairwise
from typing import NamedTuple

from digits import deck
from digits.metrics import mean_interval, prediction_interval
from study.experiments import EXPERIMENTS

NAMES = {
    "mlp_256": "MLP 256",
    "mlp_800": "MLP 800",
    "mlp_dropout_rate0.25": "Dropout(0.25)",
    "mlp_dropout": "Dropout(0.5)",
    "cnn": "the CNN",
}
GAP, ACCURACY = "training minus validation accuracy", "test accuracy"
# Slide 14: the number of training images and its experiment, the smallest first
SIZES = dict(sorted((EXPERIMENTS[name].images, name) for name in EXPERIMENTS if name.startswith("mlp_800")))


class Claim(NamedTuple):
    """A claim of the deck, what is measured to judge it, and the verdict."""

    slides: str
    statement: str
    measured: str
    mean: float  # of what is measured, over the seeds
    low: float  # of the mean's 95% interval
    high: float
    seeds: int
    verdict: str  # "holds", "does not hold" or "undecided"


def judge_difference(slides, statement, measured, differences):
    """Judge the claim that the mean of `differences`, a Series of one per seed, is above 0, by its 95% interval."""
    low, high = mean_interval(differences)
    verdict = "holds" if low > 0 else "does not hold" if high < 0 else "undecided"
    return Claim(slides, statement, measured, differences.mean(), low, high, len(differences), verdict)


def judge_references(rows):
    """Return the `Claim`s that a model reaches the deck's test accuracy: it could be that of one of these runs.

    So it must lie between their percentiles 2.5 and 97.5, where 95 of 100 runs lie. Above them, the model does worse
    than the deck claims; below, better: either way the claim fails.
    """
    from scipy.stats import percentileofscore

    claims = []
    for name, accuracies in rows.groupby("experiment", sort=False)["test_accuracy"]:
        reference = deck.RUNS.get(name)
        if reference is None or reference.accuracy is None:
            continue
        number, seeds = reference.accuracy, len(accuracies)
        percentile = percentileofscore(accuracies, number, kind="mean")
        verdict = "undecided" if seeds < 2 else "holds" if 2.5 <= percentile <= 97.5 else "does not hold"
        measured = f"{ACCURACY}; {number} is at percentile {percentile:.0f}"
        if seeds > 1:
            measured += f", the standard deviation {accuracies.std():.4f}"
        result = (accuracies.mean(), *mean_interval(accuracies), seeds, verdict)
        claims.append(Claim(str(reference.slide), f"{NAMES[name]} reaches {number}", measured, *result))
    return claims


def judge_differences(rows):
    """Return the `Claim`s about a difference in GAP or in ACCURACY, which is paired by seed."""
    table = rows.pivot(index="seed", columns="experiment", values=["gap", "test_accuracy"])
    claims = []

    def compare(slide, statement, measured, more, less):
        """Judge the claim that the experiment `more` has larger values than `less`, by the seeds that have both."""
        values = table["test_accuracy" if measured == ACCURACY else "gap"].reindex(columns=[more, less]).dropna()
        if len(values):
            claims.append(judge_difference(slide, statement, measured, values[more] - values[less]))

    compare("13", "800 hidden units overfit more than 256", GAP, "mlp_800", "mlp_256")
    compare("13", "800 hidden units reach a higher test accuracy", ACCURACY, "mlp_800", "mlp_256")
    for name in ("mlp_dropout_rate0.25", "mlp_dropout"):
        compare("14-17", f"{NAMES[name]} lowers overfitting", f"{GAP}, without minus with", "mlp_800", name)
    for small, large in pairwise(SIZES):
        statement = f"{large} images overfit less than {small}"
        compare("14", statement, f"{GAP}, the decrease", SIZES[small], SIZES[large])
    for name in ("mlp_256", "mlp_800", "mlp_dropout_rate0.25", "mlp_dropout"):
        compare("29", f"{NAMES['cnn']} beats {NAMES[name]}", ACCURACY, "cnn", name)
    return claims


def describe_interval(low, high):
    """Return an interval as a text; "-" for that of a single value, whose ends are NaN."""
    return "-" if low != low else f"{low:.4f} to {high:.4f}"


def experiment_table(rows):
    """Return a DataFrame of texts, one row per experiment; of a single seed, without a standard deviation."""
    import pandas as pd

    groups = rows.groupby("experiment", sort=False)
    seeds, accuracy = groups.size(), groups["test_accuracy"]
    deviation = accuracy.std().map(" ± {:.4f}".format).where(seeds > 1, "")
    columns = {
        "seeds": seeds,
        "test accuracy": accuracy.mean().map("{:.4f}".format) + deviation,
        "lowest to highest": accuracy.min().map("{:.4f} to ".format) + accuracy.max().map("{:.4f}".format),
        "99% prediction interval": [describe_interval(*prediction_interval(values)) for _, values in accuracy],
        "training - validation": groups["gap"].mean().map("{:+.4f}".format),
    }
    return pd.DataFrame(columns).reset_index()


def claim_table(rows):
    """Return a DataFrame of texts, one row per claim."""
    import pandas as pd

    table = pd.DataFrame([*judge_references(rows), *judge_differences(rows)], columns=Claim._fields)
    table["mean"] = table["mean"].map("{:.4f}".format)
    table["95% interval"] = [describe_interval(low, high) for low, high in zip(table["low"], table["high"])]
    table = table.rename(columns={"slides": "slide", "statement": "claim"})
    return table[["slide", "claim", "measured", "mean", "95% interval", "seeds", "verdict"]]
